import MailIntake
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import Testing

@testable import SMTPServer

/// REQUIRETLS and TLS-Required as they come in. // RFC 8689 §4.1
@Suite struct TLSDemandTests {
    private static let greeted =
        "S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: AUTH PLAIN "
        + Base64.encode(Array("\0alice@example.org\0secret".utf8)) + "\nS: 235\n"

    private func submit(_ room: MailRoom, _ parameter: String, _ header: String) async throws {
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                Self.greeted + "C: MAIL FROM:<alice@example.org>\(parameter)\nS: 250\n"
                    + "C: RCPT TO:<x@elsewhere.example>\nS: 250\nC: DATA\nS: 354")
            await client.send("From: alice@example.org\r\n\(header)Subject: s\r\n\r\nTLS-Required: No\r\n.\r\n")
            await client.play("S: 250 2.0.0")
        }
    }

    @Test(
        arguments: [
            ("", "", .none, nil),
            (" REQUIRETLS", "", .required, "REQUIRETLS"),
            // The parameter goes before the field.
            (" requiretls", "TLS-Required: No\r\n", .required, "REQUIRETLS"),
            ("", "TLS-Required: No\r\n", .optional, "TLS-Required: No"),
            ("", "tls-required:\r\n\tNO \r\n", .optional, "TLS-Required: No"),
            ("", "TLS-Required: Yes\r\n", .none, nil), ("", "TLS-Required:\r\n", .none, nil),
            ("", "TLS-Required: No\r\nTLS-Required: No\r\n", .none, nil),
            ("", "X-TLS-Required: No\r\n", .none, nil), ("", "TLS-Required-X: No\r\n", .none, nil),
        ] as [(String, String, TLSDemand, String?)])
    func `what the sender asks is kept and told`(
        _ parameter: String, _ header: String, _ demand: TLSDemand, _ step: String?
    ) async throws {
        let room = try await MailRoom()
        try await submit(room, parameter, header)
        let (entry, text) = try await room.queued()
        #expect(entry.message.tlsDemand == demand)
        #expect(text.contains(header), "the field goes on")
        let trace = try #require(try await room.intake.traces(.id(entry.id), limit: 1).first)
        #expect(trace.steps.contains("\"before\":\"\(step ?? "REQUIRETLS")\"") == (step != nil), "\(trace.steps)")
    }
}
