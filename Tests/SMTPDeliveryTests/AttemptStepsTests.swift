import Foundation
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import Testing

@testable import SMTPDelivery

@Suite("What was done to a message on its way out stands in its history")
struct AttemptStepsTests {
    private func steps(_ attempt: QueueAttempt?) throws -> [String] {
        guard let text = attempt?.steps else { return [] }
        // How the connection is protected has tests of its own.
        return try JSONDecoder().decode([TraceStep].self, from: Data(text.utf8))
            .filter { $0.stage != TraceStage.tls }.map(\.text)
    }

    private func settings(_ room: DeliveryRoom, port: Int) -> DeliverySettings {
        var settings = room.settings(port: port)
        settings.configure { manifest in
            manifest.rewrite.generic = [TableSource(format: .text, content: .file("/g"))]
            manifest.rewrite.sendingHeaderChecks = [TableSource(format: .regexp, content: .file("/h"))]
        }
        settings.lookup = { lookup in
            switch lookup {
            case .table(.generic, "sender@example.org", _):
                .table(TableAnswer(value: "office@isp.example", origin: "/g:1"))
            case .table(.generic, "b@one.example", _):
                .table(TableAnswer(value: "c@one.example", origin: "/g:2"))
            case .table(.sendingHeaderChecks, let key, _) where key.hasPrefix("X-Mailer:"):
                .table(TableAnswer(value: "IGNORE", origin: "/h:1"))
            case .table: .table(nil)
            default: .flag(false)
            }
        }
        return settings
    }

    @Test("with the first attempt and with the last one, and once for all recipients")
    func kept() async throws {
        let server = try await ScriptedSMTPServer(.init { $0.steps["RCPT"] = .reply("450 4.2.0 later") })
        let room = try DeliveryRoom()
        let text = "From: sender@example.org\r\nX-Mailer: secret\r\n\r\nHello\r\n"
        let id = try await room.enqueue("a@one.example", "b@one.example", text: text) {
            $0.signFor = EmailAddress("alice@example.org")
        }
        let willing = try await ScriptedSMTPServer()
        for port in [server.port, server.port, willing.port] {
            _ = try await room.queue.retry(id)
            try await room.serve(settings(room, port: port)) { _ = await room.events.next(2) }
        }
        let attempts = try await room.attempts(of: id).sorted {
            ($0.number, $0.recipient) < ($1.number, $1.recipient)
        }
        #expect(attempts.map(\.number) == [1, 1, 2, 2, 3, 3])
        let all = [
            "rewrite/generic: sender@example.org → office@isp.example [/g:1]",
            "rewrite/generic: sender@example.org → office@isp.example (From) [/g:1]",
            "rewrite/sending_header_checks: X-Mailer: secret (removed) [/h:1]",
            "signing/dkim: d=example.org (not signed: the domain has no active key) [directory]",
        ]
        let own = ["rewrite/generic: b@one.example → c@one.example [/g:2]"]
        #expect(try attempts.map(steps) == [all, own, [], [], all, own])
        #expect(willing.messages.first?.recipients == ["a@one.example", "c@one.example"])
        await server.stop()
        await willing.stop()
    }

    @Test("not where nothing was done")
    func none() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) { _ = await room.events.next() }
        let attempt = try #require(try await room.attempts(of: id).first)
        #expect(attempt.outcome == .delivered)
        #expect(try steps(attempt).isEmpty)
        await server.stop()
    }
}
