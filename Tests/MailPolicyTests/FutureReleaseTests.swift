import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct FutureReleasePolicyTests {
    private let now = Timestamp(seconds: 1_795_255_200)

    private func admit(
        _ wish: FutureReleaseFacts.Wish, role: ClientRole = .submission, login: String? = "fbi@example.org",
        waiting: Int = 0, size: Int = 0, change: (inout Manifest) -> Void = { _ in }
    ) throws -> (decision: SenderDecision, trace: [TraceStep]) {
        var manifest = Manifest()
        manifest.limits.futureRelease = .seconds(86_400)
        manifest.limits.futureReleaseStorage = 1_000_000
        manifest.relay.networks = ["10.0.0.0/8"].compactMap { IPNetwork($0) }
        change(&manifest)
        let rules = PolicyRules(manifest)
        var facts = SenderFacts(
            client: try client(role, login: login), path: .address(try address("fbi@example.org")))
        facts.release = FutureReleaseFacts(
            wish: wish, request: "for;1", now: now, latest: now.adding(.seconds(86_390)), declaredSize: size)
        let directory = ScriptedDirectory()
        directory.waiting["fbi@example.org"] = waiting
        return try directory.run { Policy.admitSender(facts, rules: rules, $0) }
    }

    private func reply(_ result: (decision: SenderDecision, trace: [TraceStep])) -> String {
        guard case .reject(let reply) = result.decision else { return "250" }
        return "\(reply.code) \(reply.enhanced)"
    }

    @Test func `a wish within the limits is noted with its time`() throws {
        let result = try admit(.after(seconds: 3600))
        #expect(reply(result) == "250")
        let step = try #require(result.trace.first { $0.rule == "future-release" })
        #expect(step.after == "2026-11-21T11:00:00Z")
        #expect(step.note == nil)
    }

    @Test func `the longest interval is good whenever it comes, the latest time is what was told`() throws {
        #expect(reply(try admit(.after(seconds: 86_400))) == "250")
        #expect(reply(try admit(.after(seconds: 86_401))) == "501 5.5.4")
        #expect(reply(try admit(.until(now.adding(.seconds(86_390))))) == "250")
        #expect(reply(try admit(.until(now.adding(.seconds(86_391))))) == "501 5.5.4")
    }

    @Test func `a time that has passed means at once`() throws {
        let result = try admit(.until(now.adding(.seconds(-5))))
        #expect(reply(result) == "250")
        #expect(result.trace.contains { $0.rule == "future-release" && $0.note == "at once" })
    }

    // RFC 4865 §6
    @Test func `what waits for one login is bounded`() throws {
        #expect(reply(try admit(.after(seconds: 1), waiting: 1_000_000)) == "250")
        #expect(reply(try admit(.after(seconds: 1), waiting: 1_000_001)) == "552 5.7.16")
        #expect(reply(try admit(.after(seconds: 1), waiting: 999_000, size: 1001)) == "552 5.7.16")
        #expect(reply(try admit(.after(seconds: 1), waiting: .max, size: .max)) == "552 5.7.16")
        #expect(
            reply(try admit(.after(seconds: 1), waiting: .max, size: .max) { $0.limits.futureReleaseStorage = nil })
                == "250")
    }

    @Test func `only users who have logged in on their port may ask`() throws {
        #expect(reply(try admit(.after(seconds: 1), login: nil)) == "530 5.7.0")
        #expect(reply(try admit(.after(seconds: 1), role: .device)) == "555 5.5.4")
        #expect(reply(try admit(.after(seconds: 1)) { $0.limits.futureRelease = .zero }) == "555 5.5.4")
    }
}
