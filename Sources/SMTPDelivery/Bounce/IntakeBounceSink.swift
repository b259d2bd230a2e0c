package import Blobs
package import Directory
package import MailAuth
import MailConfig
package import MailIntake
import MailMessage
package import MailPolicy
package import MailSyntax
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
    private let srs: SRSKeys
    private let judge: Judge?
    private let signing: Signing?

    /// Says what an address means, with canonical addresses and virtual aliases.
    package typealias Judge = @Sendable (EmailAddress) async throws -> RecipientDecision

    /// Says whom the signature of a report speaks for.
    package typealias Signing = @Sendable (SigningFacts) async throws -> SigningDecision

    /// - Parameters:
    ///   - events: hears of bounces that were filed here.
    ///   - signing: nil: the directory's keys alone sign.
    package init(
        intake: MailIntake,
        snapshot: @escaping @Sendable () -> DirectorySnapshot,
        blobs: BlobStore,
        composer: BounceComposer,
        ids: IDGenerator,
        events: any MailEventSink = NullEventSink(),
        clock: any WallClock = SystemClock(),
        srs: SRSKeys = SRSKeys(),
        judge: Judge? = nil,
        signing: Signing? = nil
    ) {
        self.signing = signing
        self.srs = srs
        self.judge = judge
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
        guard let acceptance = try await acceptance(of: report, original: original(report)) else { return false }
        let accepted = try await intake.accept(acceptance)
        record(accepted.filed, of: acceptance)
        return true
    }

    @concurrent
    package func part(_ report: BounceReport) async throws -> CommitPart? {
        try await part(report, original: original(report))
    }

    /// The report of what an acceptance has done, to be kept with it; nil where nobody asked for it, or is there.
    @concurrent
    package func part(reporting accepted: Acceptance) async throws -> CommitPart? {
        guard let report = BounceReport(noticesOf: accepted, at: clock.now()) else { return nil }
        let content = accepted.content
        return try await part(report, original: OriginalText(size: content.size, read: content.read))
    }

    private func part(_ report: BounceReport, original: OriginalText?) async throws -> CommitPart? {
        guard let acceptance = try await acceptance(of: report, original: original) else { return nil }
        return try await intake.part(accepting: acceptance) { record($0, of: acceptance) }
    }

    private func record(_ filed: [LocalDelivery], of acceptance: Acceptance) {
        for delivery in filed { events.record(.delivered(.local(delivery, of: acceptance))) }
    }

    private func original(_ report: BounceReport) -> OriginalText? {
        let reader = try? blobs.open(report.message.blob, size: report.message.size)
        return reader.map { OriginalText(size: $0.size, read: $0.read) }
    }

    /// The report as a message; nil for a sender that no longer exists here.
    private func acceptance(of given: BounceReport, original: OriginalText?) async throws -> Acceptance? {
        var report = given
        // What an alias sent on came from somebody else.
        switch srs.reverse(report.sender, at: clock.now()) {
        case .address(let original): report.sender = original
        case .forged, .expired: return nil
        case .none: break
        }
        guard let (local, remote) = try await recipients(report.sender) else { return nil }
        let id = ids.next()
        let bytes = composer.compose(report, id: id, original: original, at: clock.now())
        var scanner = MessageScanner()
        scanner.consume(bytes)
        let isEightBit = bytes.contains { $0 >= 0x80 }
        var acceptance = Acceptance(
            id: id,
            reversePath: .null,
            content: .bytes(bytes),
            index: scanner.finish(),
            local: local,
            remote: remote,
            origin: .internal,
            bodyType: isEightBit ? .eightBitMIME : .sevenBit,
            smtpUTF8: report.sender.needsSMTPUTF8,
            signFor: try await signFor(),
            isBounce: true
        )
        // RFC 8689 §5: what is told about a message is protected as the message is.
        if report.message.tlsDemand == .required { acceptance.tlsDemand = .required }
        return acceptance
    }

    /// Where a report to an address goes; nil where there is nobody.
    private func recipients(
        _ address: EmailAddress
    ) async throws -> (local: [LocalDelivery], remote: [NewQueueRecipient])? {
        if let judge {
            switch try await judge(address) {
            case .accept(let admitted):
                let local = admitted.local.map {
                    LocalDelivery(account: AccountID(rawValue: $0.account), recipient: address, tag: $0.tag)
                }
                return (local, admitted.remote.map { NewQueueRecipient(address: $0) })
            case .reject(let reply) where reply.enhanced.isTemporaryFailure:
                throw RewriteUnavailable(reason: reply.text)
            case .reject: return nil
            }
        }
        switch snapshot().resolve(address) {
        // RFC 3461 §5.2.1 (deviates): NOTIFY=NEVER on our own report is what the null reverse-path says already.
        case .notHosted: return ([], [NewQueueRecipient(address: address)])
        case .unknown, .disabled: return nil
        case .targets(let accounts, let elsewhere, _):
            let local = accounts.map { LocalDelivery(account: $0.account, recipient: address, tag: $0.tag) }
            return (local, elsewhere.map { NewQueueRecipient(address: $0) })
        }
    }

    /// The host's own name or the closest above it that has keys, with which a DMARC check of the report's From agrees.
    private func signFor() async throws -> EmailAddress? {
        let daemon = EmailAddress(localPart: "MAILER-DAEMON", domain: composer.reportingMTA)
        let facts = SigningFacts(origin: .system, headerFrom: daemon)
        let decision: SigningDecision
        if let signing {
            decision = try await signing(facts)
        } else {
            let directory = snapshot()
            decision = try Policy.run({ Policy.chooseSigning(facts, rules: Self.noRules, $0) }) { lookup in
                guard case .signingKeys(let domain) = lookup else { return .unavailable("not asked for a signature") }
                return .selectors(directory.signingSelectors(domain))
            }.decision
        }
        guard case .sign(let author) = decision else { return nil }
        return author
    }

    private static let noRules = PolicyRules(Manifest())
}
