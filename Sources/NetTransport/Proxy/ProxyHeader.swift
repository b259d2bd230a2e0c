package import MailSyntax
package import NIOCore

/// The PROXY protocol's header, with which a proxy says on whose behalf it connects. Versions 1 and 2, as written by
/// haproxy (proxy-protocol.txt).
package struct ProxyHeader: Sendable, Hashable {
    /// One end of the client's connection.
    package struct Endpoint: Sendable, Hashable {
        package var address: IPAddress
        package var port: Int

        package init(address: IPAddress, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// The client and what it connected to; nil: the proxy speaks for itself (its health checks), or does not know.
    package struct Client: Sendable, Hashable {
        package var source: Endpoint
        package var destination: Endpoint

        package init(source: Endpoint, destination: Endpoint) {
            self.source = source
            self.destination = destination
        }
    }

    package var client: Client?

    package init(client: Client?) {
        self.client = client
    }

    package enum Outcome: Sendable, Hashable {
        /// What has come may be the beginning of a header.
        case incomplete
        /// A header, which is consumed.
        case header(ProxyHeader)
        /// No header; the text says what is wrong, and holds nothing of the peer's.
        case malformed(StaticText)
    }

    /// A text that was written here.
    package struct StaticText: Sendable, Hashable, CustomStringConvertible {
        package let description: String

        init(_ text: StaticString) {
            description = "\(text)"
        }
    }

    /// Octets of a version 1 line with its CRLF.
    static let longestLine = 107
    /// Octets that follow the fixed part of version 2: addresses and extensions. The protocol allows 65535; what proxies
    /// send stays far below this.
    static let longestBody = 4096

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let word = Array("PROXY ".utf8)

    /// Takes a header off the front of `buffer`; without a whole one nothing is consumed.
    package static func parse(_ buffer: inout ByteBuffer) -> Outcome {
        let bytes = buffer.readableBytesView
        if starts(bytes, word) { return bytes.count < word.count ? .incomplete : line(&buffer) }
        if starts(bytes, signature) { return bytes.count < signature.count ? .incomplete : binary(&buffer) }
        return .malformed("it does not begin with a PROXY header")
    }

    /// Whether the octets begin like `expected`, as far as there are any.
    private static func starts(_ bytes: ByteBufferView, _ expected: [UInt8]) -> Bool {
        bytes.prefix(expected.count).elementsEqual(expected.prefix(bytes.count))
    }
}

extension ProxyHeader.StaticText: ExpressibleByStringLiteral {
    package init(stringLiteral value: StaticString) {
        self.init(value)
    }
}

// MARK: - Version 1

extension ProxyHeader {
    private static func line(_ buffer: inout ByteBuffer) -> Outcome {
        let window = buffer.readableBytesView.prefix(longestLine)
        guard let feed = window.firstIndex(of: 10) else {
            return window.count < longestLine ? .incomplete : .malformed("the line is too long")
        }
        let line = window[..<feed]
        guard line.last == 13 else { return .malformed("the line does not end with CR LF") }
        let fields = line.dropLast().split(separator: 32, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard let header = header(of: fields) else { return .malformed("the line is not well-formed") }
        buffer.moveReaderIndex(forwardBy: line.count + 1)
        return .header(header)
    }

    private static func header(of fields: [String]) -> ProxyHeader? {
        guard fields.count >= 2 else { return nil }
        // Whatever follows the word is to be ignored.
        if fields[1] == "UNKNOWN" { return ProxyHeader(client: nil) }
        guard fields.count == 6, fields[1] == "TCP4" || fields[1] == "TCP6" else { return nil }
        let isV6 = fields[1] == "TCP6"
        guard let source = endpoint(fields[2], fields[4], isV6: isV6),
            let destination = endpoint(fields[3], fields[5], isV6: isV6)
        else { return nil }
        return ProxyHeader(client: Client(source: source, destination: destination))
    }

    private static func endpoint(_ address: String, _ port: String, isV6: Bool) -> Endpoint? {
        let hasColon = address.utf8.contains(UInt8(ascii: ":"))
        guard hasColon == isV6, let address = IPAddress(address), (1...5).contains(port.utf8.count),
            port.utf8.allSatisfy({ (48...57).contains($0) }), port == "0" || port.first != "0",
            let number = Int(port), number <= 65535
        else { return nil }
        return Endpoint(address: address, port: number)
    }
}

// MARK: - Version 2

extension ProxyHeader {
    private static func binary(_ buffer: inout ByteBuffer) -> Outcome {
        var reader = buffer
        reader.moveReaderIndex(forwardBy: signature.count)
        guard let version = reader.readInteger(as: UInt8.self) else { return .incomplete }
        guard version >> 4 == 2 else { return .malformed("its version is not 2") }
        guard version & 15 <= 1 else { return .malformed("its command is neither LOCAL nor PROXY") }
        guard let family = reader.readInteger(as: UInt8.self), let length = reader.readInteger(as: UInt16.self) else {
            return .incomplete
        }
        guard length <= longestBody else { return .malformed("it is too long") }
        guard var body = reader.readSlice(length: Int(length)) else { return .incomplete }
        var client: Client?
        // What a LOCAL header holds beside is to be ignored.
        if version & 15 == 1 {
            switch family {
            case 0x11:
                client = read(&body, octets: 4)
                guard client != nil else { return .malformed("it has no room for its addresses") }
            case 0x21:
                client = read(&body, octets: 16)
                guard client != nil else { return .malformed("it has no room for its addresses") }
            case 0x31:
                guard body.readableBytes >= 216 else { return .malformed("it has no room for its addresses") }
            case 0x00: break
            default: return .malformed("its address family can't be served")
            }
        }
        buffer = reader
        return .header(ProxyHeader(client: client))
    }

    private static func read(_ body: inout ByteBuffer, octets: Int) -> Client? {
        guard let source = body.readBytes(length: octets), let destination = body.readBytes(length: octets),
            let sourcePort = body.readInteger(as: UInt16.self), let destinationPort = body.readInteger(as: UInt16.self),
            let from = IPAddress(bytes: source), let to = IPAddress(bytes: destination)
        else { return nil }
        return Client(
            source: Endpoint(address: from, port: Int(sourcePort)),
            destination: Endpoint(address: to, port: Int(destinationPort)))
    }
}
