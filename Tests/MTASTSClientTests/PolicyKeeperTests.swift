import DNSCore
import Logging
import MTASTSClient
import MailAuth
import MailSyntax
import MartletTesting
import SQLEngine
import Synchronization
import Testing

/// Gives what it is told to, and counts.
final class ScriptedFetcher: PolicyFetcher {
    private struct State {
        var answer: Result<String, PolicyFetchError> = .failure(PolicyFetchError("nobody is there"))
        var fetches = 0
    }

    private let state = Mutex(State())

    var fetches: Int { state.withLock { $0.fetches } }

    func set(_ answer: Result<String, PolicyFetchError>) { state.withLock { $0.answer = answer } }

    func fetch(_ domain: String, _ options: PolicyFetchOptions) async throws(PolicyFetchError) -> [UInt8] {
        let answer = state.withLock { state in
            state.fetches += 1
            return state.answer
        }
        return Array(try answer.get().utf8)
    }
}

@Suite("Keeping policies")
struct PolicyKeeperTests {
    let fixture: StoreFixture
    let resolver = ScriptedResolver()
    let fetcher = ScriptedFetcher()

    static let enforce = "version: STSv1\nmode: enforce\nmx: mx.one.example\nmax_age: 86400\n"
    static let testing = "version: STSv1\nmode: testing\nmx: mx.one.example\nmax_age: 86400\n"

    init() throws {
        fixture = try StoreFixture(migrations: MTASTSSchema.migrations)
    }

    func keeper() -> PolicyKeeper {
        PolicyKeeper(
            resolver: resolver, fetcher: fetcher, store: PolicyStore(database: fixture.database), clock: fixture.clock,
            logger: LogRecorder().logger)
    }

    func publish(_ id: String) { resolver.text("_mta-sts.one.example", "v=STSv1; id=\(id);") }

    static func mode(_ answer: MTASTSAnswer) -> String {
        switch answer {
        case .policy(let policy, let id): "\(policy.mode.rawValue) \(id)"
        case .none(_, let failure): failure?.rawValue ?? "none"
        }
    }

    @Test("Without a record nothing is fetched")
    func noRecord() async {
        fetcher.set(.success(Self.enforce))
        #expect(Self.mode(await keeper().answer(for: "one.example")) == "none")
        resolver.text("_mta-sts.one.example", "something else")
        #expect(Self.mode(await keeper().answer(for: "one.example")) == "none")
        #expect(fetcher.fetches == 0)
    }

    @Test("A policy is fetched once, and again when its id changes, also after a restart")
    func fetchedOnce() async {
        publish("1")
        fetcher.set(.success(Self.enforce))
        let first = keeper()
        for _ in 0..<3 { #expect(Self.mode(await first.answer(for: "One.example")) == "enforce 1") }
        #expect(Self.mode(await keeper().answer(for: "one.example")) == "enforce 1")
        #expect(fetcher.fetches == 1)
        publish("2")
        fetcher.set(.success(Self.testing))
        #expect(Self.mode(await first.answer(for: "one.example")) == "testing 2")
        #expect(fetcher.fetches == 2)
    }

    @Test("What was kept holds while nothing better can be had, and no longer than its age")
    func holds() async {
        publish("1")
        fetcher.set(.success(Self.enforce))
        let keeper = keeper()
        _ = await keeper.answer(for: "one.example")
        publish("2")
        for answer: Result<String, PolicyFetchError> in [
            .failure(PolicyFetchError("it hangs")), .success("<html></html>"),
        ] {
            fetcher.set(answer)
            fixture.clock.advance(by: .seconds(400))
            #expect(Self.mode(await keeper.answer(for: "one.example")) == "enforce 1")
        }
        resolver.fail("_mta-sts.one.example", .txt, .timeout)
        #expect(Self.mode(await keeper.answer(for: "one.example")) == "enforce 1")
        resolver.fail("_mta-sts.one.example", .txt, .nonexistentName(secure: false))
        #expect(Self.mode(await keeper.answer(for: "one.example")) == "enforce 1")
        fixture.clock.advance(by: .seconds(86400))
        #expect(Self.mode(await keeper.answer(for: "one.example")) == "none")
    }

    @Test("After a failure a server is left alone for a while")
    func pause() async {
        publish("1")
        fetcher.set(.success("<html></html>"))
        let keeper = keeper()
        for _ in 0..<3 { #expect(Self.mode(await keeper.answer(for: "one.example")) == "sts-policy-invalid") }
        #expect(fetcher.fetches == 1)
        fixture.clock.advance(by: .seconds(301))
        fetcher.set(.success(Self.enforce))
        #expect(Self.mode(await keeper.answer(for: "one.example")) == "enforce 1")
    }

    @Test("A policy is fetched again ahead of its end")
    func refresh() async {
        publish("1")
        fetcher.set(.success(Self.enforce))
        let keeper = keeper()
        _ = await keeper.answer(for: "one.example")
        await keeper.refresh()
        #expect(fetcher.fetches == 1)
        fixture.clock.advance(by: .seconds(43_300))
        await keeper.refresh()
        #expect(fetcher.fetches == 2)
        fixture.clock.advance(by: .seconds(80_000))
        #expect(Self.mode(await keeper.answer(for: "one.example")) == "enforce 1")
        #expect(fetcher.fetches == 2)
    }
}
