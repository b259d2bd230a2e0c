import MailSyntax
import NetTransport
import SMTPCore
import SMTPServer
import Synchronization
import Telemetry
import Testing

/// What strangers are watched for, and XCLIENT.
@Suite struct StrangerTests {
    private static func watch(_ settings: inout SMTPServerSettings) { settings.watchesLoopback = true }

    private static func room(_ bans: BanTable? = nil) async throws -> MailRoom { try await MailRoom(bans: bans) }

    private static func table(failures: Int = 1) -> BanTable {
        var rules = BanRules()
        rules.failures = failures
        return BanTable(rules: rules) { Timestamp(seconds: 1_800_000_000) }
    }

    private static let network = IPNetwork("192.0.2.0/24")

    @Test func `who speaks before the greeting is refused, who waits is greeted`() async throws {
        let room = try await Self.room()
        try await room.run(adjust: {
            Self.watch(&$0)
            $0.greetingDelay = .seconds(60)
        }) { client, _ in
            await client.play("C: EHLO c\nS: 554 5.5.1\n# close")
        }
        let stages = room.events.events.compactMap { if case .rejected(let one) = $0 { one.stage } else { nil } }
        #expect(stages == ["connect"])
        try await room.run(adjust: {
            Self.watch(&$0)
            $0.greetingDelay = .milliseconds(50)
        }) { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250\nC: QUIT\nS: 221")
        }
        try await room.run(adjust: { $0.greetingDelay = .seconds(600) }) { client, _ in
            await client.play("C: EHLO c\nS: 220\nS: 250")
        }
    }

    @Test(arguments: [
        "C| EHLO c\\r\\nMAIL FROM:<a@b.example>\\r\\n", "C| HELO c\\r\\nNOOP\\r\\n",
        "C: HELO c\nS: 250\nC| NOOP\\r\\nNOOP\\r\\n",
    ])
    func `commands that may not come together end the session`(text: String) async throws {
        let room = try await Self.room()
        try await room.run(adjust: Self.watch) { client, _ in
            await client.play("S: 220\n\(text)\nS: 503 5.5.0\n# close")
        }
        try await room.run { client, _ in
            await client.play("S: 220\n\(text)\nS: 250")
        }
    }

    @Test func `text that comes with DATA is not taken from strangers, a pipelined group is`() async throws {
        let room = try await Self.room()
        let envelope = "MAIL FROM:<a@b.example>\\r\\nRCPT TO:<alice@example.org>\\r\\nDATA\\r\\n"
        try await room.run(adjust: Self.watch) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C| \(envelope)
                S: 250
                S: 250
                S: 354
                C| Subject: x\\r\\n\\r\\n.\\r\\n
                S: 250
                C| \(envelope)Subject: x\\r\\n\\r\\n.\\r\\n
                S: 250
                S: 250
                S: 503 5.5.0
                # close
                """)
        }
    }

    @Test func `relay attempts of a stranger ban it`() async throws {
        let table = Self.table(failures: 2)
        let room = try await Self.room(table)
        try await room.run(adjust: { $0.xclients = [IPNetwork("127.0.0.1")].compactMap(\.self) }) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: XCLIENT ADDR=192.0.2.1
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<a@b.example>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 554 5.7.1
                C: RCPT TO:<nobody@example.org>
                S: 550 5.1.1
                C: RCPT TO:<y@elsewhere.example>
                S: 554 5.7.1
                C: RSET
                S: 250
                C: XCLIENT ADDR=192.0.2.1
                S: 421 4.7.0
                # close
                """)
        }
        #expect(table.list().map(\.network.description) == ["192.0.2.1"])
        #expect(table.list().first?.reason == "relay attempts")
    }

    @Test func `whom XCLIENT names is the client everywhere`() async throws {
        let room = try await Self.room()
        try await room.run(adjust: { $0.xclients = [IPNetwork("127.0.0.1")].compactMap(\.self) }) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO filter.example
                S: 250
                C: XCLIENT NAME=client.example ADDR=192.0.2.1 PORT=1025 HELO=says.example PROTO=ESMTP
                S: 220
                C: MAIL FROM:<a@b.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                C| Subject: x\\r\\n\\r\\n.\\r\\n
                S: 250
                C: XCLIENT LOGIN=alice@example.org
                S: 220
                C: EHLO again.example
                S: 250
                C: MAIL FROM:<mallory@b.example>
                S: 553 5.7.1
                C: MAIL FROM:<alice@example.org>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 250
                C: RSET
                S: 250
                C: XCLIENT LOGIN=nobody@example.org
                S: 501 5.5.4
                C: XCLIENT LOGIN=[UNAVAILABLE]
                S: 220
                C: EHLO again.example
                S: 250
                C: MAIL FROM:<alice@example.org>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 554 5.7.1
                """)
        }
        let text = try #require(try await room.inbox(room.alice).first)
        #expect(text.contains("Received: from says.example (client.example [192.0.2.1])"))
        let accepted = room.events.events.compactMap { if case .accepted(let one) = $0 { one } else { nil } }
        #expect(accepted.first?.peer.client == "192.0.2.1")
    }

    @Test func `XCLIENT is for those who are listed`() async throws {
        let room = try await Self.room()
        try await room.run { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250\nC: XCLIENT ADDR=192.0.2.1\nS: 550 5.7.0")
        }
    }
}
