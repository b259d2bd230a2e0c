import Blobs
import Directory
import Glibc
import IMAPCore
import Logging
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import NIOPosix
import NetTransport
import SASLCore
import SQLEngine
import Telemetry
import Testing

@testable import IMAPServer

/// A whole IMAP service on port 0 over a real store in a folder of its own.
struct TestServer: Sendable {
    enum Listener {
        /// Plaintext with passwords allowed.
        case open
        case startTLS
        case implicitTLS
    }

    let folder: String
    let port: Int
    let store: MailStore
    let directory: Directory
    let events: RecordingEventSink
    let service: ListenerService<IMAPFramer>
    let account: Account
    /// `bob@example.org`, who has the same password.
    let bob: Account

    static let loopback = IPAddress(bytes: [127, 0, 0, 1])

    /// Starts a server, runs `body`, stops the server and removes its folder.
    static func run(
        _ listener: Listener = .open,
        quota: Int64? = nil,
        settings change: (inout IMAPServerSettings) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let folder = "/tmp/martlet-imap-\(UInt64.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        defer { removeFolder(folder) }
        var settings = IMAPServerSettings()
        settings.loginFailureDelay = .zero
        // Under a sanitizer, beside all other tests, a session that does not log in takes more than a minute.
        settings.loginDeadline = .seconds(600)
        settings.allowsPlaintextLogin = listener == .open
        change(&settings)
        let server = try await make(folder, listener, quota: quota, settings)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.service.run() }
            do {
                try await body(server)
            } catch {
                server.service.stop(drainTime: .zero)
                throw error
            }
            server.service.stop(drainTime: .seconds(5))
            try await group.waitForAll()
        }
    }

    private static func make(
        _ folder: String, _ listener: Listener, quota: Int64?, _ settings: IMAPServerSettings
    ) async throws -> TestServer {
        let ids = IDGenerator(node: 1)
        let blobs = try BlobStore(root: folder + "/blobs", ids: ids)
        var options = SQLiteDatabase.Options()
        options.isDurable = false
        let database = try SQLiteDatabase(
            path: folder + "/martlet.db",
            migrations: BlobSchema.migrations + DirectorySchema.migrations + MailStoreSchema.migrations,
            syncing: blobs, options: options)
        let directory = try await Directory(database: database)
        try await directory.addDomain(
            try #require(DomainName("example.org")), postmaster: nil, keys: [], author: "test")
        let address = try #require(EmailAddress("ann@example.org"))
        let account = try await directory.addAccount(address, name: nil, quota: quota, author: "test")
        let store = MailStore(database: database, blobs: blobs, directory: directory, ids: ids)
        try await store.prepareAccount(account.id)
        let bob = try await directory.addAccount(
            try #require(EmailAddress("bob@example.org")), name: nil, quota: nil, author: "test")
        try await store.prepareAccount(bob.id)
        let events = RecordingEventSink()
        var authenticatorOptions = AuthenticatorOptions()
        authenticatorOptions.addsMissingVerifiers = { false }
        authenticatorOptions.tokens = { token in
            token == Secret(TranscriptWords.token) ? .valid(login: "ann@example.org") : .refused(.invalidToken)
        }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let dependencies = IMAPServerDependencies(
            store: store, blobs: blobs,
            authenticator: Authenticator(source: FewAccounts(accounts: [account, bob]), options: authenticatorOptions),
            settings: settings, events: events, logger: logger, clock: SystemClock())
        let tls: ListenerTLS =
            switch listener {
            case .open: .none
            case .startTLS: .startTLS(try tlsStore(folder))
            case .implicitTLS: .implicit(try tlsStore(folder))
            }
        var configuration = ListenerConfiguration(
            name: "imap", addresses: [ListenAddress(address: try #require(loopback), port: 0)], tls: tls,
            limiter: ConnectionLimiter(total: 100, perPeer: 100), refusal: "* BYE Too many connections\r\n")
        configuration.handshakeDeadline = { .seconds(300) }
        let service = IMAPService(dependencies).listener(
            configuration, group: .singletonMultiThreadedEventLoopGroup, makeID: { ids.next() })
        let port = try #require(try await service.bind().first).port
        return TestServer(
            folder: folder, port: port, store: store, directory: directory, events: events, service: service,
            account: account,
            bob: bob)
    }

    private static func tlsStore(_ folder: String) throws -> TLSStore {
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        try SelfSignedCertificate.write(
            names: [try #require(DomainName("mail.example.org"))], addresses: [try #require(loopback)],
            now: SystemClock().now(), to: files)
        return try TLSStore([files])
    }

    static func clientTLS() throws -> ClientTLS {
        try ClientTLSContexts().tls(serverName: "mail.example.org", verification: .none)
    }

    /// Puts a message into INBOX, as its delivery would.
    func deliver(_ text: String) async throws {
        try await deliver(octets: Array(text.utf8))
    }

    func deliver(octets: [UInt8]) async throws {
        let message = NewMessage(
            content: .bytes(octets), index: MessageIndex(scanning: octets), internalDate: SystemClock().now())
        _ = try await store.append(account.id, to: try await store.inbox(account.id), messages: [message])
    }

    /// The files that messages are kept in; their names are in the order they came.
    func blobFiles() -> [String] { filesBelow(folder + "/blobs") }

    /// Connects and reads the greeting.
    func client<Result: Sendable>(
        tls: ClientTLS? = nil, _ body: @Sendable (IMAPTestClient, String) async throws -> Result
    ) async throws -> Result {
        try await ClientConnection.with(
            to: try #require(Self.loopback), port: port, id: MailID(rawValue: 1), framer: ResponseFramer(),
            timeout: .seconds(120), implicitTLS: tls, group: MultiThreadedEventLoopGroup.singleton
        ) { connection in
            let client = IMAPTestClient(connection)
            var greeting = await client.next()
            if greeting == "(tls)" { greeting = await client.next() }
            return try await body(client, greeting)
        }
    }

    /// Connects and logs in.
    func session<Result: Sendable>(
        as user: String = "ann@example.org", _ body: @Sendable (IMAPTestClient) async throws -> Result
    ) async throws -> Result {
        try await client { client, _ in
            await client.login(user)
            return try await body(client)
        }
    }

    /// Connects, logs in and selects INBOX.
    func inbox<Result: Sendable>(_ body: @Sendable (IMAPTestClient) async throws -> Result) async throws -> Result {
        try await session { client in
            let reply = await client.command("SELECT INBOX")
            #expect(reply.isOK, "\(reply)")
            return try await body(client)
        }
    }
}

/// The accounts there are; their password is `secret`.
private struct FewAccounts: CredentialSource {
    let accounts: [Account]

    func credentials(for login: String) async throws -> AccountCredentials? {
        guard let account = accounts.first(where: { $0.address.folded == login }) else { return nil }
        return AccountCredentials(
            account: account, credentials: [StoredCredential(id: 1, kind: .password, value: "{PLAIN}secret")])
    }

    func addCredential(_ credential: NewCredential, to account: AccountID) async throws {}
}

private func removeFolder(_ path: String) {
    guard let folder = opendir(path) else {
        unlink(path)
        return
    }
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        let child = "\(path)/\(name)"
        if entry.pointee.d_type == UInt8(DT_DIR) { removeFolder(child) } else { unlink(child) }
    }
    closedir(folder)
    rmdir(path)
}

private func filesBelow(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var files: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        let child = "\(path)/\(name)"
        if entry.pointee.d_type == UInt8(DT_DIR) { files += filesBelow(child) } else { files.append(child) }
    }
    return files
}
