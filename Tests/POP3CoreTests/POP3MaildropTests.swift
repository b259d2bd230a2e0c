import POP3Core
import Testing

@Suite struct POP3MaildropTests {
    private static func maildrop(_ ids: [String?]) -> POP3Maildrop {
        POP3Maildrop(
            uidValidity: 0x5E,
            entries: ids.enumerated().map {
                .init(uid: UInt32($0.offset + 1), octets: 1, givenID: $0.element)
            })
    }

    private static func ids(_ given: [String?]) -> [String] {
        let maildrop = maildrop(given)
        return given.indices.map { maildrop.uniqueID($0) }
    }

    @Test func identifiersOfAnotherServerAreKept() {
        #expect(Self.ids(["UID1-7", nil, "x"]) == ["UID1-7", "000000020000005e", "x"])
    }

    // RFC 1939 §7
    @Test func noTwoMessagesHaveTheSame() {
        let own = (1...4).map { "0000000\($0)0000005e" }
        #expect(Self.ids(["a", "a", "b", nil]) == [own[0], own[1], "b", own[3]])
        // What another server said is what we would say of the last message.
        #expect(Self.ids([own[3], nil, nil, nil]) == own)
        #expect(Set(Self.ids([own[1], own[0], own[0], "c"])).count == 4)
        // One that gives way to another, which stands in the way of a third.
        #expect(Self.ids([own[1], nil, own[0]]) == [own[0], own[1], own[2]])
        #expect(Self.ids([own[0], nil]) == [own[0], own[1]])
    }

    @Test func anIdentifierStaysWhenAnotherMessageGoes() {
        let theirs = "000000090000005e"
        #expect(Self.ids([theirs]) == ["000000010000005e"], "it is what we called the ninth message")
        #expect(Self.ids(["000000090000005d"]) == ["000000090000005d"])
    }

    @Test func takingMarksBackIsNoWork() {
        var machine = POP3Machine(hostname: "mail.example.com", security: .encrypted)
        func said(_ line: String) -> String {
            guard case .reply(let octets) = machine.lineReceived(Array(line.utf8)) else { return "" }
            return String(decoding: octets, as: UTF8.self)
        }
        _ = said("USER ann")
        _ = machine.lineReceived(Array("PASS secret".utf8))
        _ = machine.loginAccepted(Self.maildrop((0..<100_000).map { "id-\($0)" }))
        for _ in 0..<1_000 {
            _ = said("DELE 7")
            #expect(said("STAT") == "+OK 99999 99999\r\n")
            for _ in 0..<100 { _ = said("RSET") }
            #expect(said("STAT") == "+OK 100000 100000\r\n")
        }
    }

    @Test func manyAreNoWork() {
        let given = (0..<100_000).map { $0.isMultiple(of: 2) ? "id-\($0)" : nil }
        #expect(Set(Self.ids(given)).count == given.count)
    }
}

@Suite struct POP3LanguageTests {
    @Test(arguments: [
        ("LANG en", "+OK en "), ("LANG EN", "+OK en "), ("lang *", "+OK i-default "),
        ("LANG i-default", "+OK i-default "),
        ("LANG de", "-ERR "), ("LANG \u{e4}", "-ERR "), ("LANG en de", "-ERR "),
        ("LANG", "+OK languages follow\r\nen "),
    ])
    func repliesAreInEnglish(line: String, answer: String) {
        var machine = POP3Machine(hostname: "mail.example.com", security: .encrypted)
        guard case .reply(let octets) = machine.lineReceived(Array(line.utf8)) else { return #expect(Bool(false)) }
        #expect(String(decoding: octets, as: UTF8.self).hasPrefix(answer))
    }

    @Test func aDelayIsAnnounced() {
        var machine = POP3Machine(hostname: "mail.example.com", security: .encrypted, loginDelay: 90)
        guard case .reply(let octets) = machine.lineReceived(Array("CAPA".utf8)) else { return #expect(Bool(false)) }
        #expect(String(decoding: octets, as: UTF8.self).contains("\r\nLOGIN-DELAY 90\r\n"))
    }
}
