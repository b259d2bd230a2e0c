import NIOCore
import Testing

@testable import IMAPCore

/// A frame with appended data joined, so that splits don't show.
enum Seen: Equatable, CustomStringConvertible {
    case command(String)
    case go
    case line(String)
    case begin(String, Int, IMAPLiteralKind)
    case data(String)
    case next(String, Int, IMAPLiteralKind)
    case end(String)
    case refused(String, IMAPFramingProblem)
    case fatal(IMAPFramingProblem)

    var description: String {
        switch self {
        case .command(let text): "command(\(text.debugDescription))"
        case .go: "go"
        case .line(let text): "line(\(text.debugDescription))"
        case .begin(let text, let size, let kind): "begin(\(text.debugDescription), \(size), \(kind))"
        case .data(let text): "data(\(text.debugDescription))"
        case .next(let text, let size, let kind): "next(\(text.debugDescription), \(size), \(kind))"
        case .end(let text): "end(\(text.debugDescription))"
        case .refused(let text, let problem): "refused(\(text.debugDescription), \(problem))"
        case .fatal(let problem): "fatal(\(problem))"
        }
    }
}

extension IMAPLimits {
    /// No message comes in before the session has agreed.
    static var asking: IMAPLimits {
        var limits = IMAPLimits()
        limits.appendUnasked = 0
        return limits
    }
}

struct FramerRun {
    var framer: IMAPFramer
    var seen: [Seen] = []
    /// What to answer a pause with.
    var answer: (IMAPFrame) -> IMAPFramingMode?

    init(
        limits: IMAPLimits = .asking, stage: IMAPFramingStage = .authenticated,
        answer: @escaping (IMAPFrame) -> IMAPFramingMode? = { frame in
            switch frame {
            case .appendBegin, .appendNext: .appendAccepted
            default: .command(.authenticated)
            }
        }
    ) {
        framer = IMAPFramer(limits: limits)
        framer.expect(.command(stage))
        self.answer = answer
    }

    mutating func feed(_ chunks: [[UInt8]]) {
        var buffer = ByteBuffer()
        for chunk in chunks {
            buffer.writeBytes(chunk)
            while let frame = framer.next(&buffer) {
                note(frame)
                if framer.isPaused {
                    #expect(framer.next(&buffer) == nil)
                    guard let mode = answer(frame) else { continue }
                    framer.expect(mode)
                }
            }
        }
    }

    private mutating func note(_ frame: IMAPFrame) {
        func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }
        switch frame {
        case .command(let octets): seen.append(.command(text(octets)))
        case .continuationNeeded: seen.append(.go)
        case .line(let octets): seen.append(.line(text(octets)))
        case .appendBegin(let prefix, let size, let kind): seen.append(.begin(text(prefix), size, kind))
        case .appendData(let piece):
            let more = String(buffer: piece)
            if case .data(let before) = seen.last {
                seen[seen.count - 1] = .data(before + more)
            } else {
                seen.append(.data(more))
            }
        case .appendNext(let rest, let size, let kind): seen.append(.next(text(rest), size, kind))
        case .appendEnd(let rest): seen.append(.end(text(rest)))
        case .refused(let prefix, let problem): seen.append(.refused(text(prefix), problem))
        case .fatal(let problem): seen.append(.fatal(problem))
        }
    }
}

@Suite struct IMAPFramerTests {
    static let small: IMAPLimits = {
        var limits = IMAPLimits()
        limits.line = 60
        limits.literal = 20
        limits.literals = 3
        limits.command = 70
        limits.swallow = 200
        limits.swallowLine = 150
        limits.appendUnasked = 0
        return limits
    }()

    static let table: [(String, [Seen])] = [
        ("a NOOP\r\n", [.command("a NOOP")]),
        ("a NOOP\nb CHECK\r\n", [.command("a NOOP"), .command("b CHECK")]),
        ("\r\n", [.command("")]),
        ("a LOGIN {3}\r\njoe {2}\r\npw\r\n", [.go, .go, .command("a LOGIN {3}\r\njoe {2}\r\npw")]),
        (
            "a LOGIN {3+}\r\njoe {2+}\r\npw\r\nb NOOP\r\n",
            [.command("a LOGIN {3+}\r\njoe {2+}\r\npw"), .command("b NOOP")]
        ),
        ("a SELECT {0}\r\n\r\n", [.go, .command("a SELECT {0}\r\n")]),
        ("a SELECT {4+}\r\n\r\n\r\n\r\n", [.command("a SELECT {4+}\r\n\r\n\r\n")]),
        ("a SELECT x{3+}\r\nabc\r\n", [.command("a SELECT x{3+}\r\nabc")]),
        ("a SELECT {x}\r\n", [.command("a SELECT {x}")]),
        ("a SELECT {}\r\n{+}\r\n", [.command("a SELECT {}"), .command("{+}")]),
        ("a SELECT {21}\r\nb NOOP\r\n", [.refused("a SELECT {21}", .literalTooLarge), .command("b NOOP")]),
        (
            "a SELECT {25+}\r\nx DELETE y\r\nz DELETE y\r\n.\r\nb NOOP\r\n",
            [.refused("a SELECT {25+}", .literalTooLarge), .command("b NOOP")]
        ),
        (
            "a SELECT {21+}\r\n012345678901234567890 {4+}\r\n\r\n\r\n x\r\nb NOOP\r\n",
            [.refused("a SELECT {21+}", .literalTooLarge), .command("b NOOP")]
        ),
        (
            "a SELECT {21+}\r\n012345678901234567890 {4}\r\nb NOOP\r\n",
            [.refused("a SELECT {21+}", .literalTooLarge), .command("b NOOP")]
        ),
        ("a SELECT {201+}\r\nb NOOP\r\n", [.fatal(.literalTooLarge)]),
        (
            "a SELECT {99999999999999999999999}\r\nb NOOP\r\n",
            [.refused("a SELECT {99999999999999999999999}", .literalTooLarge), .command("b NOOP")]
        ),
        ("a SELECT {99999999999999999999999+}\r\nb NOOP\r\n", [.fatal(.literalTooLarge)]),
        (
            "a X {1}\r\n1 {1}\r\n2 {1}\r\n3 {1}\r\nb NOOP\r\n",
            [.go, .go, .go, .refused("a X {1}\r\n1 {1}\r\n2 {1}\r\n3 {1}", .tooManyLiterals), .command("b NOOP")]
        ),
        (
            "a X {20+}\r\n01234567890123456789 {20+}\r\n01234567890123456789 {20+}\r\n01234567890123456789 {9}\r\nb NOOP\r\n",
            [
                .refused(
                    "a X {20+}\r\n01234567890123456789 {20+}\r\n01234567890123456789 {20+}", .commandTooLarge),
                .command("b NOOP"),
            ]
        ),
        (
            "a APPEND x {5}\r\nhello\r\nb NOOP\r\n",
            [.begin("a APPEND x ", 5, .synchronizing), .data("hello"), .end(""), .command("b NOOP")]
        ),
        (
            "a append x (\\Seen) {5+}\r\nhello\r\n",
            [.begin("a append x (\\Seen) ", 5, .nonSynchronizing), .data("hello"), .end("")]
        ),
        (
            "a APPEND {1}\r\nx {5}\r\nhello\r\n",
            [.go, .begin("a APPEND {1}\r\nx ", 5, .synchronizing), .data("hello"), .end("")]
        ),
        ("a APPEND x {0}\r\n\r\n", [.begin("a APPEND x ", 0, .synchronizing), .end("")]),
        ("a APPEND x ~{2+}\r\nhi\r\n", [.begin("a APPEND x ~", 2, .nonSynchronizing), .data("hi"), .end("")]),
        (
            "a APPEND x {2+}\r\nhi {3+}\r\nyou\r\nb NOOP\r\n",
            [
                .begin("a APPEND x ", 2, .nonSynchronizing), .data("hi"), .next(" ", 3, .nonSynchronizing),
                .data("you"),
                .end(""), .command("b NOOP"),
            ]
        ),
        (
            "a APPEND x CATENATE (URL {2+}\r\n/y TEXT {2+}\r\nhi URL {2+}\r\n/z TEXT ~{1+}\r\n! URL a)\r\nb NOOP\r\n",
            [
                .begin("a APPEND x CATENATE (URL {2+}\r\n/y TEXT ", 2, .nonSynchronizing), .data("hi"),
                .next(" URL {2+}\r\n/z TEXT ~", 1, .nonSynchronizing), .data("!"), .end(" URL a)"), .command("b NOOP"),
            ]
        ),
        (
            "a APPEND x (\\Seen) {2+}\r\nhi URL {2}\r\n/z\r\nb NOOP\r\n",
            [
                .begin("a APPEND x (\\Seen) ", 2, .nonSynchronizing), .data("hi"), .go, .end(" URL {2}\r\n/z"),
                .command("b NOOP"),
            ]
        ),
        (
            "a APPEND x {2+}\r\nhi URL {21}\r\nb NOOP\r\n",
            [.begin("a APPEND x ", 2, .nonSynchronizing), .data("hi"), .end(" URL {21}?"), .command("b NOOP")]
        ),
        (
            "a APPEND x {2+}\r\nhi URL {21+}\r\nc NOOP\r\n0123456789abc\r\nb NOOP\r\n",
            [.begin("a APPEND x ", 2, .nonSynchronizing), .data("hi"), .end(" URL {21+}?"), .command("b NOOP")]
        ),
        (
            "a APPEND URL {2}\r\nhi\r\n",
            [.begin("a APPEND URL ", 2, .synchronizing), .data("hi"), .end("")]
        ),
        (
            "a REPLACE 7 {1+}\r\nx {2+}\r\nhi\r\n",
            [.begin("a REPLACE 7 {1+}\r\nx ", 2, .nonSynchronizing), .data("hi"), .end("")]
        ),
        (
            "a uid replace 7 x UTF8 (~{2+}\r\nhi)\r\n",
            [.begin("a uid replace 7 x UTF8 (~", 2, .nonSynchronizing), .data("hi"), .end(")")]
        ),
        ("a REPLACE {2+}\r\nhi x\r\n", [.command("a REPLACE {2+}\r\nhi x")]),
        ("a UID {2+}\r\nhi x\r\n", [.command("a UID {2+}\r\nhi x")]),
        ("a APPEND x {2}\r\nhi junk\r\n", [.begin("a APPEND x ", 2, .synchronizing), .data("hi"), .end(" junk")]),
    ]

    @Test(arguments: table)
    func framesAreTheSameAtEverySplit(_ text: String, _ expected: [Seen]) {
        framesAreTheSameAtEverySplit(text, expected, Self.small)
        var limits = Self.small
        limits.appendUnasked = 1000
        let unasked = expected.map { frame -> Seen in
            switch frame {
            case .begin(let text, let size, .nonSynchronizing): .begin(text, size, .unasked)
            case .next(let text, let size, .nonSynchronizing): .next(text, size, .unasked)
            default: frame
            }
        }
        framesAreTheSameAtEverySplit(text, unasked, limits)
    }

    private func framesAreTheSameAtEverySplit(_ text: String, _ expected: [Seen], _ limits: IMAPLimits) {
        let octets = Array(text.utf8)
        func run(_ chunks: [[UInt8]]) -> [Seen] {
            var run = FramerRun(limits: limits)
            run.answer = { frame in
                switch frame {
                case .appendBegin, .appendNext: .appendAccepted
                case .fatal: nil
                default: .command(.authenticated)
                }
            }
            run.feed(chunks)
            return run.seen
        }
        #expect(run([octets]) == expected)
        #expect(run(octets.map { [$0] }) == expected)
        for split in 0...octets.count {
            #expect(run([Array(octets[..<split]), Array(octets[split...])]) == expected, "split at \(split)")
        }
    }

    @Test func refusedAppendIsSwallowedOrForgotten() {
        for (text, expected) in [
            ("a APPEND x {5}\r\nb NOOP\r\n", [Seen.begin("a APPEND x ", 5, .synchronizing), .command("b NOOP")]),
            (
                "a APPEND x {8+}\r\nc NOOP\r\n\r\nb NOOP\r\n",
                [.begin("a APPEND x ", 8, .nonSynchronizing), .command("b NOOP")]
            ),
        ] {
            for split in 0...text.utf8.count {
                var run = FramerRun(answer: { frame in
                    if case .appendBegin = frame { .appendRefused } else { .command(.authenticated) }
                })
                run.feed([Array(text.utf8.prefix(split)), Array(text.utf8.dropFirst(split))])
                #expect(run.seen == expected)
            }
        }
    }

    @Test func aLaterMessageCanBeRefused() {
        for (text, expected) in [
            ("a APPEND x {1+}\r\n1 {5}\r\nb NOOP\r\n", Seen.next(" ", 5, .synchronizing)),
            (
                "a APPEND x {1+}\r\n1 {8+}\r\nc NOOP\r\n (\\Seen) {8+}\r\nd NOOP\r\n\r\nb NOOP\r\n",
                .next(" ", 8, .nonSynchronizing)
            ),
        ] {
            for split in 0...text.utf8.count {
                var run = FramerRun(answer: { frame in
                    switch frame {
                    case .appendBegin: .appendAccepted
                    case .appendNext: .appendRefused
                    default: .command(.authenticated)
                    }
                })
                run.feed([Array(text.utf8.prefix(split)), Array(text.utf8.dropFirst(split))])
                let begin = Seen.begin("a APPEND x ", 1, .nonSynchronizing)
                #expect(run.seen == [begin, .data("1"), expected, .command("b NOOP")])
            }
        }
    }

    @Test func shortMessagesThatAreSentAnywayAreNotAskedFor() {
        var run = FramerRun(limits: IMAPLimits(), answer: { _ in nil })
        run.feed([Array("a APPEND x {2+}\r\nhi {0+}\r\n\r\nb APPEND x {16385+}\r\nc NOOP\r\n".utf8)])
        #expect(
            run.seen == [
                .begin("a APPEND x ", 2, .unasked), .data("hi"), .next(" ", 0, .unasked), .end(""),
                .begin("b APPEND x ", 16_385, .nonSynchronizing),
            ])
    }

    @Test func aGigabyteIsNotReadToBeRefused() {
        var run = FramerRun(answer: { frame in
            switch frame {
            case .appendBegin: .appendRefused
            case .fatal: nil
            default: .command(.authenticated)
            }
        })
        run.feed([Array("a APPEND x {1073741824}\r\nb APPEND x {1073741824+}\r\n".utf8)])
        #expect(
            run.seen == [
                .begin("a APPEND x ", 1 << 30, .synchronizing), .begin("b APPEND x ", 1 << 30, .nonSynchronizing),
                .fatal(.literalTooLarge),
            ])
    }

    @Test(arguments: ["STARTTLS", "AUTHENTICATE PLAIN", "login a b", "IDLE", "LOGOUT", "compress deflate"])
    func framingMayChangeAfter(_ command: String) {
        var framer = IMAPFramer()
        var buffer = ByteBuffer(string: "a \(command)\r\nDONE\r\n")
        #expect(framer.next(&buffer) == .command(Array("a \(command)".utf8)))
        #expect(framer.isPaused)
        #expect(framer.next(&buffer) == nil)
        #expect(String(buffer: buffer) == "DONE\r\n")
        framer.expect(.idle)
        #expect(framer.next(&buffer) == .line(Array("DONE".utf8)))
        #expect(framer.isPaused)
        framer.expect(.command(.authenticated))
        #expect(framer.next(&buffer) == nil)
        #expect(!framer.isPaused)
    }

    @Test func linesOfAuthenticationAreNoLiterals() {
        var run = FramerRun(answer: { _ in .authentication })
        run.feed([Array("a AUTHENTICATE X\r\nabc{5}\r\n*\r\n".utf8)])
        #expect(run.seen == [.command("a AUTHENTICATE X"), .line("abc{5}"), .line("*")])
    }

    @Test func linesAreBoundedAtTheLimit() {
        let fits = "a " + String(repeating: "x", count: 58)
        for (text, expected) in [
            (fits + "\r\nb NOOP\r\n", [Seen.command(fits), .command("b NOOP")]),
            (fits + "y\nb NOOP\r\n", [.command(fits + "y"), .command("b NOOP")]),
        ] {
            var run = FramerRun(limits: Self.small)
            run.feed(text.utf8.map { [$0] })
            #expect(run.seen == expected)
        }
        for extra in [1, 20, 80] {
            var run = FramerRun(limits: Self.small)
            run.feed((fits + String(repeating: "y", count: extra + 1) + "\r\nb NOOP\r\n").utf8.map { [$0] })
            #expect(run.seen.count == 2)
            guard case .refused(let prefix, .lineTooLong) = run.seen.first else {
                Issue.record("\(run.seen)")
                continue
            }
            #expect(prefix.hasPrefix("a xxx"))
            #expect(run.seen.last == .command("b NOOP"))
        }
    }

    @Test func anEndlessLineEndsTheConnection() {
        var run = FramerRun(limits: Self.small, answer: { _ in nil })
        run.feed(Array(repeating: Array(repeating: 0x41, count: 50), count: 100))
        #expect(run.seen == [.fatal(.lineTooLong)])
        #expect(run.framer.gathered.isEmpty)
    }

    @Test func literalsOfALongLineAreNotRunAsCommands() {
        var run = FramerRun(limits: Self.small)
        run.feed([Array((String(repeating: "x", count: 70) + " {10+}\r\nz NOOP\r\n..\r\nb NOOP\r\n").utf8)])
        #expect(run.seen.count == 2)
        #expect(run.seen.last == .command("b NOOP"))
    }

    @Test func strangersHaveSmallerLimits() {
        var run = FramerRun(stage: .notAuthenticated, answer: { _ in .command(.notAuthenticated) })
        run.feed([Array("a LOGIN {1025}\r\nb APPEND x {10}\r\n0123456789\r\n".utf8)])
        #expect(
            run.seen == [.refused("a LOGIN {1025}", .literalTooLarge), .go, .command("b APPEND x {10}\r\n0123456789")])
    }

    @Test func bigMessagesComeInPieces() {
        var framer = IMAPFramer()
        framer.expect(.command(.authenticated))
        var buffer = ByteBuffer(string: "a APPEND x {200000}\r\n")
        buffer.writeRepeatingByte(0x41, count: 200_000)
        buffer.writeString("\r\n")
        #expect(
            framer.next(&buffer)
                == .appendBegin(prefix: Array("a APPEND x ".utf8), size: 200_000, literal: .synchronizing))
        framer.expect(.appendAccepted)
        var sizes: [Int] = []
        while case .appendData(let piece)? = framer.next(&buffer) { sizes.append(piece.readableBytes) }
        #expect(sizes == [65_536, 65_536, 65_536, 3392])
        #expect(buffer.readableBytes == 0)
    }

    @Test func tlsForgetsEverything() {
        var framer = IMAPFramer()
        framer.expect(.command(.authenticated))
        var buffer = ByteBuffer(string: "a SELECT")
        #expect(framer.next(&buffer) == nil)
        framer.reset()
        buffer = ByteBuffer(string: "b NOOP\r\n")
        #expect(framer.next(&buffer) == .command(Array("b NOOP".utf8)))
        #expect(framer.stage == .notAuthenticated)
    }
}
