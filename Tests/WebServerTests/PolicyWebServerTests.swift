import Logging
import MailSyntax
import MartletTesting
import NIOCore
import NIOEmbedded
import NIOPosix
import NetTransport
import Testing

@testable import WebServer

@Suite("The policy over HTTPS")
struct PolicyWebServerTests {
    static let path = "/.well-known/mta-sts.txt"

    static let server = PolicyWebServer(
        logger: LogRecorder().logger, now: { Timestamp(seconds: 784_111_777) },
        policies: { $0.ascii == "one.example" ? "text\r\n" : nil })

    static func answer(_ method: String, _ path: String, _ host: String?, asked: String? = nil) async -> String {
        await server.answer(.request(HTTPRequest(method: method, path: path, host: host)), asked)
    }

    @Test("Only the policy of a domain that is ours is there")
    func answers() async {
        let head = """
            HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r
            Content-Length: 6\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n
            """
        let good = await Self.answer("GET", Self.path, "mta-sts.one.example")
        #expect(good == head + "text\r\n")
        #expect(await Self.answer("HEAD", Self.path, "mta-sts.one.example") == head)
        for (path, host) in [
            (Self.path, "one.example"), (Self.path, "mta-sts.two.example"), ("/", "mta-sts.one.example"),
            (Self.path, ""), (Self.path, "mta-sts."), (Self.path, "mta-sts.one.example.evil.example"),
            (Self.path + "/", "mta-sts.one.example"),
            ("/.well-known/../.well-known/mta-sts.txt", "mta-sts.one.example"),
            ("/%2ewell-known/mta-sts.txt", "mta-sts.one.example"), (Self.path, "mta-sts.one.example/"),
        ] {
            let answer = await Self.answer("GET", path, host)
            #expect(answer.hasPrefix("HTTP/1.1 404 "), "\(path) \(host)")
            #expect(answer.contains("\r\nContent-Length: 0\r\n") && answer.hasSuffix("\r\n\r\n"), "\(path) \(host)")
        }
        let post = await Self.answer("POST", Self.path, "mta-sts.one.example")
        #expect(post.hasPrefix("HTTP/1.1 405 ") && post.contains("\r\nAllow: GET, HEAD\r\n"))
        #expect(await Self.server.answer(.malformed).hasPrefix("HTTP/1.1 400 "))
        #expect(await Self.server.answer(.tooLarge).hasPrefix("HTTP/1.1 431 "))
        #expect(await Self.server.answer(.otherVersion).hasPrefix("HTTP/1.1 505 "))
    }

    @Test("A request without a host means the one that TLS was asked for")
    func withoutHost() async {
        #expect(await Self.answer("GET", Self.path, nil).hasPrefix("HTTP/1.1 404 "))
        #expect(await Self.answer("GET", Self.path, nil, asked: "MTA-STS.one.example").hasPrefix("HTTP/1.1 200 "))
        #expect(
            await Self.answer("GET", Self.path, "two.example", asked: "mta-sts.one.example")
                .hasPrefix("HTTP/1.1 404 "))
    }

    // MARK: Connections

    static func listener(tls: ListenerTLS = .none) -> ListenerService<HTTPHeadFramer> {
        server.listener(
            ListenerConfiguration(
                name: "https", addresses: [ListenAddress(address: .thisMachine, port: 0)], tls: tls,
                limiter: ConnectionLimiter(total: 10, perPeer: 10), refusal: ""),
            group: .singletonMultiThreadedEventLoopGroup, makeID: { MailID(rawValue: 1) })
    }

    /// What is answered to some octets, until the server closes its side.
    static func play(_ text: String, waiting: TimeAmount? = nil) async throws -> String {
        var heard = ""
        try await ChannelWire.with(adopting: { try await listener().adopt($0) }) { wire, channel in
            try await wire.send(ByteBuffer(string: text))
            if let waiting { await channel.testingEventLoop.advanceTime(by: waiting) }
            // After its answer the server gives the client two seconds to go.
            let end = Task { await channel.testingEventLoop.advanceTime(by: .seconds(40)) }
            while let part = try await wire.receive() { heard += String(buffer: part) }
            await end.value
        }
        return heard
    }

    @Test("One request a connection is answered, whatever follows it")
    func once() async throws {
        let request = "GET \(Self.path) HTTP/1.1\r\nHost: mta-sts.one.example\r\nConnection: keep-alive\r\n\r\n"
        let heard = try await Self.play(request + request + String(repeating: "x", count: 100_000))
        #expect(heard.hasSuffix("\r\n\r\ntext\r\n"))
        #expect(heard.split(separator: "HTTP/1.1").count == 1, "\(heard)")
    }

    @Test("Who takes too long is told nothing and let go", arguments: ["", "GET / HTTP/1.1\r\nHost: a\r\n"])
    func slow(_ text: String) async throws {
        #expect(try await Self.play(text, waiting: .seconds(15)) == "")
    }

    @Test("An endless head is cut off")
    func endless() async throws {
        let heard = try await Self.play("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 1_000_000))
        #expect(heard.hasPrefix("HTTP/1.1 431 "))
    }
}
