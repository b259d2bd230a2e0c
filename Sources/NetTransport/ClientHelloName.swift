import NIOCore

/// The server name in a ClientHello.
enum ClientHelloName: Sendable, Equatable {
    case absent
    case name(String)
}

/// Gathers the first octets that a TLS client sends until its ClientHello is whole, and reads the name in it.
struct ClientHelloReader {
    /// A hello is a few hundred octets, up to some thousand with post-quantum keys.
    private static let longest = 32 * 1024

    private var wire = ByteBuffer()
    private var handshake = ByteBuffer()
    private(set) var isOver = false
    /// What was found; stays nil for what is no hello, or one too long to be looked at.
    private(set) var name: ClientHelloName?

    mutating func read(_ octets: ByteBuffer) {
        guard !isOver else { return }
        wire.writeImmutableBuffer(octets)
        guard wire.readableBytes + handshake.readableBytes <= Self.longest else { return finish(nil) }
        // RFC 8446 §5.1: records of type 22 carry the handshake's messages, in pieces if need be
        while let kind = wire.getInteger(at: wire.readerIndex, as: UInt8.self) {
            guard kind == 22 else { return finish(nil) }
            guard let length = wire.getInteger(at: wire.readerIndex + 3, as: UInt16.self) else { break }
            guard wire.readableBytes >= 5 + Int(length) else { break }
            wire.moveReaderIndex(forwardBy: 5)
            guard var fragment = wire.readSlice(length: Int(length)) else { return finish(nil) }
            handshake.writeBuffer(&fragment)
            if readHandshake() { return }
        }
    }

    /// Whether the hello is whole.
    private mutating func readHandshake() -> Bool {
        guard let head = handshake.getInteger(at: handshake.readerIndex, as: UInt32.self) else { return false }
        guard head >> 24 == 1 else {
            finish(nil)
            return true
        }
        let length = Int(head & 0xFF_FFFF)
        guard handshake.readableBytes >= 4 + length,
            let hello = handshake.getSlice(at: handshake.readerIndex + 4, length: length)
        else { return false }
        finish(Self.name(in: hello))
        return true
    }

    private mutating func finish(_ name: ClientHelloName?) {
        self.name = name
        isOver = true
        wire = ByteBuffer()
        handshake = ByteBuffer()
    }

    // RFC 8446 §4.1.2, RFC 6066 §3
    static func name(in hello: ByteBuffer) -> ClientHelloName? {
        var hello = hello
        guard hello.readSlice(length: 34) != nil,  // version, random
            let session = hello.readInteger(as: UInt8.self), hello.readSlice(length: Int(session)) != nil,
            let suites = hello.readInteger(as: UInt16.self), hello.readSlice(length: Int(suites)) != nil,
            let methods = hello.readInteger(as: UInt8.self), hello.readSlice(length: Int(methods)) != nil
        else { return nil }
        guard hello.readableBytes > 0 else { return .absent }
        guard let total = hello.readInteger(as: UInt16.self), var extensions = hello.readSlice(length: Int(total))
        else {
            return nil
        }
        while let kind = extensions.readInteger(as: UInt16.self) {
            guard let length = extensions.readInteger(as: UInt16.self),
                var body = extensions.readSlice(length: Int(length))
            else { return nil }
            guard kind == 0 else { continue }
            guard body.readInteger(as: UInt16.self) != nil, body.readInteger(as: UInt8.self) == 0,
                let size = body.readInteger(as: UInt16.self), let name = body.readString(length: Int(size)),
                !name.isEmpty
            else { return nil }
            return .name(name)
        }
        return .absent
    }
}
