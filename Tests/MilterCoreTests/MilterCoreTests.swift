import MailMessage
import MailSyntax
import NIOCore
import Testing

@testable import MilterCore

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite struct MilterFramerTests {
    private let packets = [
        MilterPacket("c"), MilterPacket("h", bytes("X-A\0b\0")), MilterPacket("b", Array(repeating: 65, count: 65_535)),
    ]

    private var wire: [UInt8] {
        var buffer = ByteBuffer()
        for packet in packets { packet.write(to: &buffer) }
        return Array(buffer.readableBytesView)
    }

    @Test(arguments: [1, 2, 3, 7, 4096, 1_000_000])
    func packetsAreTheSameHoweverTheyAreCut(_ size: Int) throws {
        var framer = MilterFramer()
        var found: [MilterPacket] = []
        var rest = wire[...]
        while !rest.isEmpty {
            framer.append(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let packet = try framer.next() { found.append(packet) }
        }
        #expect(found == packets)
    }

    @Test(arguments: [[0, 0, 0, 0, 99], [0xFF, 0xFF, 0xFF, 0xFF, 99], [0, 2, 0, 1, 99]] as [[UInt8]])
    func aLengthThatNoPacketHasIsRefused(_ octets: [UInt8]) {
        var framer = MilterFramer()
        framer.append(ByteBuffer(bytes: octets))
        #expect(throws: MilterError.self) { try framer.next() }
    }
}

@Suite struct MilterOptionsTests {
    private func answer(_ numbers: [UInt32], _ more: [UInt8] = []) -> MilterPacket {
        MilterPacket("O", numbers.flatMap(\.milterOctets) + more)
    }

    @Test func theOfferIsVersionSixWithEverything() {
        #expect(MilterOptions.offer == answer([6, 0x1FF, 0x1F_F7FF]))
    }

    @Test func wantedMacrosAreRead() throws {
        let more = UInt32(2).milterOctets + bytes("i {auth_authen}, j\0")
        let options = try MilterOptions(answer: answer([6, 0x11, 0x100_0F7], more))
        #expect(options.actions == [.addHeaders, .changeHeaders])
        #expect(options.macros == [.mail: ["i", "{auth_authen}", "j"]])
        let event = MilterEvent.macros(.mail, options, ["i": "7", "{auth_authen}": "fbi", "{mail_addr}": "x"])
        #expect(event == MilterPacket("D", bytes("Mi\u{0}7\u{0}{auth_authen}\u{0}fbi\u{0}")))
    }

    @Test(arguments: [
        MilterPacket("c"), MilterPacket("O", [0, 0, 0, 6]), MilterPacket("O", Array(repeating: 0, count: 12)),
        MilterPacket("O", [6, 0x200, 0].flatMap { UInt32($0).milterOctets }),
        MilterPacket("O", [6, 0, 0x800].flatMap { UInt32($0).milterOctets }),
        MilterPacket("O", [7, 0, 0].flatMap { UInt32($0).milterOctets }),
        MilterPacket("O", [6, 0, 0].flatMap { UInt32($0).milterOctets } + [0, 0, 0, 1, 65]),
    ])
    func whatWasNotOfferedIsRefused(_ packet: MilterPacket) {
        #expect(throws: MilterError.self) { try MilterOptions(answer: packet) }
    }
}

@Suite struct MilterEventTests {
    @Test func eventsHaveTheFormsOfTheProtocol() throws {
        let four = try #require(IPAddress("192.0.2.1"))
        let six = try #require(IPAddress("2001:db8::1"))
        #expect(
            MilterEvent.connect(name: "a.b", address: four, port: 25).packet
                == MilterPacket("C", bytes("a.b\u{0}4") + [0, 25] + bytes("192.0.2.1\0")))
        #expect(
            MilterEvent.connect(name: "a", address: six, port: 258).packet
                == MilterPacket("C", bytes("a\u{0}6") + [1, 2] + bytes("2001:db8::1\0")))
        #expect(MilterEvent.connect(name: "a", address: nil, port: 0).packet == MilterPacket("C", bytes("a\0U")))
        #expect(
            MilterEvent.mail(path: "<a@b>", parameters: ["SIZE=1"]).packet
                == MilterPacket("M", bytes("<a@b>\0SIZE=1\0")))
        let field = MilterEvent.header(name: "Subject", value: bytes(" a\r\n\tb"))
        #expect(field.packet == MilterPacket("L", bytes("Subject\0a\n\tb\0")))
        #expect(field.packet(keepsSpace: true) == MilterPacket("L", bytes("Subject\0 a\n\tb\0")))
        #expect(MilterEvent.body([1, 0, 2]).packet == MilterPacket("B", [1, 0, 2]))
    }

    @Test func aTextCanNotHoldANUL() {
        #expect(MilterEvent.helo("a\0b").packet == MilterPacket("H", bytes("ab\0")))
    }

    @Test func stepsThatAreNotWantedOrNotAnswered() {
        let options = MilterOptions(steps: [.noConnect, .silentHeaders, .noBody])
        #expect(!MilterEvent.connect(name: "", address: nil, port: 0).isWanted(options))
        #expect(MilterEvent.helo("x").isWanted(options) && MilterEvent.helo("x").isAnswered(options))
        #expect(!MilterEvent.header(name: "", value: []).isAnswered(options))
        #expect(!MilterEvent.body([]).isWanted(options))
        #expect(MilterEvent.endOfMessage.isWanted(options) && MilterEvent.endOfMessage.isAnswered(options))
        #expect(!MilterEvent.data.isWanted(MilterOptions(version: 2)))
    }
}

@Suite struct MilterReplyTests {
    private func reply(
        _ letter: Character, _ data: String = "", _ options: MilterOptions = .init()
    ) throws -> MilterReply {
        try MilterReply(MilterPacket(letter, bytes(data)), options)
    }

    @Test func answersAreRead() throws {
        #expect(try reply("c") == .goOn)
        #expect(try reply("a") == .accept)
        #expect(try reply("d") == .discard)
        #expect(try reply("s") == .skip)
        #expect(try reply("p") == .progress)
        #expect(try reply("r") == .refuse(.rejected))
        #expect(try reply("t") == .refuse(.tempfailed))
        #expect(try reply("4") == .refuse(.tempfailed))
    }

    @Test(arguments: [
        ("550 5.7.1 no thanks\0", 550, "5.7.1", "no thanks"), ("451 wait\0", 451, nil, "wait"),
        ("554-5.7.1 one\r\n554 5.7.1 two\0", 554, "5.7.1", "one two"), ("421 4.3.2 bye\0", 451, "4.3.2", "bye"),
        ("550 4.7.1 mixed\0", 550, nil, "4.7.1 mixed"), ("550", 550, nil, "Refused"),
        ("550 5.7.1 a\rb\u{1B}[0m\0", 550, "5.7.1", "a"),
    ])
    func ownWordsAreTaken(_ data: String, _ code: Int, _ enhanced: String?, _ words: String) throws {
        guard case .refuse(let refusal) = try reply("y", data) else { return #expect(Bool(false)) }
        #expect(refusal.code == code)
        #expect(refusal.enhanced?.description == enhanced)
        #expect(refusal.text.hasPrefix(words))
    }

    @Test func changesAreRead() throws {
        #expect(try reply("h", "X-A\0b\n c\0") == .change(.addHeader(name: "X-A", value: bytes(" b\r\n c"))))
        #expect(
            try MilterReply(MilterPacket("i", [0, 0, 0, 1] + bytes("X-A\0b\0")), .init())
                == .change(.insertHeader(index: 1, name: "X-A", value: bytes(" b"))))
        #expect(
            try MilterReply(MilterPacket("m", [0, 0, 0, 2] + bytes("X-A\0\0")), .init())
                == .change(.changeHeader(index: 2, name: "X-A", value: nil)))
        #expect(try reply("+", "<a@b>\0") == .change(.addRecipient("<a@b>")))
        #expect(try reply("-", "<a@b>\0") == .change(.removeRecipient("<a@b>")))
        #expect(try reply("e", "<>\0") == .change(.changeSender("<>")))
        #expect(try reply("q", "spam\0") == .change(.quarantine(reason: "spam")))
        #expect(
            try reply("h", "X-A\0 b\0", .init(steps: .leadingSpace))
                == .change(.addHeader(name: "X-A", value: bytes(" b"))))
    }

    @Test func aValueCanNotBeginAnotherField() throws {
        let expected = MilterReply.change(.addHeader(name: "X-A", value: bytes(" b\r\n\tBcc: x")))
        #expect(try reply("h", "X-A\0b\r\n\r\nBcc: x\0") == expected)
        #expect(try reply("h", "X-A\0b\n \nBcc: x\n\0") == expected)
    }

    @Test(arguments: [
        ("y", "hello\0"), ("y", "250 ok\0"), ("h", "X-A\0"), ("h", "X A\0b\0"), ("h", "\0b\0"), ("h", "X:\0b\0"),
        ("i", "ab"), ("+", "<a@b>"), ("Z", ""), ("c2", ""),
    ])
    func whatIsNoAnswerIsRefused(_ letter: String, _ data: String) {
        guard let first = letter.first, letter.count == 1 else { return }
        #expect(throws: MilterError.self) { try reply(first, data) }
    }

    @Test func changesThatWereNotAgreedOnAreRefused() {
        let options = MilterOptions(actions: [.addHeaders])
        #expect(throws: MilterError.self) { try reply("b", "x", options) }
        #expect(throws: MilterError.self) { try reply("+", "<a@b>\0", options) }
        #expect(throws: MilterError.self) { try reply("q", "x\0", options) }
    }
}

@Suite struct MilterHeaderTests {
    private func apply(_ changes: MilterChange...) -> String {
        var header = MilterHeader(HeaderBlock(parsing: bytes("A: 1\r\nB: 2\r\n x\r\na: 3\r\n\r\n")))
        for change in changes { header.apply(change) }
        #expect(header.octets == header.bytes.count)
        return text(header.bytes)
    }

    @Test func fieldsAreAddedInsertedChangedAndRemoved() {
        #expect(apply(.addHeader(name: "C", value: bytes(" 4"))) == "A: 1\r\nB: 2\r\n x\r\na: 3\r\nC: 4\r\n\r\n")
        #expect(
            apply(.insertHeader(index: 0, name: "C", value: bytes(" 4")))
                == "C: 4\r\nA: 1\r\nB: 2\r\n x\r\na: 3\r\n\r\n")
        #expect(
            apply(.insertHeader(index: 99, name: "C", value: bytes(" 4")))
                == "A: 1\r\nB: 2\r\n x\r\na: 3\r\nC: 4\r\n\r\n")
        #expect(
            apply(.changeHeader(index: 2, name: "A", value: bytes(" 9"))) == "A: 1\r\nB: 2\r\n x\r\na: 9\r\n\r\n")
        #expect(apply(.changeHeader(index: 1, name: "b", value: nil)) == "A: 1\r\na: 3\r\n\r\n")
        #expect(apply(.changeHeader(index: 7, name: "A", value: nil)) == "A: 1\r\nB: 2\r\n x\r\na: 3\r\n\r\n")
        #expect(
            apply(.changeHeader(index: 3, name: "A", value: bytes(" 9")))
                == "A: 1\r\nB: 2\r\n x\r\na: 3\r\nA: 9\r\n\r\n")
    }

    @Test func aMessageWithoutAHeaderGetsOne() {
        var header = MilterHeader(HeaderBlock(parsing: bytes("\r\n")))
        header.apply(.addHeader(name: "C", value: bytes(" 4")))
        #expect(text(header.bytes) == "C: 4\r\n\r\n")
    }
}
