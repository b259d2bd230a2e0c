import Blobs
import DNSCore
import Directory
import Logging
import MailAuth
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailReports
import MailStore
import MailSyntax
import MailTables
import MartletTesting
import OutboundQueue
import SMTPServer
import SQLEngine
import Synchronization
import Testing

/// Takes what is posted, or refuses it.
final class ScriptedPoster: ReportPoster {
    struct Posting: Sendable, Hashable {
        var url: String
        var type: String
        var body: [UInt8]
    }

    private struct State {
        var failure: String?
        var postings: [Posting] = []
    }

    private let state = Mutex(State())

    var postings: [Posting] { state.withLock { $0.postings } }

    func fail(_ reason: String?) { state.withLock { $0.failure = reason } }

    func post(_ body: [UInt8], type: String, to url: String) async throws(ReportPostError) {
        let failure = state.withLock { state in
            if state.failure == nil { state.postings.append(Posting(url: url, type: type, body: body)) }
            return state.failure
        }
        if let failure { throw ReportPostError(failure) }
    }
}

/// A server that reports: `mx.example.org`, whose domain has a key; `alice@example.org` reads what comes here.
///
/// It is the first second of 2026-09-22 at first.
struct ReportRoom {
    let state: StoreFixture
    let directory: Directory
    let queue: OutboundQueue
    let sender: ReportSender
    let planner: ReportPlanner
    let counter: VerdictCounter
    let tlsCounter: TLSResultCounter
    let resolver = ScriptedResolver()
    let poster = ScriptedPoster()

    var clock: ManualClock { state.clock }
    static let day = ReportDay(number: 20717)

    init(
        keys: Bool = true, adjust: @escaping @Sendable (inout ReportSettings) -> Void = { _ in }
    ) async throws {
        let state = try StoreFixture(
            migrations: DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
                + TraceSchema.migrations + SendMeterSchema.migrations + TLSResultSchema.migrations
                + VerdictSchema.migrations + ReportJobSchema.migrations,
            clock: ManualClock(Self.day.begin))
        self.state = state
        let directory = try await Directory(database: state.database, clock: state.clock)
        self.directory = directory
        let store = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock)
        queue = OutboundQueue(database: state.database, clock: state.clock)
        let intake = MailIntake(
            database: state.database, store: store, queue: queue, blobs: state.blobs, ids: state.ids,
            clock: state.clock)
        let domain = try #require(DomainName("example.org"))
        let alice = try #require(EmailAddress("alice@example.org"))
        let key = NewDKIMKey(
            selector: "ed1", algorithm: "ed25519", privateKey: try DKIMSigningKey.generate(.ed25519SHA256).pem)
        try await directory.addDomain(domain, postmaster: alice, keys: keys ? [key] : [], author: "test")
        let account = try await directory.addAccount(alice, name: nil, quota: nil, author: "test")
        try await store.prepareAccount(account.id)
        counter = VerdictCounter(clock: state.clock)
        tlsCounter = TLSResultCounter(clock: state.clock)
        let hostname = try #require(DomainName("mx.example.org"))
        let answers = PolicyAnswers(
            directory: directory, store: store, intake: intake, tables: TableStore(), clock: state.clock)
        var environment = ReportSender.Environment(
            database: state.database, intake: intake, ids: state.ids, resolver: resolver, poster: poster,
            directory: { directory.snapshot },
            judge: { address in
                try await Policy.run(
                    { Policy.admitExtra(address, rules: PolicyRules(.init()), $0) }, answer: answers.answer
                )
                .decision
            },
            settings: {
                var settings = ReportSettings(hostname: hostname)
                adjust(&settings)
                return settings
            })
        environment.clock = state.clock
        sender = ReportSender(environment)
        planner = ReportPlanner(environment, offset: { 60 })
    }

    /// A message that names `domain`.
    func count(
        _ domain: String = "bank.example", source: String = "192.0.2.1", from: String = "bank.example", times: Int = 1,
        destinations: [ReportURI] = [ReportURI("mailto:d@bank.example")]
    ) throws {
        var published = DMARCReport.PublishedPolicy(domain: domain, policy: "reject")
        published.discoveryMethod = "treewalk"
        (published.subdomainPolicy, published.nonexistentPolicy, published.testing) = ("reject", "reject", "n")
        (published.dkimAlignment, published.spfAlignment, published.failureOptions) = ("r", "r", "0")
        var record = DMARCReport.Record(
            source: try #require(IPAddress(source)), count: 1,
            evaluated: DMARCReport.Evaluated(disposition: "reject", dkim: "fail", spf: "fail"),
            identifiers: DMARCReport.Identifiers(
                headerFrom: from, envelopeFrom: "sender.example", envelopeTo: "example.org"))
        record.spf = [DMARCReport.SPF(domain: "sender.example", scope: "mfrom", result: "pass")]
        record.dkim = [
            DMARCReport.DKIM(domain: from, selector: "s1", result: "fail", humanResult: "the body was changed")
        ]
        let policy = ObservedPolicy(published: published, destinations: destinations, errors: [])
        for _ in 0..<times { counter.record(DMARCObservation(policy: policy, record: record)) }
    }

    /// Writes what was counted, lets the day end, and plans its reports.
    func endDay() async throws {
        try await counter.flush(to: state.database)
        try await tlsCounter.flush(to: state.database)
        clock.advance(by: Self.day.next.begin.since(clock.now()))
        clock.advance(by: .seconds(3600))
        try await planner.plan()
    }

    func jobs() async throws -> [ReportJob] {
        try await state.database.read { try ReportJobs.list($0, since: ReportDay(number: 0)) }
    }

    func due() async throws -> [ReportJob] {
        let now = clock.now()
        return try await state.database.read { try ReportJobs.due($0, now, limit: 100) }
    }

    /// The queued messages.
    func sent() async throws -> [(entry: QueueEntry, text: String)] {
        try await queue.list().map { entry in
            let reader = try state.blobs.open(entry.message.blob, size: entry.message.size)
            return (entry, String(decoding: try reader.read(0..<reader.size), as: UTF8.self))
        }
    }
}
