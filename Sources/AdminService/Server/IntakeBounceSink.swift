import Blobs
import Directory
import Logging
import MailIntake
import MailMessage
import MailSyntax
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Telemetry

/// Brings reports of failed delivery to the sender: into a mailbox here, or into the queue, with the null reverse-path.
struct IntakeBounceSink: BounceSink {
    let stores: Stores
    let composer: BounceComposer
    let logger: Logger
    let clock: any WallClock

    func bounce(_ report: BounceReport) async throws {
        let id = stores.ids.next()
        let snapshot = stores.directory.snapshot
        var local: [LocalDelivery] = []
        var remote: [NewQueueRecipient] = []
        switch snapshot.resolve(report.sender) {
        case .notHosted:
            // RFC 3461 §4.1: a report never asks for one.
            remote = [NewQueueRecipient(address: report.sender, notify: .never)]
        case .targets(let targets, let addresses, _):
            local = targets.map { LocalDelivery(account: $0.account, recipient: report.sender, tag: $0.tag) }
            remote = addresses.map { NewQueueRecipient(address: $0, notify: .never) }
        case .unknown, .disabled:
            logger.info(
                "a report of failed delivery has no mailbox to go to",
                metadata: [LogKey.queueID: "\(report.message.id)", LogKey.mailTo: "\(report.sender)"]
            )
            return
        }
        let bytes = try await compose(report, id: id)
        var scanner = MessageScanner()
        scanner.consume(bytes)
        let host = composer.reportingMTA
        _ = try await stores.intake.accept(
            Acceptance(
                id: id,
                reversePath: .null,
                content: .bytes(bytes),
                index: scanner.finish(),
                local: local,
                remote: remote,
                origin: .internal,
                signFor: snapshot.signingKeys(host).isEmpty ? nil : host,
                isBounce: true
            )
        )
    }

    /// Reads the message from the disk, off the caller's executor.
    @concurrent
    private func compose(_ report: BounceReport, id: MailID) async throws -> [UInt8] {
        let reader = try? stores.blobs.open(report.message.blob, size: report.message.size)
        return composer.compose(report, id: id, reader: reader, at: clock.now())
    }
}
