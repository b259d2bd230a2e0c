import Testing

@testable import IMAPCore

@Suite struct FramerSplitTests {
    static let pieces = [
        "a APPEND x ", "{3}\r\n", "{3+}\r\n", "{25+}\r\n", "{25}\r\n", "{0+}\r\n", "{999+}\r\n", "\r\n", "\n", "\r",
        "abc", "b NOOP\r\n",
        "c SELECT ", "f REPLACE 3 x ", "f UID REPLACE 3 ", " URL ", "CATENATE (TEXT ", "~{5+}\r\n", "{", "}",
        "d LOGIN a b\r\n", "e IDLE\r\n", "DONE\r\n",
        String(repeating: "x", count: 30),
    ]

    /// What came out, without the first octets of what was refused: how many are known depends on the split.
    static func frames(_ chunks: [[UInt8]]) -> [Seen] {
        var limits = IMAPFramerTests.small
        limits.appendUnasked = 3
        var run = FramerRun(
            limits: limits,
            answer: { frame in
                switch frame {
                case .appendBegin(_, let size, _), .appendNext(_, let size, _):
                    size.isMultiple(of: 2) ? .appendRefused : .appendAccepted
                case .command(let octets) where octets.starts(with: Array("e IDLE".utf8)): .idle
                case .fatal: nil
                default: .command(.authenticated)
                }
            })
        run.feed(chunks)
        return run.seen.map { frame in
            switch frame {
            case .refused(_, let problem): .refused("", problem)
            case .end(let text) where text.hasSuffix("?"): .end("?")
            default: frame
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func framesDoNotDependOnTheSplit(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<300 {
            var text = ""
            for _ in 0..<Int.random(in: 1...14, using: &generator) {
                text += Self.pieces.randomElement(using: &generator) ?? ""
            }
            let octets = Array(text.utf8)
            let whole = Self.frames([octets])
            #expect(Self.frames(octets.map { [$0] }) == whole, "\(text.debugDescription)")
            let split = Int.random(in: 0...octets.count, using: &generator)
            #expect(
                Self.frames([Array(octets[..<split]), Array(octets[split...])]) == whole, "\(text.debugDescription)")
        }
    }
}
