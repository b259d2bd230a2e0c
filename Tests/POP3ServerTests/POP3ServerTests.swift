import Directory
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import POP3Server
import SASLCore
import Synchronization
import Telemetry
import Testing

private let messages = [
    "Subject: one\r\nFrom: a@example.com\r\n\r\nHello\r\n.dot\r\n..\r\nend\r\n",
    "Subject: two\r\n\r\n" + String(repeating: "0123456789abcdef0123456789abcdef\r\n", count: 10_000),
    "Subject: three\r\n\r\nno line end",
]

@Suite(.timeLimit(.minutes(2))) struct POP3ServerTests {
    @Test func aSessionOverImplicitTLS() async throws {
        let fixture = try await Fixture()
        try await fixture.append(messages)
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                #expect(try await client.line() == "+OK mail.example.com POP3 server ready")
                let capabilities = try await client.askLines("CAPA")
                #expect(capabilities.contains("SASL SCRAM-SHA-256 PLAIN LOGIN"))
                #expect(!capabilities.contains("STLS"))
                try await client.logIn()
                let sizes = messages.map(\.utf8.count)
                try await client.expect("STAT", "+OK 3 \(sizes.reduce(0, +))")
                let list = try await client.askLines("LIST")
                #expect(list == ["1 \(sizes[0])", "2 \(sizes[1])", "3 \(sizes[2])"])
                let validity = try await fixture.store.mailbox(fixture.account.id, path: "INBOX")?.uidValidity.rawValue
                let digits = String(try #require(validity), radix: 16)
                let suffix = String(repeating: "0", count: 8 - digits.count) + digits
                #expect(
                    try await client.askLines("UIDL") == [
                        "1 00000001\(suffix)", "2 00000002\(suffix)", "3 00000003\(suffix)",
                    ])
                try await client.expect("UIDL 2", "+OK 2 00000002\(suffix)")
                #expect(
                    try await client.askLines("RETR 1") == [
                        "Subject: one", "From: a@example.com", "", "Hello", "..dot", "...", "end",
                    ])
                let second = try await client.askLines("RETR 2")
                #expect(second.joined(separator: "\r\n") + "\r\n" == messages[1])
                #expect(try await client.askLines("RETR 3") == ["Subject: three", "", "no line end"])
                #expect(try await client.askLines("TOP 2 2") == Array(second.prefix(4)))
                #expect(try await client.askLines("TOP 1 0") == ["Subject: one", "From: a@example.com", ""])
                try await client.expect("QUIT", "+OK bye")
                await client.expectEnd()
            }
        }
        #expect(fixture.events.names == ["login", "disconnected"])
    }

    @Test func aSessionEndsWithItsAccountAndRemovesNothing() async throws {
        let fixture = try await Fixture()
        try await fixture.append([messages[0]])
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                try await client.expect("DELE 1", "+OK message 1 deleted")
                try await fixture.directory.setEnabled(fixture.account.address, false, author: "test")
                try await client.expect("QUIT", "-ERR [SYS/PERM] Account is disabled.")
                await client.expectEnd()
            }
        }
        #expect(try await fixture.store.quota(fixture.account.id).messages == 1)
    }

    @Test func withoutTLSNobodyLogsIn() async throws {
        let fixture = try await Fixture()
        try await fixture.running({ _ in .none }) { port, _ in
            try await Client.with(port) { client in
                _ = try await client.line()
                #expect(try await !client.askLines("CAPA").contains("STLS"))
                try await client.expect("STLS", "-ERR TLS is not available")
                #expect(try await client.ask("USER ann@example.com").hasPrefix("-ERR [AUTH] "))
                try await client.expect("QUIT", "+OK bye")
            }
        }
    }

    @Test func wrongLoginsAnswerAlikeAndAreLimited() async throws {
        let fixture = try await Fixture()
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                for user in ["ann@example.com", "bob@example.com", "ann", "x@elsewhere.example", "\u{e4}@example.com"] {
                    try await client.expect("USER \(user)", "+OK send PASS")
                    try await client.expect("PASS wrong", "-ERR [AUTH] invalid login or password")
                }
                await client.expectEnd()
            }
        }
        let logins = fixture.events.events.filter { $0.name == "login" }
        #expect(logins.count == 5)
        #expect(logins.allSatisfy { "\($0)".contains("invalid-credentials") && !"\($0)".contains("wrong") })
    }

    @Test func disabledAccountsAreToldSo() async throws {
        let fixture = try await Fixture()
        try await fixture.directory.setEnabled(fixture.account.address, false, author: "test")
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.expect("USER ann@example.com", "+OK send PASS")
                try await client.expect("PASS secret", "-ERR [AUTH] the account is disabled")
            }
        }
    }

    @Test func pipelinedCommandsAreAnsweredInOrder() async throws {
        let fixture = try await Fixture()
        try await fixture.append([messages[0], messages[2]])
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.send(
                    "USER ann@example.com\r\nPASS secret\r\nSTAT\r\nRETR 2\r\nDELE 1\nLIST\r\nRSET\r\nQUIT\r\n")
                #expect(try await client.line() == "+OK send PASS")
                #expect(try await client.line() == "+OK logged in, 2 messages")
                #expect(try await client.line().hasPrefix("+OK 2 "))
                #expect(try await client.line() == "+OK \(messages[2].utf8.count) octets")
                #expect(try await client.rest() == ["Subject: three", "", "no line end"])
                #expect(try await client.line() == "+OK message 1 deleted")
                #expect(try await client.line().hasPrefix("+OK 1 messages"))
                #expect(try await client.rest().count == 1)
                #expect(try await client.line().hasPrefix("+OK 2 messages"))
                #expect(try await client.line() == "+OK bye")
                await client.expectEnd()
            }
        }
        #expect(try await fixture.uids() == [1, 2])
    }

    @Test func messagesGoAfterQuitAndOnlyThen() async throws {
        let fixture = try await Fixture()
        try await fixture.append(messages)
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                try await client.expect("DELE 1", "+OK message 1 deleted")
                try await client.expect("NOOP", "+OK nothing done")
                client.connection.abort()
                await client.expectEnd()
            }
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                #expect(try await client.ask("STAT").hasPrefix("+OK 3 "))
                try await client.expect("DELE 1", "+OK message 1 deleted")
                try await client.expect("DELE 3", "+OK message 3 deleted")
                #expect(try await fixture.uids() == [1, 2, 3])
                try await client.expect("QUIT", "+OK bye")
                #expect(try await fixture.uids() == [2])
                await client.expectEnd()
            }
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                #expect(try await client.askLines("UIDL").first?.hasPrefix("1 00000002") == true)
            }
        }
    }

    @Test func whatVanishesMeanwhileIsAnErrorAndNotMissedAtTheEnd() async throws {
        let fixture = try await Fixture()
        try await fixture.append(messages)
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                let inbox = try await fixture.store.inbox(fixture.account.id)
                _ = try await fixture.store.expunge(inbox, uids: [UID(rawValue: 2)], onlyDeleted: false)
                try await fixture.append(["Subject: new\r\n\r\n\r\n"])
                try await client.expect("RETR 2", "-ERR the message is gone")
                try await client.expect("TOP 2 1", "-ERR the message is gone")
                try await client.expect("RETR 4", "-ERR no such message")
                #expect(try await client.ask("STAT").hasPrefix("+OK 3 "))
                try await client.expect("DELE 2", "+OK message 2 deleted")
                try await client.expect("DELE 3", "+OK message 3 deleted")
                try await client.expect("QUIT", "+OK bye")
            }
        }
        #expect(try await fixture.uids() == [1, 4])
    }

    @Test func rubbishEndsInAGoodbye() async throws {
        let fixture = try await Fixture()
        try await fixture.running({ .startTLS($0) }) { port, _ in
            try await Client.with(port) { client in
                _ = try await client.line()
                try await client.send(String(repeating: "A", count: 100_000) + "\r\n")
                #expect(try await client.line() == "-ERR line too long")
                for _ in 2..<20 { try await client.expect("GET / HTTP/1.1", "-ERR unknown command") }
                try await client.expect("\0\u{1}\u{7F}", "-ERR too many bad commands")
                await client.expectEnd()
            }
        }
    }

    @Test func shuttingDownSaysSo() async throws {
        let fixture = try await Fixture()
        try await fixture.append([messages[0]])
        try await fixture.running({ .implicit($0) }) { port, service in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                try await client.logIn()
                try await client.expect("DELE 1", "+OK message 1 deleted")
                service.stop(drainTime: .seconds(5))
                #expect(try await client.line() == "-ERR [SYS/TEMP] server is shutting down")
                await client.expectEnd()
            }
        }
        #expect(try await fixture.uids() == [1])
    }

    @Test func silenceEndsWithoutAWordAndWithoutRemovals() async throws {
        let fixture = try await Fixture { $0.idleTimeout = .milliseconds(300) }
        try await fixture.append([messages[0]])
        try await fixture.running({ .implicit($0) }) { port, _ in
            try await Client.with(port, implicitTLS: true) { client in
                _ = try await client.line()
                // In one piece, so that the test does not race against the timeout.
                try await client.send("USER ann@example.com\r\nPASS secret\r\nDELE 1\r\n")
                for _ in 0..<2 { #expect(try await client.line().hasPrefix("+OK")) }
                #expect(try await client.line() == "+OK message 1 deleted")
                await client.expectEnd()
            }
        }
        #expect(try await fixture.uids() == [1])
        #expect(fixture.events.events.last.map { "\($0)".contains("timeout") } == true)
    }
}
