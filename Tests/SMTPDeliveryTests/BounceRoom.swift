import Blobs
import Directory
import MailAuth
import MailIntake
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Testing

/// What bounces are kept in: a real directory with `alice@example.org`, store, intake and queue.
///
/// `list@example.org` is alice and `ext@remote.example`; `mail.example.org` reports, and signs when it has keys.
struct BounceRoom {
    let state: StoreFixture
    let directory: Directory
    let store: MailStore
    let queue: OutboundQueue
    let intake: MailIntake
    let sink: IntakeBounceSink
    let alice: Account
    let keys: [(selector: String, key: DKIMSigningKey)]

    init() async throws {
        let state = try StoreFixture(
            migrations: DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
                + TraceSchema.migrations + SendMeterSchema.migrations)
        self.state = state
        let directory = try await Directory(database: state.database, clock: state.clock)
        self.directory = directory
        store = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock)
        queue = OutboundQueue(database: state.database, clock: state.clock)
        intake = MailIntake(
            database: state.database, store: store, queue: queue, blobs: state.blobs, ids: state.ids,
            clock: state.clock)
        sink = IntakeBounceSink(
            intake: intake,
            snapshot: { directory.snapshot },
            blobs: state.blobs,
            composer: BounceComposer(reportingMTA: try #require(DomainName("mail.example.org"))),
            ids: state.ids,
            clock: state.clock
        )
        keys = [
            ("rsa1", try DKIMSigningKey.generate(.rsaSHA256)), ("ed1", try DKIMSigningKey.generate(.ed25519SHA256)),
        ]
        let domain = try #require(DomainName("example.org"))
        let address = try #require(EmailAddress("alice@example.org"))
        let rows = keys.map { selector, key in
            NewDKIMKey(
                selector: selector, algorithm: key.algorithm == .rsaSHA256 ? "rsa" : "ed25519", privateKey: key.pem)
        }
        try await directory.addDomain(domain, postmaster: address, keys: rows, author: "test")
        alice = try await directory.addAccount(address, name: nil, quota: 100, author: "test")
        try await store.prepareAccount(alice.id)
        try await directory.addAlias(
            try #require(EmailAddress("list@example.org")),
            targets: [address, try #require(EmailAddress("ext@remote.example"))], author: "test")
    }

    /// Queues a message and makes the report of its failure.
    func report(
        from sender: String,
        text: String = "From: alice@example.org\r\nSubject: lost\r\n\r\nbody words\r\n"
    ) async throws -> BounceReport {
        let bytes = Array(text.utf8)
        let id = state.ids.next()
        let address = try #require(EmailAddress(sender))
        _ = try await intake.accept(
            Acceptance(
                id: id,
                reversePath: .address(address),
                content: .bytes(bytes),
                index: MessageIndex(scanning: bytes),
                local: [],
                remote: [NewQueueRecipient(address: try #require(EmailAddress("nobody@one.example")))],
                origin: .internal,
                signFor: EmailAddress("alice@example.org")
            ))
        let entry = try #require(try await queue.show(id))
        let reply = DeliveryReply(
            code: 550, status: EnhancedStatusCode(5, 1, 1), text: "no such user", host: "mx.one.example[192.0.2.1]")
        let failure = BounceReport.Failure(
            recipient: try #require(entry.recipients.first), reply: reply, outcome: .failed, at: state.clock.now())
        return BounceReport(message: entry.message, sender: address, failures: [failure])
    }

    /// The messages of alice's INBOX.
    func inbox() async throws -> [(text: String, index: MessageIndex)] {
        let mailbox = try #require(try await store.mailbox(alice.id, path: "INBOX"))
        var found: [(String, MessageIndex)] = []
        for (row, index) in try await store.indexes(mailbox.id, uids: [1...UInt32.max], limit: 100) {
            let bytes = try await store.openMessage(row.email).read(0..<row.size)
            found.append((String(decoding: bytes, as: UTF8.self), index))
        }
        return found
    }
}
