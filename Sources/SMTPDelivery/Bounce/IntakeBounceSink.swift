package import Blobs
package import Directory
package import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import OutboundQueue
package import SQLEngine
package import Telemetry

/// Accepts bounces like any other message: filed when the sender is here, queued when not.
package struct IntakeBounceSink: BounceSink {
    private let intake: MailIntake
    private let snapshot: @Sendable () -> DirectorySnapshot
    private let blobs: BlobStore
    private let composer: BounceComposer
    private let ids: IDGenerator
    private let events: any MailEventSink
    private let clock: any WallClock

    /// - Parameter events: hears of bounces that were filed here.
    package init(
        intake: MailIntake,
        snapshot: @escaping @Sendable () -> DirectorySnapshot,
        blobs: BlobStore,
        composer: BounceComposer,
        ids: IDGenerator,
        events: any MailEventSink = NullEventSink(),
        clock: any WallClock = SystemClock()
    ) {
        self.intake = intake
        self.snapshot = snapshot
        self.blobs = blobs
        self.composer = composer
        self.ids = ids
        self.events = events
        self.clock = clock
    }

    /// Returns when the bounce is durable; false for a sender that no longer exists here.
    @concurrent
    package func bounce(_ report: BounceReport) async throws -> Bool {
        let directory = snapshot()
        var local: [LocalDelivery] = []
        var remote: [NewQueueRecipient] = []
        switch directory.resolve(report.sender) {
        // RFC 3461 §5.2.1 (deviates): NOTIFY=NEVER on our own report is what the null reverse-path says already.
        case .notHosted: remote = [NewQueueRecipient(address: report.sender)]
        case .unknown, .disabled: return false
        case .targets(let accounts, let elsewhere, _):
            local = accounts.map { LocalDelivery(account: $0.account, recipient: report.sender, tag: $0.tag) }
            remote = elsewhere.map { NewQueueRecipient(address: $0) }
        }
        let id = ids.next()
        let reader = try? blobs.open(report.message.blob, size: report.message.size)
        let bytes = composer.compose(report, id: id, reader: reader, at: clock.now())
        var scanner = MessageScanner()
        scanner.consume(bytes)
        let isEightBit = bytes.contains { $0 >= 0x80 }
        let acceptance = Acceptance(
            id: id,
            reversePath: .null,
            content: .bytes(bytes),
            index: scanner.finish(),
            local: local,
            remote: remote,
            origin: .internal,
            bodyType: isEightBit ? .eightBitMIME : .sevenBit,
            smtpUTF8: report.sender.needsSMTPUTF8,
            signFor: signingDomain(directory),
            isBounce: true
        )
        _ = try await intake.accept(acceptance)
        for delivery in acceptance.local { events.record(.delivered(.local(delivery, of: acceptance))) }
        return true
    }

    /// The host's own name or the closest above it that has keys, with which a DMARC check of the report's From agrees.
    private func signingDomain(_ directory: DirectorySnapshot) -> DomainName? {
        let labels = composer.reportingMTA.labels
        return labels.indices.lazy
            .compactMap { DomainName(labels[$0...].joined(separator: ".")) }
            .first { !directory.signingKeys($0).isEmpty }
    }
}
