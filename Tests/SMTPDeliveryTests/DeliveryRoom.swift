import Blobs
import DNSCore
import Logging
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Synchronization
import Telemetry
import Testing

/// Mail events, to be awaited one by one.
final class AwaitableEvents: MailEventSink {
    private let stream: AsyncStream<MailEvent>
    private let continuation: AsyncStream<MailEvent>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func record(_ event: MailEvent) { continuation.yield(event) }

    /// The next events, in the order of their recipients.
    func next(_ count: Int = 1) async -> [MailEvent] {
        var events: [MailEvent] = []
        for await event in stream {
            events.append(event)
            if events.count == count { break }
        }
        return events.sorted { ($0.attempt?.to ?? "") < ($1.attempt?.to ?? "") }
    }
}

extension MailEvent {
    var attempt: Attempt? {
        switch self {
        case .deferred(let attempt), .delivered(let attempt), .bounced(let attempt), .expired(let attempt): attempt
        default: nil
        }
    }
}

final class RecordingBounces: BounceSink {
    struct Refusal: Error {}

    let reports = Mutex<[BounceReport]>([])
    let refuses: Bool

    init(refuses: Bool = false) { self.refuses = refuses }

    func bounce(_ report: BounceReport) async throws -> Bool {
        if refuses { throw Refusal() }
        reports.withLock { $0.append(report) }
        return !report.sender.localPart.hasPrefix("gone")
    }

    func part(_ report: BounceReport) async throws -> CommitPart? {
        if refuses { throw Refusal() }
        return CommitPart(files: []) { _ in { self.reports.withLock { $0.append(report) } } }
    }
}

extension DeliverySettings {
    /// Takes another manifest.
    mutating func configure(_ change: (inout Manifest) -> Void) {
        var manifest = rules.manifest
        change(&manifest)
        rules = PolicyRules(manifest)
    }
}

/// A queue, a resolver and a delivery service of its own.
final class DeliveryRoom: Sendable {
    static let domain = "one.example"

    private let fixture: QueueFixture
    let resolver = ScriptedResolver()
    let events = AwaitableEvents()
    let log = LogRecorder()
    let bounces: RecordingBounces

    init(refusesBounces: Bool = false) throws {
        fixture = try QueueFixture()
        bounces = RecordingBounces(refuses: refusesBounces)
        resolver.mailExchanges(Self.domain, (10, "mx.one.example"))
        resolver.addresses("mx.one.example", "127.0.0.1")
    }

    var queue: OutboundQueue { fixture.queue }
    var database: SQLiteDatabase { fixture.database }
    var blobs: BlobStore { fixture.blobs }
    var clock: ManualClock { fixture.clock }
    var ids: IDGenerator { fixture.ids }

    /// The stored attempts at a message.
    func attempts(of id: MailID) async throws -> [QueueAttempt] {
        try await database.read { try OutboundQueue.attempts($0, of: id) }
    }

    @discardableResult
    func enqueue(
        _ recipients: String...,
        from sender: String = "sender@example.org",
        text: String = "From: a@example.org\r\n\r\nHello\r\n.dot\r\n",
        change: @Sendable @escaping (inout NewQueueEntry) -> Void = { _ in }
    ) async throws -> MailID {
        try await fixture.enqueue(recipients, from: sender, text: text, handsOver: true, change: change)
    }

    func settings(port: Int) -> DeliverySettings {
        var manifest = Manifest()
        manifest.server.hostname = "mail.example.org"
        manifest.outbound.port = port
        var settings = DeliverySettings(rules: PolicyRules(manifest))
        settings.timeouts.connect = .seconds(5)
        settings.timeouts.command = .seconds(20)
        settings.timeouts.final = .seconds(20)
        settings.linger = .milliseconds(20)
        settings.policy = FailurePolicy(schedule: RetrySchedule(spread: 0))
        return settings
    }

    /// Runs the service while `body` runs.
    func serve(
        _ settings: DeliverySettings,
        signer: @escaping @Sendable (EmailAddress) async throws -> DKIMSigner? = { _ in nil },
        _ body: () async throws -> Void
    ) async throws {
        let service = DeliveryService(
            settings: settings,
            environment: .init(
                queue: queue,
                blobs: blobs,
                resolver: resolver,
                contexts: try ClientTLSContexts(),
                signer: signer,
                bounces: bounces,
                events: events,
                ids: ids,
                clock: clock,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: log.logger
            )
        )
        let task = Task { try await service.run() }
        defer { task.cancel() }
        try await body()
        task.cancel()
        try? await task.value
    }
}
