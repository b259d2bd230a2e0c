import Glibc
import Logging
import MailSyntax
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import Testing

@testable import NetTransport

/// A TLS client that reports what it was shown.
private final class Handshake: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    struct Failed: Error {}

    let done: EventLoopPromise<Void>

    init(_ done: EventLoopPromise<Void>) { self.done = done }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { done.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { done.fail(Failed()) }

    /// The certificate and version a server chose for a client.
    static func perform(
        _ port: Int,
        serverName: String?,
        versions: ClosedRange<Int> = 2...3
    ) async throws -> (certificate: NIOSSLCertificate?, version: TLSVersion?) {
        let all: [TLSVersion] = [.tlsv1, .tlsv11, .tlsv12, .tlsv13]
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.minimumTLSVersion = all[versions.lowerBound]
        configuration.maximumTLSVersion = all[versions.upperBound]
        let context = try NIOSSLContext(configuration: configuration)
        let group = MultiThreadedEventLoopGroup.singleton
        let done = group.next().makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLClientHandler(context: context, serverHostname: serverName), Handshake(done))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await done.futureResult.get()
        let certificate = try await channel.nioSSL_peerCertificate().get()
        let version = try await channel.nioSSL_tlsVersion().get()
        try? await channel.close()
        return (certificate, version)
    }
}

@Suite struct TLSStoreTests {
    private static let loopback = IPAddress(bytes: [127, 0, 0, 1])

    private static func certificate(_ names: String...) throws -> CertificateFiles {
        let folder = "/tmp/martlet-sni-\(UInt64.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        try write(files, names)
        return files
    }

    private static func write(_ files: CertificateFiles, _ names: [String]) throws {
        try SelfSignedCertificate.write(
            names: try names.map { try #require(DomainName($0)) },
            addresses: [],
            now: Timestamp(microseconds: 1_790_000_000_000_000),
            to: files
        )
    }

    private static func leaf(_ files: CertificateFiles) throws -> NIOSSLCertificate {
        try #require(try NIOSSLCertificate.fromPEMFile(files.certificateChain).first)
    }

    /// Runs a TLS server that echoes lines.
    private static func serve(_ store: TLSStore, _ body: (Int) async throws -> Void) async throws {
        let service = ListenerService(
            configuration: ListenerConfiguration(
                name: "echo",
                addresses: [ListenAddress(address: try #require(loopback), port: 0)],
                tls: .implicit(store),
                limiter: ConnectionLimiter(total: 100, perPeer: 100),
                refusal: ""
            ),
            group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            makeID: { MailID(rawValue: 1) },
            makeFramer: { LineFramer() },
            session: { connection in
                var events = connection.events()
                while true {
                    switch await events.next() {
                    case .frame(let line): try? await connection.send(bytes: ByteBuffer(string: line + "\r\n"))
                    case .closed, .inputClosed, .shuttingDown, .tlsFailed: return
                    default: continue
                    }
                }
            }
        )
        let port = try #require(try await service.bind().first).port
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await body(port)
            service.stop(drainTime: .seconds(5))
            try await group.waitForAll()
        }
    }

    @Test func `the certificate is chosen by the name that is asked for`() async throws {
        let first = try Self.certificate("mail.one.example", "mx.one.example")
        let second = try Self.certificate("mail.two.example")
        try await Self.serve(try TLSStore([first, second])) { port in
            let expected: [(String?, CertificateFiles)] = [
                ("mail.one.example", first), ("mx.one.example", first), ("mail.two.example", second),
                ("MAIL.TWO.EXAMPLE", second), ("other.two.example", first), ("two.example", first), (nil, first),
            ]
            for (name, files) in expected {
                let shown = try await Handshake.perform(port, serverName: name)
                let expected = try Self.leaf(files)
                #expect(shown.certificate == expected, "\(name ?? "no name")")
            }
        }
    }

    @Test func `a reload changes what new clients see and leaves sessions alone`() async throws {
        let files = try Self.certificate("mail.one.example")
        let before = try Self.leaf(files)
        let store = try TLSStore([files])
        try await Self.serve(store) { port in
            let tls = try ClientTLSContexts().tls(serverName: "mail.one.example", verification: .none)
            try await ClientConnection.with(
                to: try #require(Self.loopback), port: port, id: MailID(rawValue: 1), framer: LineFramer(),
                timeout: .seconds(120), implicitTLS: tls, group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                var events = connection.events()
                guard case .tlsEstablished = await events.next() else {
                    Issue.record("no handshake")
                    return
                }
                unlink(files.certificateChain)
                unlink(files.privateKey)
                try Self.write(files, ["mail.one.example"])
                #expect(try await Handshake.perform(port, serverName: nil).certificate == before, "not reloaded yet")
                try store.reload()
                let after = try Self.leaf(files)
                #expect(after != before)
                #expect(try await Handshake.perform(port, serverName: nil).certificate == after)
                // A broken file leaves what is in use.
                truncate(files.privateKey, 10)
                #expect(throws: TLSStoreError.self) { try store.reload() }
                #expect(try await Handshake.perform(port, serverName: nil).certificate == after)
                try await connection.send(bytes: ByteBuffer(string: "still here\r\n"))
                if case .frame(let line) = await events.next() {
                    #expect(line == "still here")
                } else {
                    Issue.record("the session ended")
                }
            }
        }
    }

    @Test func `TLS below 1_2 is refused, 1_2 and 1_3 are spoken`() async throws {
        try await Self.serve(try TLSStore([try Self.certificate("mail.one.example")])) { port in
            let old = try await Handshake.perform(port, serverName: nil, versions: 2...2)
            #expect(old.version == .tlsv12)
            let new = try await Handshake.perform(port, serverName: nil, versions: 0...3)
            #expect(new.version == .tlsv13)
            for versions in [0...0, 1...1, 0...1] {
                await #expect(throws: (any Error).self) {
                    _ = try await Handshake.perform(port, serverName: nil, versions: versions)
                }
            }
        }
    }

    @Test func `a key of another certificate and an empty list are refused by name`() throws {
        let first = try Self.certificate("mail.one.example")
        let second = try Self.certificate("mail.two.example")
        let mixed = CertificateFiles(certificateChain: first.certificateChain, privateKey: second.privateKey)
        let error = #expect(throws: TLSStoreError.self) { try TLSStore([mixed]) }
        #expect(error?.file == second.privateKey)
        #expect(throws: TLSStoreError.self) { try TLSStore([]) }
        #expect(throws: TLSStoreError.self) { try TLSStore([first, mixed]) }
    }

    @Test(arguments: [
        ("*.example.org", "a.example.org", true), ("*.example.org", "a.b.example.org", false),
        ("*.example.org", "example.org", false), ("*.example.org", ".example.org", false),
        ("a.example.org", "a.example.org", false), ("*.", "a.", true),
    ])
    func `a wildcard covers one label`(_ test: (String, String, Bool)) {
        #expect(TLSStore.wildcard(test.0, covers: test.1) == test.2)
    }
}
