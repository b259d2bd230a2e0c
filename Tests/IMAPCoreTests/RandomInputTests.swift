import NIOCore
import Testing

@testable import IMAPCore

/// xorshift; a test names its seed, so a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite struct RandomInputTests {
    static let corpus = (CommandParserTests.simple + CommandParserTests.mailboxes + CommandParserTests.messages).map {
        Array("a1 \($0.0)".utf8)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomOctetsNeverTrap(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...80, using: &generator)
            let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? IMAPParser().parse(octets)
            var append = AppendParser(IMAPParser())
            _ = try? append.begin(prefix: octets, size: 1)
            _ = try? append.next(octets, size: 1)
            _ = try? append.end(octets)
            _ = IMAPMessageURL(octets)
        }
    }

    @Test(arguments: [5, 6, 7, 8] as [UInt64])
    func mutatedCommandsNeverTrap(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        let spice = Array("(){}[]<>\"\\*%,:.$&~+- \r\n0919\u{0}".utf8) + [0xFF, 0xC3]
        for _ in 0..<3000 {
            var octets = Self.corpus.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0...octets.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: octets.insert(spice.randomElement(using: &generator) ?? 0, at: position)
                case 1: if position < octets.count { octets.remove(at: position) }
                default: octets.removeSubrange(position...)
                }
            }
            _ = try? IMAPParser(leniency: Bool.random(using: &generator) ? .default : []).parse(octets)
            _ = try? IMAPParser(nameEncoding: .utf8).parse(octets)
        }
    }

    @Test func everyPrefixOfACommandIsSafe() {
        for command in Self.corpus {
            for end in 0...command.count { _ = try? IMAPParser().parse(Array(command[..<end])) }
        }
    }

    @Test(arguments: [9, 10, 11] as [UInt64])
    func framerTakesAnything(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        let words = [
            "a APPEND x ", "{3}", "{3+}", "{99999}", "\r\n", "\n", "abc", "b NOOP", "~{5+}", "{", "}", " LOGIN ",
        ]
        var limits = IMAPLimits()
        limits.line = 100
        limits.swallow = 1000
        limits.swallowLine = 300
        for _ in 0..<400 {
            var framer = IMAPFramer(limits: limits)
            framer.expect(.command(.authenticated))
            var buffer = ByteBuffer()
            for _ in 0..<60 {
                buffer.writeString(words.randomElement(using: &generator) ?? "")
                var frames = 0
                while let frame = framer.next(&buffer) {
                    frames += 1
                    #expect(frames < 1000)
                    if case .fatal = frame { break }
                    if framer.isPaused {
                        let modes: [IMAPFramingMode] = [
                            .command(.authenticated), .appendAccepted, .appendRefused, .idle, .authentication,
                        ]
                        framer.expect(modes.randomElement(using: &generator) ?? .idle)
                    }
                }
                #expect(framer.gathered.count <= limits.command + limits.line)
            }
        }
    }
}
