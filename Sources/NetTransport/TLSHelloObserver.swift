import NIOCore

/// What was read off the plaintext part of a handshake. Touched on the connection's event loop only.
final class TLSHello {
    var suite: UInt16?
    var serverName: String?
    /// On a client's side, what the verification has found.
    var findings: PeerFindings?
    /// On the server's side, its certificates; and what reads the client's choice among several.
    var identities: ServerIdentities?
    var clientHello: ClientHelloReader?

    /// The digest of the certificate that the client was shown. RFC 5929 §4.1
    var endPoint: [UInt8]? { identities?.endPoint(for: clientHello?.name) }
}

/// Reads the negotiated cipher suite off the ServerHello as it passes, because the TLS library does not tell it, and of
/// several certificates the name that the client asks for, then leaves the pipeline. It never changes or holds an octet.
final class TLSHelloObserver: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let hello: TLSHello

    init(hello: TLSHello) {
        self.hello = hello
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = Self.unwrapInboundIn(data)
        hello.clientHello?.read(octets)
        context.fireChannelRead(data)
        observe(octets, context: context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        observe(Self.unwrapOutboundIn(data), context: context)
    }

    /// Leaves in a later tick: the context of a removed handler leads nowhere, and a flush may be following the write.
    private func observe(_ buffer: ByteBuffer, context: ChannelHandlerContext) {
        guard hello.suite == nil, let suite = Self.cipherSuite(of: buffer) else { return }
        hello.suite = suite
        let pipeline = context.pipeline
        context.eventLoop.assumeIsolated().execute {
            pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    /// The suite in a record that begins with a ServerHello. // RFC 8446 §4.1.3, RFC 5246 §7.4.1.3
    static func cipherSuite(of record: ByteBuffer) -> UInt16? {
        var record = record
        guard record.readInteger(as: UInt8.self) == 22,  // handshake record
            record.readBytes(length: 4) != nil,  // version, length
            record.readInteger(as: UInt8.self) == 2,  // ServerHello
            record.readBytes(length: 3) != nil,  // length
            record.readBytes(length: 34) != nil,  // version, random
            let sessionLength = record.readInteger(as: UInt8.self),
            record.readBytes(length: Int(sessionLength)) != nil
        else { return nil }
        return record.readInteger(as: UInt16.self)
    }
}

/// The suites BoringSSL can negotiate in TLS 1.2 and 1.3.
struct CipherSuite: Sendable, Hashable {
    var name: String
    var bits: Int

    static let unknown = CipherSuite(name: "unknown", bits: 0)

    init(name: String, bits: Int) {
        self.name = name
        self.bits = bits
    }

    init?(code: UInt16) {
        switch code {
        case 0x1301: self.init(name: "TLS_AES_128_GCM_SHA256", bits: 128)
        case 0x1302: self.init(name: "TLS_AES_256_GCM_SHA384", bits: 256)
        case 0x1303: self.init(name: "TLS_CHACHA20_POLY1305_SHA256", bits: 256)
        case 0xC02B: self.init(name: "ECDHE-ECDSA-AES128-GCM-SHA256", bits: 128)
        case 0xC02C: self.init(name: "ECDHE-ECDSA-AES256-GCM-SHA384", bits: 256)
        case 0xC02F: self.init(name: "ECDHE-RSA-AES128-GCM-SHA256", bits: 128)
        case 0xC030: self.init(name: "ECDHE-RSA-AES256-GCM-SHA384", bits: 256)
        case 0xCCA8: self.init(name: "ECDHE-RSA-CHACHA20-POLY1305", bits: 256)
        case 0xCCA9: self.init(name: "ECDHE-ECDSA-CHACHA20-POLY1305", bits: 256)
        default: return nil
        }
    }
}
