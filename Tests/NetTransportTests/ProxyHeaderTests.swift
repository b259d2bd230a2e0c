import MailSyntax
import NIOCore
import Testing

@testable import NetTransport

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private static func version2(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? body.count
        return signature + [command, family, UInt8(length >> 8 & 255), UInt8(length & 255)] + body
    }

    private static func client(_ source: String, _ from: Int, _ destination: String, _ to: Int) throws -> ProxyHeader {
        ProxyHeader(
            client: .init(
                source: .init(address: try #require(IPAddress(source)), port: from),
                destination: .init(address: try #require(IPAddress(destination)), port: to)))
    }

    /// Whole, octet by octet, and with what follows: the header, and nothing of what follows is taken.
    private func check(_ bytes: [UInt8], _ expected: ProxyHeader) {
        let rest = Array("EHLO x\r\n".utf8)
        for length in 0..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes.prefix(length))
            #expect(ProxyHeader.parse(&buffer) == .incomplete)
            #expect(buffer.readableBytes == length)
        }
        var buffer = ByteBuffer(bytes: bytes + rest)
        #expect(ProxyHeader.parse(&buffer) == .header(expected))
        #expect(Array(buffer.readableBytesView) == rest)
    }

    @Test func `a line of version 1 is read`() throws {
        check(
            Array("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n".utf8),
            try Self.client("192.0.2.1", 56324, "198.51.100.2", 25))
        check(
            Array("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n".utf8),
            try Self.client("2001:db8::1", 0, "2001:db8::2", 65535))
        check(Array("PROXY UNKNOWN\r\n".utf8), ProxyHeader(client: nil))
        check(Array("PROXY UNKNOWN ffff::1 whatever 1 2\r\n".utf8), ProxyHeader(client: nil))
    }

    @Test func `a header of version 2 is read, its extensions are passed over`() throws {
        let addresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0, 25]
        let plain = try Self.client("192.0.2.1", 56324, "198.51.100.2", 25)
        check(Self.version2(0x21, 0x11, addresses), plain)
        check(Self.version2(0x21, 0x11, addresses + [3, 0, 4, 1, 2, 3, 4, 4, 0, 0]), plain)
        check(Self.version2(0x21, 0x11, addresses + [UInt8](repeating: 4, count: 4084)), plain)
        let v6 = [UInt8](repeating: 0, count: 15) + [1] + [0x20, 1] + [UInt8](repeating: 0, count: 14) + [1, 2, 3, 4]
        check(Self.version2(0x21, 0x21, v6), try Self.client("::1", 258, "2001::", 772))
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 192, 0, 2, 7]
        check(
            Self.version2(0x21, 0x21, mapped + mapped + [0, 1, 0, 2]), try Self.client("192.0.2.7", 1, "192.0.2.7", 2))
        check(Self.version2(0x20, 0x00, []), ProxyHeader(client: nil))
        check(Self.version2(0x20, 0x11, addresses), ProxyHeader(client: nil))
        check(Self.version2(0x21, 0x00, [1, 2, 3]), ProxyHeader(client: nil))
        check(Self.version2(0x21, 0x31, [UInt8](repeating: 47, count: 216)), ProxyHeader(client: nil))
    }

    @Test(arguments: [
        "EHLO x\r\n", "PROXZ", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", "PROXY TCP4\r\n",
        "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", "PROXY \r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWN \(String(repeating: "x", count: 100))\r\n", "\r\nPROXY", "\r\n\r\n\0\r\nQUIX",
    ])
    func `what is no header is refused`(text: String) {
        var buffer = ByteBuffer(string: text)
        guard case .malformed = ProxyHeader.parse(&buffer) else {
            Issue.record("not refused")
            return
        }
        #expect(buffer.readableBytes == text.utf8.count)
    }

    @Test func `a header of version 2 that lies about itself is refused`() {
        let short = [UInt8](repeating: 1, count: 11)
        for bytes in [
            Self.version2(0x11, 0x11, short + [1]), Self.version2(0x22, 0x11, short + [1]),
            Self.version2(0x21, 0x11, short), Self.version2(0x21, 0x21, short), Self.version2(0x21, 0x31, short),
            Self.version2(0x21, 0x12, short + [1]), Self.version2(0x21, 0x13, []),
            Self.version2(0x21, 0x11, [], length: 4097), Self.version2(0x21, 0x11, [], length: 65535),
        ] {
            var buffer = ByteBuffer(bytes: bytes)
            guard case .malformed = ProxyHeader.parse(&buffer) else {
                Issue.record("\(bytes) is not refused")
                continue
            }
        }
        var longest = ByteBuffer(bytes: Self.version2(0x20, 0, [], length: 4096))
        #expect(ProxyHeader.parse(&longest) == .incomplete)
    }
}
