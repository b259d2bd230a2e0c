import NIOCore
import NIOSSL

/// The handlers that make a plaintext connection a TLS one.
struct TLSHandlers {
    /// How long we wait for a peer's close_notify after ours. Most never send one, and nobody waits for it but the
    /// socket: it decides nothing about what was said before.
    static let shutdownTimeout = TimeAmount.milliseconds(500)

    let hello: TLSHello
    private let ssl: any ChannelHandler
    private let observer: TLSHelloObserver

    private init(hello: TLSHello, ssl: any ChannelHandler) {
        self.hello = hello
        self.ssl = ssl
        observer = TLSHelloObserver(hello: hello)
    }

    /// Small buffers: a thousand idle clients hold a thousand of these.
    private static var configuration: NIOSSLHandler.Configuration {
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = 2048
        return configuration
    }

    static func server(_ context: ServerTLSContext) -> TLSHandlers {
        let hello = TLSHello()
        hello.identities = context.identities
        // One certificate is known without looking at what the client asks for.
        if context.identities.dependsOnName { hello.clientHello = ClientHelloReader() }
        return TLSHandlers(
            hello: hello, ssl: NIOSSLServerHandler(context: context.ssl, configuration: configuration))
    }

    static func client(_ client: ClientTLS) throws -> TLSHandlers {
        let hello = TLSHello()
        let findings = PeerFindings()
        hello.serverName = client.serverName
        hello.findings = findings
        let handler = try NIOSSLClientHandler(
            context: client.context,
            serverHostname: client.serverName,
            customVerificationCallback: findings.callback(client),
            configuration: configuration
        )
        return TLSHandlers(hello: hello, ssl: handler)
    }

    /// Puts them first, next to the socket. On the event loop only.
    func insert(into pipeline: ChannelPipeline) throws {
        try pipeline.syncOperations.addHandler(observer, position: .first)
        try pipeline.syncOperations.addHandler(ssl, position: .after(observer))
    }

    /// The library's words for a failed handshake without places in its source: `WRONG_VERSION_NUMBER`.
    static func describe(_ error: any Error) -> String {
        let text = String(describing: error)
        let reasons = text.split(separator: " ").compactMap { word -> String? in
            let parts = word.split(separator: ":")
            guard parts.contains("OPENSSL_internal") else { return nil }
            return parts.last.map(String.init)
        }
        return reasons.isEmpty ? String(text.prefix(300)) : reasons.joined(separator: ", ")
    }

    static func name(of version: TLSVersion?) -> String {
        switch version {
        case .tlsv13: "TLSv1.3"
        case .tlsv12: "TLSv1.2"
        case .tlsv11: "TLSv1.1"
        case .tlsv1: "TLSv1"
        default: "TLS"
        }
    }
}
