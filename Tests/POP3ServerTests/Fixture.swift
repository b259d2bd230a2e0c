import Blobs
import Directory
import Foundation
import Logging
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import NIOCore
import NIOPosix
import NetTransport
import POP3Core
import POP3Server
import SASLCore
import SQLEngine
import Telemetry
import Testing

/// A POP3 server on loopback with a store of its own and one account, `ann@example.com` with the password `secret`.
final class Fixture: Sendable {
    let folder: String
    let directory: Directory
    let store: MailStore
    let ids = IDGenerator()
    let events = RecordingEventSink()
    let account: Account
    let server: POP3Server
    let tlsStore: TLSStore

    init(_ adjust: @escaping @Sendable (inout POP3ServerOptions) -> Void = { _ in }) async throws {
        folder = "/tmp/martlet-pop3-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let blobs = try BlobStore(root: folder + "/blobs", ids: ids)
        let database = try SQLiteDatabase(
            path: folder + "/martlet.db",
            migrations: BlobSchema.migrations + DirectorySchema.migrations + MailStoreSchema.migrations,
            syncing: blobs
        )
        directory = try await Directory(database: database)
        store = MailStore(database: database, blobs: blobs, directory: directory, ids: ids)
        let domain = try #require(DomainName("example.com"))
        let address = try #require(EmailAddress("ann@example.com"))
        let postmaster = EmailAddress("someone@example.net")
        try await directory.addDomain(domain, postmaster: postmaster, keys: [], author: "test")
        account = try await directory.addAccount(address, name: nil, quota: nil, author: "test")
        try await store.prepareAccount(account.id)
        let password = NewCredential(kind: .password, value: "{PLAIN}secret", label: "main")
        try await directory.addCredential(password, to: account.id)
        var settings = AuthenticatorOptions()
        settings.hashCost = 1
        settings.tokens = { token in
            token == Secret(TranscriptWords.token) ? .valid(login: "ann@example.com") : .refused(.invalidToken)
        }
        server = POP3Server(
            store: store,
            authenticator: Authenticator(source: directory, options: settings),
            events: events,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            options: {
                var options = POP3ServerOptions(hostname: "mail.example.com")
                options.loginFailureDelay = .zero
                adjust(&options)
                return options
            }
        )
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        try SelfSignedCertificate.write(
            names: [try #require(DomainName("mail.example.com"))],
            addresses: [],
            now: Timestamp(microseconds: 1_790_000_000_000_000),
            to: files
        )
        tlsStore = try TLSStore([files])
    }

    /// Puts messages into INBOX.
    func append(_ messages: [String]) async throws {
        let inbox = try await store.inbox(account.id)
        let new = messages.map { text in
            var scanner = MessageScanner()
            scanner.consume(Array(text.utf8))
            return NewMessage(
                content: .bytes(Array(text.utf8)),
                index: scanner.finish(),
                internalDate: Timestamp(microseconds: 1_790_000_000_000_000)
            )
        }
        _ = try await store.append(account.id, to: inbox, messages: new)
    }

    /// What INBOX holds now.
    func uids() async throws -> [UInt32] {
        Array(try await store.uidView(try await store.inbox(account.id)).uids)
    }

    /// A listener that does not run yet.
    func service(_ tls: (TLSStore) -> ListenerTLS, perPeer: Int = 100) throws -> ListenerService<POP3Framer> {
        var configuration = ListenerConfiguration(
            name: "pop3",
            addresses: [ListenAddress(address: try #require(IPAddress("127.0.0.1")), port: 0)],
            tls: tls(tlsStore),
            limiter: ConnectionLimiter(total: 100, perPeer: perPeer),
            refusal: "-ERR [SYS/TEMP] too many connections\r\n"
        )
        configuration.handshakeDeadline = { .seconds(300) }
        return server.listener(
            configuration, group: .singletonMultiThreadedEventLoopGroup, makeID: { [ids] in ids.next() })
    }

    /// Runs `body` with the port of a running listener, then stops it and waits for its end.
    func running(
        _ tls: (TLSStore) -> ListenerTLS,
        perPeer: Int = 100,
        _ body: (Int, ListenerService<POP3Framer>) async throws -> Void
    ) async throws {
        let service = try service(tls, perPeer: perPeer)
        let port = try #require(try await service.bind().first).port
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            do {
                try await body(port, service)
            } catch {
                service.stop(drainTime: .zero)
                throw error
            }
            service.stop(drainTime: .seconds(5))
            try await group.waitForAll()
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
}
