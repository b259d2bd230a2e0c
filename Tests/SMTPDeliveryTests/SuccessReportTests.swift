import Foundation
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Synchronization
import Telemetry
import Testing

@testable import SMTPDelivery

@Suite("Reports of success")
struct SuccessReportTests {
    typealias Behaviour = ScriptedSMTPServer.Behaviour

    @Test(
        "Who asked hears that a message went to a host without DSN, and nobody else does",
        arguments: [(DSNNotify.success, false, 1), (.success, true, 0), (.standard, false, 0), (.never, false, 0)])
    func relayed(_ test: (notify: DSNNotify, offersDSN: Bool, reports: Int)) async throws {
        let server = try await ScriptedSMTPServer(
            Behaviour { $0.capabilities = test.offersDSN ? ["PIPELINING", "DSN"] : ["PIPELINING"] })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example") { entry in
            entry.recipients[0].notify = test.notify
            entry.recipients[0].originalRecipient = "rfc822;info@example.org"
            entry.envelopeID = "E1"
            entry.dsnReturn = .full
        }
        try await room.serve(room.settings(port: server.port)) {
            #expect(await room.events.next().first?.name == "delivered")
        }
        let reports = room.bounces.reports.withLock { $0 }
        #expect(reports.count == test.reports)
        #expect(reports.allSatisfy { $0.failures.map(\.outcome) == [.relayed] && !$0.tellsFailure })
        if let report = reports.first, let host = DomainName("mail.example.org") {
            let text = String(
                decoding: BounceComposer(reportingMTA: host).compose(
                    report, id: room.ids.next(), reader: nil, at: room.clock.now()), as: UTF8.self)
            let fields = [
                "Original-Envelope-Id: E1\r\n", "Original-Recipient: rfc822; info@example.org\r\n",
                "Final-Recipient: rfc822; a@one.example\r\n", "Action: relayed\r\n", "Status: 2.0.0\r\n",
            ]
            var rest = text[...]
            for field in fields {
                let place = rest.range(of: field)
                #expect(place != nil, "\(field) in \(text)")
                if let place { rest = rest[place.upperBound...] }
            }
        }
        await server.stop()
    }
}
