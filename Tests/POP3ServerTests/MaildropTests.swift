import Directory
import MailConfig
import MailMessage
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import Testing

@testable import POP3Server

@Suite(.timeLimit(.minutes(2))) struct MaildropTests {
    private static let international = "From: zoë@example.org\r\nSubject: Grüße\r\n\r\nünverändert\r\n"

    /// Holds the lines that commands are answered with, dots stuffed, against what is expected.
    private func answers(
        _ expected: [(command: String, lines: [String])], saying first: String? = nil,
        _ adjust: @escaping @Sendable (inout POP3ServerOptions) -> Void = { _ in }
    ) async throws {
        let fixture = try await Fixture(adjust)
        try await fixture.append([Self.international, "A: b\r\n\u{0}"])
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                if let first { #expect(try await client.ask(first).hasPrefix("+OK")) }
                try await client.logIn()
                for (command, lines) in expected { #expect(try await client.askLines(command) == lines) }
            }
        }
    }

    @Test func aMessageInUTF8IsShownInASCIIToThoseWhoDoNotReadIt() async throws {
        let surrogate = [
            "From: =?utf-8?B?em/Dq0BleGFtcGxlLm9yZw==?=", " <invalid@internationalized-address.invalid>",
            "Subject: =?utf-8?B?R3LDvMOfZQ==?=", "",
        ]
        try await answers([("RETR 1", surrogate + ["ünverändert"]), ("TOP 1 0", surrogate)])
        let stored = ["From: zoë@example.org", "Subject: Grüße", ""]
        let whole = [("RETR 1", stored + ["ünverändert"]), ("TOP 1 0", stored)]
        try await answers(whole, saying: "UTF8")
        try await answers(whole) { $0.workarounds = [.rawHeaders] }
    }

    @Test func programsThatBreakOnMessagesAreSpared() async throws {
        try await answers([("RETR 2", ["A: b", "\u{0}"])])
        // 0x80 is no UTF-8: the client of these tests shows what it can't read so.
        let spared = ["A: b", "\u{FFFD}", ""]
        try await answers([("RETR 2", spared), ("TOP 2 9", spared)]) { $0.workarounds = [.noNULs, .endOfHeader] }
    }

    @Test func anExclusiveMaildropHasOneSession() async throws {
        let fixture = try await Fixture { $0.isExclusive = true }
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                try await Client.with(port, implicitTLS: true) { second in
                    _ = try await second.line()
                    try await second.expect("USER ann@example.com", "+OK send PASS")
                    #expect(try await second.ask("PASS secret").hasPrefix("-ERR [IN-USE] "))
                    try await second.expect("USER ann@example.com", "+OK send PASS")
                    try await second.expect("PASS wrong", "-ERR [AUTH] invalid login or password")
                }
                try await client.expect("QUIT", "+OK bye")
                await client.expectEnd()
            }
        }
        #expect(
            fixture.server.maildrops.enter(fixture.account.id, isExclusive: true, delay: .zero, now: .now) == .admitted)
    }

    @Test func aSharedMaildropHasSeveral() async throws {
        let fixture = try await Fixture()
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                try await Client.with(port, implicitTLS: true) { second in
                    _ = try await second.line()
                    try await second.logIn()
                }
            }
        }
    }

    @Test func loginsThatComeTooSoonAreToldSo() async throws {
        let fixture = try await Fixture { $0.loginDelay = .seconds(3600) }
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                #expect(try await client.askLines("CAPA").contains("LOGIN-DELAY 3600"))
                try await client.logIn()
                try await client.expect("QUIT", "+OK bye")
            }
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.expect("USER ann@example.com", "+OK send PASS")
                try await client.expect("PASS secret", "-ERR [LOGIN-DELAY] wait 3600 seconds between logins")
            }
        }
    }

    @Test func theRegistryCountsAndForgets() {
        let registry = MaildropRegistry()
        let (ann, bob) = (AccountID(rawValue: 1), AccountID(rawValue: 2))
        let start = ContinuousClock.now
        let delay = Duration.seconds(60)
        #expect(registry.enter(ann, isExclusive: false, delay: delay, now: start) == .admitted)
        #expect(registry.enter(ann, isExclusive: false, delay: delay, now: start + .seconds(59)) == .tooSoon)
        #expect(registry.enter(ann, isExclusive: false, delay: delay, now: start + delay) == .admitted)
        #expect(registry.enter(bob, isExclusive: true, delay: delay, now: start) == .admitted)
        registry.leave(ann)
        #expect(registry.enter(ann, isExclusive: true, delay: .zero, now: start) == .inUse)
        registry.leave(ann)
        registry.leave(ann)
        #expect(registry.enter(ann, isExclusive: true, delay: .zero, now: start) == .admitted)
        for number in 0..<20_000 {
            let account = AccountID(rawValue: Int64(number + 10))
            #expect(
                registry.enter(account, isExclusive: false, delay: delay, now: start + .seconds(number)) == .admitted)
        }
    }

    @Test func identifiersOfAnotherServerAreTold() async throws {
        let fixture = try await Fixture()
        let inbox = try await fixture.store.inbox(fixture.account.id)
        try await fixture.append(["Subject: one\r\n\r\n\r\n", "Subject: two\r\n\r\n\r\n"])
        let given = try #require(POP3UniqueID("1234.courier"))
        try await fixture.store.setPOP3UIDLs([(UID(rawValue: 1), given)], in: inbox)
        for _ in 0..<2 {
            try await fixture.running({ .implicit($0) }) { port, _ in
                try await Client.with(port, implicitTLS: true) { client in
                    _ = try await client.line()
                    try await client.logIn()
                    let lines = try await client.askLines("UIDL")
                    #expect(lines.first == "1 1234.courier" && lines.last?.hasPrefix("2 00000002") == true)
                    try await client.expect("UIDL 1", "+OK 1 1234.courier")
                }
            }
        }
    }

    @Test func aThousandCommandsAtOnceAreAnswered() async throws {
        let fixture = try await Fixture()
        try await fixture.append([String](repeating: "Subject: x\r\n\r\nbody\r\n", count: 100))
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                let commands = (0..<1_000).map { "RETR \($0 % 100 + 1)\r\n" }.joined()
                try await client.send(commands + "DELE 1\r\nQUIT\r\n")
                for _ in 0..<1_000 {
                    #expect(try await client.line() == "+OK 20 octets")
                    #expect(try await client.rest() == ["Subject: x", "", "body"])
                }
                #expect(try await client.line() == "+OK message 1 deleted")
                #expect(try await client.line() == "+OK bye")
                await client.expectEnd()
            }
        }
        #expect(try await fixture.uids().count == 99)
    }
}
