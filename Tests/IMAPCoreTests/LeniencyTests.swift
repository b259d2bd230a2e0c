import NIOCore
import Testing

@testable import IMAPCore

@Suite struct LeniencyTests {
    static let table: [(String, IMAPLeniency)] = [
        ("NOOP ", .trailingSpace),
        ("SEARCH ALL  ", .trailingSpace),
        ("STORE 1 FLAGS \\Seen ", .trailingSpace),
        ("LOGIN a \"pässword\"", .utf8InStrings),
        ("SEARCH TEXT \"ü\"", .utf8InStrings),
        ("STORE 1 FLAGS ( \\Seen )", .paddedLists),
        ("STORE 1 FLAGS (\\Seen  \\Draft)", .paddedLists),
        ("FETCH 1 (FLAGS )", .paddedLists),
        ("FETCH  1  FLAGS", .doubleSpace),
    ]

    @Test(arguments: table)
    func eachHasItsSwitch(_ text: String, _ leniency: IMAPLeniency) throws {
        let octets = Array("a \(text)".utf8)
        #expect(throws: IMAPParseError.self) { try IMAPParser(leniency: []).parse(octets) }
        _ = try IMAPParser(leniency: leniency).parse(octets)
    }

    @Test(arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func highOctetsMustBeUTF8(_ password: [UInt8]) {
        let octets = Array("a LOGIN x \"".utf8) + password + Array("\"".utf8)
        let error = #expect(throws: IMAPParseError.self) { try IMAPParser().parse(octets) }
        #expect(error?.code == .forbiddenOctet)
    }

    @Test func highOctetsAreFreeInLiterals() throws {
        let octets = Array("a LOGIN x {2}\r\n".utf8) + [0xFF, 0xFE]
        let command = try IMAPParser().parse(octets)
        #expect(command.body == .login(.init(user: [0x78], password: [0xFF, 0xFE])))
    }

    @Test(
        arguments: [
            ("a1 SELECT {99}", "a1"), ("a1", "a1"), ("", nil), ("+ x", nil), ("{5}", nil), ("a{5}", nil), ("é x", nil),
        ] as [(String, String?)])
    func tagsOfRefusedFramesAreFound(_ prefix: String, _ tag: String?) {
        #expect(IMAPParser().tag(of: Array(prefix.utf8)) == tag)
    }

    @Test(arguments: ["SELECT", "SUBSCRIBE", "DELETE", "UNSUBSCRIBE", "EXAMINE", "MYRIGHTS"])
    func separatorsAtTheEndOfNamesAreDropped(_ verb: String) throws {
        func read(_ name: String, _ leniency: IMAPLeniency = .default) throws -> IMAPCommand.Body {
            try IMAPParser(leniency: leniency).parse(Array("a \(verb) \(name)".utf8)).body
        }
        #expect(try read("Folder/") == read("Folder"))
        #expect(try read("a/b/") == read("a/b"))
        #expect(try read("Folder/", []) != read("Folder"))
        #expect(try read("/") != read("Folder"))
    }

    @Test func errorsNeverEchoWhatWasSent() {
        for text in ["LOGIN joe secret extra", "LOGIN joe \"secret", "AUTHENTICATE PLAIN secret!"] {
            let error = #expect(throws: IMAPParseError.self) { try IMAPParser().parse(Array("a \(text)".utf8)) }
            #expect(error?.description.contains("secret") == false)
        }
    }
}

@Suite struct FramingModeTests {
    @Test func authenticationLinesAreBounded() {
        var limits = IMAPLimits()
        limits.authenticationLine = 10
        // The line's CRLF does not count; a lone line feed leaves room for one octet more.
        for (count, end, isTaken) in [(10, "\r\n", true), (11, "\n", true), (11, "\r\n", false), (12, "\n", false)] {
            var framer = IMAPFramer(limits: limits)
            framer.expect(.authentication)
            var buffer = ByteBuffer(string: String(repeating: "A", count: count) + end)
            let line = [UInt8](repeating: 0x41, count: count)
            let refusal = IMAPFrame.refused(prefix: line + Array(end.utf8), .lineTooLong)
            #expect(framer.next(&buffer) == (isTaken ? .line(line) : refusal))
        }
    }

    @Test func decisionsThatDoNotFitAreSafe() {
        var framer = IMAPFramer(limits: .asking)
        framer.expect(.command(.authenticated))
        framer.expect(.appendAccepted)
        framer.expect(.appendRefused)
        var buffer = ByteBuffer(string: "a APPEND x {6+}\r\nb LOGO\r\nc NOOP\r\n")
        #expect(
            framer.next(&buffer) == .appendBegin(prefix: Array("a APPEND x ".utf8), size: 6, literal: .nonSynchronizing)
        )
        // Not the answer that was asked for; the message must still not be taken for a command.
        framer.expect(.command(.authenticated))
        #expect(framer.next(&buffer) == .command(Array("c NOOP".utf8)))
        #expect(framer.next(&buffer) == nil)
    }

    @Test func aHalfReadCommandSurvivesAnExpectation() {
        var framer = IMAPFramer()
        var buffer = ByteBuffer(string: "a LOG")
        #expect(framer.next(&buffer) == nil)
        framer.expect(.command(.authenticated))
        framer.expect(.idle)
        buffer.writeString("OUT\r\n")
        #expect(framer.next(&buffer) == .command(Array("a LOGOUT".utf8)))
    }

    @Test func idleEndsWithItsLine() {
        var framer = IMAPFramer(limits: .asking)
        framer.expect(.command(.authenticated))
        var buffer = ByteBuffer(string: "a IDLE\r\nDONE\r\nb APPEND x {1+}\r\n")
        #expect(framer.next(&buffer) == .command(Array("a IDLE".utf8)))
        framer.expect(.idle)
        #expect(framer.next(&buffer) == .line(Array("DONE".utf8)))
        #expect(framer.next(&buffer) == nil)
        framer.expect(.command(.authenticated))
        #expect(
            framer.next(&buffer) == .appendBegin(prefix: Array("b APPEND x ".utf8), size: 1, literal: .nonSynchronizing)
        )
    }
}
