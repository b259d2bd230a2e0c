import MailSyntax
import NIOCore
import SMTPCore
import Testing

@Suite("Replies of servers")
struct ReplyFramerTests {
    static func frames(_ pieces: [String]) -> [SMTPReplyFrame] {
        var framer = SMTPReplyFramer()
        var buffer = ByteBuffer()
        var frames: [SMTPReplyFrame] = []
        for piece in pieces {
            buffer.writeString(piece)
            while let frame = framer.next(&buffer) { frames.append(frame) }
        }
        return frames
    }

    static let dialogue = "220 hi\r\n250-mx\r\n250-SIZE 10\n250 OK\r\n354\r\n"
    static let expected: [SMTPReplyFrame] = [
        .reply(SMTPRemoteReply(code: 220, lines: ["hi"])),
        .reply(SMTPRemoteReply(code: 250, lines: ["mx", "SIZE 10", "OK"])),
        .reply(SMTPRemoteReply(code: 354, lines: [""])),
    ]

    @Test("Replies are the same however they are cut")
    func cuts() {
        #expect(Self.frames([Self.dialogue]) == Self.expected)
        #expect(Self.frames(Self.dialogue.unicodeScalars.map { String($0) }) == Self.expected)
        let octets = Array(Self.dialogue.utf8)
        for cut in 0...octets.count {
            let pieces = [octets[..<cut], octets[cut...]].map { String(decoding: $0, as: UTF8.self) }
            #expect(Self.frames(pieces) == Self.expected)
        }
    }

    @Test(
        "Nonsense is told once, and nothing follows it",
        arguments: [
            "HTTP/1.1 200 OK\r\n", "25\r\n", "250x\r\n", "199 a\r\n", "600 a\r\n", "250-a\r\n251 b\r\n", "\r\n",
            "\u{0}\u{1}\n",
        ]
    )
    func nonsense(_ text: String) {
        let frames = Self.frames([text + "250 ok\r\n"])
        #expect(frames.count == 1)
        if case .nonsense = frames.first {} else { Issue.record("\(frames)") }
    }

    @Test("Lines and replies have an end")
    func limits() {
        let longest = "250 " + String(repeating: "a", count: SMTPReplyFramer.maximumLine - 4)
        #expect(Self.frames([longest + "\n"]).count == 1)
        if case .reply = Self.frames([longest + "\n"]).first {} else { Issue.record("the longest line is refused") }
        let text = String(repeating: "a", count: SMTPReplyFramer.maximumLine - 4)
        let cut = [SMTPReplyFrame.reply(SMTPRemoteReply(code: 250, lines: [text]))]
        #expect(Self.frames([longest + "b\r\n"]) == cut, "a longer line is cut")
        #expect(Self.frames([longest, "b", "c\r", "\n"]) == cut)
        let more = String(repeating: "b", count: SMTPReplyFramer.maximumCut)
        let next = SMTPReplyFrame.reply(SMTPRemoteReply(code: 220, lines: ["hi"]))
        #expect(Self.frames([longest + more + "\n220 hi\n"]) == cut + [next])
        if case .nonsense = Self.frames([longest + more + "b\n"]).first {
        } else {
            Issue.record("an endless line is not refused")
        }
        let lines = String(repeating: "250-a\r\n", count: SMTPReplyFramer.maximumLines - 1)
        if case .reply = Self.frames([lines + "250 a\r\n"]).first {
        } else {
            Issue.record("the longest reply is refused")
        }
        if case .nonsense = Self.frames([lines + "250-a\r\n"]).first {} else { Issue.record("a longer one is not") }
    }

    @Test("Status and text are taken apart")
    func parts() {
        let reply = SMTPRemoteReply(code: 550, lines: ["5.1.1 no such", "5.1.1 user"])
        #expect(reply.status == EnhancedStatusCode(5, 1, 1))
        #expect(reply.text == "no such user")
        #expect(SMTPRemoteReply(code: 550, lines: ["2.0.0 what"]).status == nil)
        #expect(SMTPRemoteReply(code: 450, lines: ["later"]).statusOrDefault == EnhancedStatusCode(4, 0, 0))
    }

    @Test("Capabilities are read as servers write them")
    func capabilities() {
        let reply = SMTPRemoteReply(
            code: 250, lines: ["mx", "pipelining", "SIZE 1000", "AUTH PLAIN", "AUTH=LOGIN", "8BITMIME", "", "STARTTLS"])
        let capabilities = SMTPCapabilities(reply)
        #expect(capabilities.offersPipelining && capabilities.offersEightBit && capabilities.offersStartTLS)
        #expect(!capabilities.offersSMTPUTF8)
        #expect(capabilities.maximumSize == 1000)
        #expect(capabilities.mechanisms == ["PLAIN", "LOGIN"])
        #expect(SMTPCapabilities(SMTPRemoteReply(code: 250, lines: ["mx", "SIZE 0"])).maximumSize == nil)
        #expect(SMTPCapabilities(SMTPRemoteReply(code: 250, lines: ["mx", "SIZE x"])).maximumSize == nil)
    }
}
