import MartletTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import OAuthClient

/// The HTTP client against a real socket that answers with octets of the test's choice.
@Suite
struct HTTPFormPosterTests {
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private func post(
        answering text: String, patience: Duration = .seconds(20), scheme: String = "http"
    ) async throws -> (Result<EndpointAnswer, TokenFailure>, heard: [String]) {
        let server = try await OctetServer(answer: text, group: Self.group)
        let poster = HTTPFormPoster(group: Self.group, patience: patience)
        let result: Result<EndpointAnswer, TokenFailure>
        do throws(TokenFailure) {
            let form = FormFields(["grant_type": "refresh_token", "refresh_token": "a b&c"])
            result = .success(try await poster.post("\(scheme)://127.0.0.1:\(server.port)/t?x=1", form, caFile: nil))
        } catch {
            result = .failure(error)
        }
        try await server.close()
        return (result, server.heard)
    }

    @Test
    func `a form is posted and the answer read`() async throws {
        let (result, heard) = try await post(answering: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        #expect(try result.get().status == 200)
        #expect(try result.get().body == Array("{}".utf8))
        let request = try #require(heard.first)
        #expect(request.hasPrefix("POST /t?x=1 HTTP/1.1\r\n"))
        #expect(request.contains("application/x-www-form-urlencoded"))
        #expect(request.hasSuffix("\r\n\r\ngrant_type=refresh_token&refresh_token=a%20b%26c"))
    }

    @Test
    func `a redirect is an answer, and nobody goes there`() async throws {
        let (result, heard) = try await post(
            answering: "HTTP/1.1 307 Over there\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        #expect(try result.get().status == 307)
        #expect(heard.count == 1)
    }

    @Test(arguments: [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + String(repeating: "x", count: 200_000),
            "more than 65536"
        ),
        ("220 mail.example.org ESMTP\r\n", "failed"), ("", "failed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "failed"),
    ])
    func `hostile answers are failures in words`(answer: String, words: String) async throws {
        let (result, _) = try await post(answering: answer)
        guard case .failure(let failure) = result else {
            Issue.record("it should have failed")
            return
        }
        #expect(failure.kind == .unreachable)
        #expect(failure.text.contains(words), "\(failure.text)")
        #expect(!failure.text.contains("a b&c"))
    }

    @Test(arguments: [OctetServer.silence, OctetServer.drip])
    func `an endpoint that says nothing, or an octet now and then, is given up`(_ answer: String) async throws {
        let (result, heard) = try await post(answering: answer, patience: .milliseconds(300))
        guard case .failure(let failure) = result else {
            Issue.record("it should have failed")
            return
        }
        #expect(failure.text == "127.0.0.1 did not answer in time")
        #expect(heard.count == 1)
    }

    @Test
    func `without TLS on the other side nothing is said`() async throws {
        let (result, heard) = try await post(
            answering: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", scheme: "https")
        guard case .failure(let failure) = result else {
            Issue.record("it should have failed")
            return
        }
        #expect(failure.kind == .unreachable)
        #expect(!heard.joined().contains("refresh_token"))
    }

    @Test
    func `a name without addresses is said`() async throws {
        let poster = HTTPFormPoster(group: Self.group, resolver: ScriptedResolver())
        await #expect(throws: TokenFailure(.unreachable, "the name id.example.test can't be resolved")) {
            try await poster.post("https://id.example.test/t", FormFields(), caFile: nil)
        }
    }
}

/// Answers every connection with the same octets, once something has come, and closes.
private final class OctetServer: Sendable {
    static let silence = "silence"
    /// A head, and then an octet at a time without an end.
    static let drip = "drip"

    private let channel: any Channel
    private let recorded: Recorder

    var port: Int { channel.localAddress?.port ?? 0 }
    var heard: [String] { recorded.texts }

    init(answer: String, group: MultiThreadedEventLoopGroup) async throws {
        let recorded = Recorder()
        self.recorded = recorded
        channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(AnswerHandler(answer: answer, recorder: recorded))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async throws { try await channel.close() }
}

private final class Recorder: Sendable {
    private let kept = Mutex<[String]>([])
    var texts: [String] { kept.withLock { $0 } }
    func begin() { kept.withLock { $0.append("") } }
    func add(_ text: String) { kept.withLock { $0[$0.count - 1] += text } }
}

private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: String
    private let recorder: Recorder
    private var text = ""

    init(answer: String, recorder: Recorder) {
        self.answer = answer
        self.recorder = recorder
    }

    func channelActive(context: ChannelHandlerContext) { recorder.begin() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let piece = String(buffer: unwrapInboundIn(data))
        text += piece
        recorder.add(piece)
        let isWhole = text.contains("\r\n\r\n") && text.hasSuffix("%26c")
        guard answer != OctetServer.silence, isWhole || !text.hasPrefix("POST") else { return }
        if answer == OctetServer.drip {
            return drip("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", context)
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        context.close(promise: nil)
    }

    private func drip(_ text: String, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.drip("x", context) }
    }
}
