import Blobs
import DNSCore
import Logging
import MailAuth
import MailIntake
import MailMessage
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import SQLEngine
import Synchronization
import Telemetry
import Testing

@testable import Directory

/// An SMTP server over a real directory, store, intake and queue in a folder of its own.
///
/// `example.org` has `alice`, `bob` (1000 octets), `carol` (disabled) and `postmaster`, which is `alice`; `team` is alice,
/// bob and somebody elsewhere; whatever is sent to `catch.example` is alice's. Every password is `secret`.
struct MailRoom {
    let state: StoreFixture
    let directory: Directory
    let store: MailStore
    let queue: OutboundQueue
    let intake: MailIntake
    let backend: MailServerBackend
    let resolver = ScriptedResolver()
    let events = RecordingEventSink()
    let log = LogRecorder()
    /// What authors' domains would be told.
    let observed = ObservationRecorder()
    let alice: Account
    let bob: Account

    init(bans: BanTable? = nil) async throws {
        state = try StoreFixture(
            migrations: DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
                + TraceSchema.migrations + SendMeterSchema.migrations)
        directory = try await Directory(database: state.database, clock: state.clock)
        store = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock)
        queue = OutboundQueue(database: state.database, clock: state.clock)
        var options = AuthenticatorOptions()
        options.addsMissingVerifiers = { false }
        resolver.answer("1.0.0.127.in-addr.arpa", .ptr, [.pointer("client.example")])
        resolver.addresses("client.example", "127.0.0.1")
        intake = MailIntake(
            database: state.database, store: store, queue: queue, blobs: state.blobs, ids: state.ids,
            clock: state.clock)
        backend = MailServerBackend(
            directory: directory,
            store: store,
            intake: intake,
            authenticator: Authenticator(source: directory, options: options),
            resolver: resolver,
            bans: bans,
            ids: state.ids,
            observing: { [observed] in { @Sendable in observed.record($0) } },
            clock: state.clock
        )
        (alice, bob) = try await Self.populate(directory, store)
    }

    private static func populate(_ directory: Directory, _ store: MailStore) async throws -> (Account, Account) {
        func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }
        let domain = try #require(DomainName("example.org"))
        let caught = try #require(DomainName("catch.example"))
        try await directory.addDomain(domain, postmaster: try address("alice@example.org"), keys: [], author: "test")
        var accounts: [Account] = []
        for (name, quota) in [("alice", nil), ("bob", Int64(1000)), ("carol", nil)] {
            let account = try await directory.addAccount(
                try address("\(name)@example.org"), name: nil, quota: quota, author: "test")
            try await store.prepareAccount(account.id)
            try await directory.addCredential(
                NewCredential(kind: .password, value: "{PLAIN}secret", label: "test"), to: account.id)
            accounts.append(account)
        }
        try await directory.setEnabled(try address("carol@example.org"), false, author: "test")
        try await directory.addAlias(
            try address("team@example.org"),
            targets: [
                try address("alice@example.org"), try address("bob@example.org"), try address("ext@remote.example"),
            ],
            author: "test")
        try await directory.addDomain(
            caught, postmaster: try address("alice@example.org"), keys: [], author: "test")
        try await directory.setCatchAll(caught, to: try address("alice@example.org"), author: "test")
        return (accounts[0], accounts[1])
    }

    /// Runs `body` with a client of a running server.
    func run(
        _ role: SMTPSessionConfiguration.Role = .mx,
        tls: ListenerTLS = .none,
        adjust: (inout SMTPServerSettings) -> Void = { _ in },
        _ body: @Sendable (inout TestClient, ListenerService<SMTPServerFramer>) async throws -> Void
    ) async throws {
        try await TestServer.run(
            backend: backend, events: events, logger: log.logger, role, tls: tls, adjust: adjust, body)
    }

    /// The messages in an account's INBOX, oldest first.
    func inbox(_ account: Account) async throws -> [String] { try await messages(account, in: "INBOX") }

    func messages(_ account: Account, in path: String) async throws -> [String] {
        guard let mailbox = try await store.mailbox(account.id, path: path) else { return [] }
        var texts: [String] = []
        for (row, index) in try await store.indexes(mailbox.id, uids: [1...UInt32.max], limit: 100) {
            let bytes = try await store.openMessage(row.email).read(0..<row.size)
            #expect(index == MessageIndex(scanning: bytes), "what is kept beside the bytes is of these bytes")
            texts.append(String(decoding: bytes, as: UTF8.self))
        }
        return texts
    }

    /// The one message of an account's INBOX, without the trace fields on top.
    func onlyMessage(_ account: Account) async throws -> String {
        let texts = try await inbox(account)
        #expect(texts.count == 1)
        return try Self.withoutTrace(try #require(texts.first))
    }

    /// The content of the one queued message.
    func queued() async throws -> (entry: QueueEntry, text: String) {
        let entry = try #require(try await queue.list().first)
        let reader = try state.blobs.open(entry.message.blob, size: entry.message.size)
        return (entry, String(decoding: try reader.read(0..<reader.size), as: UTF8.self))
    }

    /// Without Return-Path and the first Received.
    static func withoutTrace(_ text: String) throws -> String {
        var lines = text.components(separatedBy: "\r\n")[...]
        if lines.first?.hasPrefix("Return-Path: <") == true { lines = lines.dropFirst() }
        #expect(lines.first?.hasPrefix("Received: from ") == true)
        lines = lines.dropFirst().drop { $0.hasPrefix("\t") }
        return lines.joined(separator: "\r\n")
    }
}

/// Keeps what DMARC found.
final class ObservationRecorder: Sendable {
    private let kept = Mutex<[DMARCObservation]>([])

    var all: [DMARCObservation] { kept.withLock { $0 } }

    func record(_ observation: DMARCObservation) { kept.withLock { $0.append(observation) } }
}

extension String {
    /// Splits at CR LF, which is one character of a `String`.
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
