import DNSClient
import DNSCore
import Glibc
import MailSyntax
import MartletTesting
import Testing

/// Many who ask, one name server that says nothing.
@Suite("Resolver: shared and hanging questions", .timeLimit(.minutes(10)))
struct ResolverSharingTests {
    private let silent: SilentServer
    private var settings = UnboundResolverTests.settings()

    init() throws {
        silent = try SilentServer()
        settings.forwarders = [.init(address: try #require(IPAddress("127.0.0.1")), port: silent.port)]
        // Nobody waits so long: whoever ends, ends for another reason.
        settings.timeout = .seconds(600)
        settings.silence = .zero
    }

    @Test("Whoever asks the same shares one question, which delays nobody who asks another")
    func shared() async throws {
        var settings = settings
        settings.maximumInFlight = 2
        let resolver = try UnboundResolver(settings)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = await resolver.resolve("hangs.example", .txt) } }
            try await silent.question()
            for name in ["static.example", "six.example", "local.example"] {
                // There is room for one question besides.
                _ = await resolver.resolve(name, .txt)
            }
            #expect(try await resolver.resolve("static.example", .a).get().addresses.count == 1)
            group.cancelAll()
        }
    }

    @Test("However many names of one domain hang, others are asked")
    func crowd() async throws {
        let resolver = try UnboundResolver(settings)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1000 { group.addTask { _ = await resolver.resolve("n\(number).hangs.example", .txt) } }
            try await silent.question()
            #expect(try await resolver.resolve("static.example", .a).get().addresses.count == 1)
            #expect(try await resolver.resolve("six.example", .aaaa).get().addresses.count == 1)
            group.cancelAll()
        }
    }

    @Test("A question that nobody waits for any more makes way")
    func deserted() async throws {
        var settings = settings
        settings.maximumInFlight = 1
        settings.silence = .seconds(600)
        let resolver = try UnboundResolver(settings)
        let hanging = Task { await resolver.resolve("hangs.example", .txt) }
        try await silent.question()
        hanging.cancel()
        #expect(await hanging.value == .failure(.cancelled))
        #expect(try await resolver.resolve("static.example", .a).get().addresses.count == 1)
    }

    @Test("What is known is told without asking, and what is not makes the answers incomplete")
    func known() async throws {
        let resolver = try UnboundResolver(settings)
        let before = try #require(KnownAnswers(resolver))
        #expect(await before.resolve("static.example", .a) == .failure(.cancelled))
        #expect(before.isIncomplete)
        let answer = await resolver.resolve("static.example", .a)
        let after = try #require(KnownAnswers(resolver))
        #expect(await after.resolve("Static.example.", .a) == answer)
        #expect(!after.isIncomplete)
    }

    @Test("A question that nobody answered is not waited for again")
    func remembered() async throws {
        var settings = settings
        settings.silenceMemory = .seconds(300)
        let resolver = try UnboundResolver(settings)
        let hanging = Task { await resolver.resolve("hangs.example", .txt) }
        try await silent.question()
        hanging.cancel()
        #expect(await hanging.value == .failure(.cancelled))
        // The resolver's thread has seen that by the time it answers another question.
        #expect(try await resolver.resolve("static.example", .a).get().addresses.count == 1)
        #expect(await resolver.resolve("HANGS.example.", .txt) == .failure(.timeout))
    }
}

extension SilentServer {
    /// Waits until a question has come in.
    func question() async throws {
        let descriptor = descriptor
        try await blocking {
            var buffer = [UInt8](repeating: 0, count: 512)
            _ = recv(descriptor, &buffer, buffer.count, 0)
        }
    }
}
