import NIOCore
import Testing

@testable import WebServer

@Suite("The head of a request")
struct HTTPHeadTests {
    static func head(_ text: String) -> HTTPHead? {
        var framer = HTTPHeadFramer()
        var buffer = ByteBuffer(string: text)
        return framer.next(&buffer)
    }

    static func request(_ path: String, _ host: String?, method: String = "GET") -> HTTPHead {
        .request(HTTPRequest(method: method, path: path, host: host))
    }

    static let path = "/.well-known/mta-sts.txt"

    @Test(
        "is read in each of its forms",
        arguments: [
            ("GET /a HTTP/1.1\r\nHost: one.example\r\n\r\n", request("/a", "one.example")),
            ("GET /a?b=1 HTTP/1.1\r\nhost:\t ONE.example:8443 \r\nX: y\r\n\r\nrest", request("/a", "one.example")),
            ("\r\n\r\nHEAD / HTTP/1.1\r\nHost:\r\n\r\n", request("/", "", method: "HEAD")),
            ("GET / HTTP/1.0\r\n\r\n", request("/", nil)),
            ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", request("/", "a")),
            ("GET HTTPS://two.example:1/b?c HTTP/1.1\r\nHost: one.example\r\n\r\n", request("/b", "two.example")),
            ("GET https://two.example HTTP/1.1\r\nHost: one.example\r\n\r\n", request("/", "two.example")),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", request("*", "a", method: "OPTIONS")),
            ("GET / HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", request("/", "[")),
            ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n", request("/\u{e9}", "a")),
        ])
    func reads(_ text: String, _ wanted: HTTPHead) {
        #expect(Self.head(text) == wanted)
    }

    @Test(
        "of something else is told as soon as it is seen",
        arguments: [
            "GET /\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.x\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n folded: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nx\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
            "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", "GET https://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            // A line that ends for some and not for others: nothing is waited for.
            "GET / HTTP/1.1\n", "GET / HTTP/1.1\rH", "\r\r", "EHLO mail.example\n",
        ])
    func malformed(_ text: String) {
        #expect(Self.head(text) == .malformed)
    }

    @Test("of another version is known", arguments: ["GET / HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    func version(_ text: String) {
        #expect(Self.head(text) == .otherVersion)
    }

    @Test("is the same however it is cut")
    func cuts() {
        let text = "\r\nGET \(Self.path)?x HTTP/1.1\r\nhost: MTA-STS.one.example:443\r\nA: b\r\n\r\n"
        let wanted = Self.request(Self.path, "mta-sts.one.example")
        for cut in 0...text.utf8.count {
            var framer = HTTPHeadFramer()
            var buffer = ByteBuffer(bytes: text.utf8.prefix(cut))
            let first = framer.next(&buffer)
            #expect(first == (cut == text.utf8.count ? wanted : nil))
            buffer.writeBytes(text.utf8.dropFirst(cut))
            buffer.writeString("GET / HTTP/1.1\r\n")
            #expect((first ?? framer.next(&buffer)) == wanted)
            #expect(framer.isPaused && framer.next(&buffer) == nil)
            #expect(buffer.readableBytes == 16)
        }
        var framer = HTTPHeadFramer()
        var buffer = ByteBuffer()
        let found = text.utf8.compactMap { byte in
            buffer.writeInteger(byte)
            return framer.next(&buffer)
        }
        #expect(found == [wanted])
    }

    @Test("has a limit, and not an octet less")
    func limit() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let fill = String(repeating: "x", count: HTTPHeadFramer.limit - start.utf8.count - 4)
        #expect(Self.head(start + fill + "\r\n\r\n") == Self.request("/", "a"))
        #expect(Self.head(start + fill + "x\r\n\r\n") == .tooLarge)
        #expect(Self.head(String(repeating: "a", count: HTTPHeadFramer.limit)) == nil)
        #expect(Self.head(String(repeating: "a", count: HTTPHeadFramer.limit + 1)) == .tooLarge)
        #expect(Self.head(String(repeating: "\r\n", count: HTTPHeadFramer.limit)) == .tooLarge)
    }
}
