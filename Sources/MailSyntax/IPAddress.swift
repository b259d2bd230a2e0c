import Glibc

/// An IPv4 or IPv6 address; IPv4-mapped IPv6 is kept as IPv4.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible, Codable {
    /// 4 or 16 octets, network order.
    package let bytes: [UInt8]

    /// Reads dotted quad or RFC 4291 text, without brackets, zone or port.
    package init?(_ text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count >= 2, octets.count <= 45, !octets.contains(0) else { return nil }
        if octets.contains(UInt8(ascii: ":")) {
            var raw = [UInt8](repeating: 0, count: 16)
            let status = String(text).withCString { inet_pton(AF_INET6, $0, &raw) }
            guard status == 1 else { return nil }
            self.init(bytes: raw)
        } else {
            guard let quad = Self.dottedQuad(octets) else { return nil }
            self.init(bytes: quad)
        }
    }

    private init(octets: [UInt8]) {
        bytes = octets
    }

    /// `127.0.0.1`: this machine.
    package static let thisMachine = IPAddress(octets: [127, 0, 0, 1])

    /// nil unless there are 4 or 16 octets.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        if bytes.count == 16, bytes[10] == 0xFF, bytes[11] == 0xFF, bytes[..<10].allSatisfy({ $0 == 0 }) {
            self.bytes = Array(bytes[12...])
        } else {
            self.bytes = bytes
        }
    }

    package var isV6: Bool { bytes.count == 16 }

    package var isLoopback: Bool {
        isV6 ? bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1 : bytes.first == 127
    }

    /// `0.0.0.0` or `::`.
    package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

    package var description: String {
        guard isV6 else { return bytes.map { String($0) }.joined(separator: ".") }
        var buffer = [CChar](repeating: 0, count: 64)
        guard inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "::" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// RFC 5321 §4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    package var addressLiteral: String { isV6 ? "[IPv6:\(description)]" : "[\(description)]" }

    /// The name whose PTR record names the host, without a trailing dot.
    package var reverseName: String {
        guard isV6 else { return bytes.reversed().map { String($0) }.joined(separator: ".") + ".in-addr.arpa" }
        var out = ""
        for byte in bytes.reversed() {
            out += String(byte & 15, radix: 16) + "." + String(byte >> 4, radix: 16) + "."
        }
        return out + "ip6.arpa"
    }

    private static func dottedQuad(_ octets: [UInt8]) -> [UInt8]? {
        var quad: [UInt8] = []
        for field in octets.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false) {
            guard (1...3).contains(field.count), field.count == 1 || field.first != 48 else { return nil }
            var value = 0
            for digit in field {
                guard (48...57).contains(digit) else { return nil }
                value = value * 10 + Int(digit - 48)
            }
            guard let octet = UInt8(exactly: value) else { return nil }
            quad.append(octet)
        }
        return quad.count == 4 ? quad : nil
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let address = IPAddress(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an IP address")
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
