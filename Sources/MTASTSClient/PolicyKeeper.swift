package import DNSCore
package import Logging
package import MailAuth
import MailSyntax
package import SQLEngine
import Telemetry

/// Knows the MTA-STS policies of domains: asks, fetches, keeps, and fetches again ahead of time.
///
/// Invariants:
/// - One fetch at a time a domain; whoever asks meanwhile waits for the same one.
/// - A policy that was kept holds until its time is over or a newer one has been read: a server that hangs, is gone or sends
///   nonsense changes nothing. // RFC 8461 §3.3
package actor PolicyKeeper {
    private struct Failure {
        var id: String
        var until: Timestamp
        var error: PolicyFetchError
    }

    private static let mostInMemory = 10_000
    /// RFC 8461 §3.3: five minutes or longer.
    private static let pause = Duration.seconds(300)
    private static let mostRefreshed = 50

    private let resolver: any DNSResolver
    private let fetcher: any PolicyFetcher
    private let store: PolicyStore
    private let options: @Sendable () -> PolicyFetchOptions
    private let clock: any WallClock
    private let logger: Logger
    private var kept: [String: KeptPolicy] = [:]
    /// Domains of which the database has nothing: most of them, and they need not be asked about again.
    private var unstored: Set<String> = []
    private var failures: [String: Failure] = [:]
    private var fetches: [String: Task<Result<KeptPolicy, PolicyFetchError>, Never>] = [:]

    package init(
        resolver: any DNSResolver, fetcher: any PolicyFetcher, store: PolicyStore,
        options: @escaping @Sendable () -> PolicyFetchOptions = { PolicyFetchOptions() },
        clock: any WallClock = SystemClock(), logger: Logger
    ) {
        self.resolver = resolver
        self.fetcher = fetcher
        self.store = store
        self.options = options
        self.clock = clock
        self.logger = logger
    }

    /// What holds for a domain now, in A-labels.
    package func answer(for domain: String) async -> MTASTSAnswer {
        let domain = domain.lowercased()
        let record: MTASTSRecord?
        var trouble = "the domain has no record at _mta-sts"
        switch await resolver.resolve("_mta-sts.\(domain)", .txt) {
        case .success(let answer):
            record = MTASTSRecord.find(in: answer.texts)
            if record == nil { trouble = "the domain has no record at _mta-sts that can be read" }
        case .failure(let failure):
            record = nil
            if failure.isTemporary { trouble = "TXT lookup of _mta-sts.\(domain): \(failure)" }
        }
        let known = await known(domain)
        guard let record else {
            // RFC 8461 §3.1: without a record what was kept holds on.
            return known.map { .policy($0.policy, id: $0.id) } ?? .none(trouble)
        }
        if let known, known.id == record.id { return .policy(known.policy, id: known.id) }
        switch await fetched(domain, record.id) {
        case .success(let fresh): return .policy(fresh.policy, id: fresh.id)
        case .failure(let error):
            if let known { return .policy(known.policy, id: known.id) }
            return .none(error.description, failure: error.failure)
        }
    }

    /// The policy at hand that is not over.
    private func known(_ domain: String) async -> KeptPolicy? {
        if kept[domain] == nil, !unstored.contains(domain) {
            do {
                let stored = try await store.policy(domain)
                if unstored.count >= Self.mostInMemory { unstored = [] }
                if let stored, kept[domain] == nil { remember(stored, domain) } else { unstored.insert(domain) }
            } catch {
                logger.warning("a kept policy could not be read", metadata: [LogKey.error: "\(error)"])
            }
        }
        return kept[domain].flatMap { $0.expires > clock.now() ? $0 : nil }
    }

    private func remember(_ policy: KeptPolicy, _ domain: String) {
        if kept.count >= Self.mostInMemory { kept = [:] }
        unstored.remove(domain)
        kept[domain] = policy
    }

    private func fetched(_ domain: String, _ id: String) async -> Result<KeptPolicy, PolicyFetchError> {
        if let failure = failures[domain], failure.id == id, failure.until > clock.now() {
            return .failure(failure.error)
        }
        if let running = fetches[domain] { return await running.value }
        // Not tied to who asks: others wait for it too. It ends by the fetcher's own deadline.
        let task = Task { await self.fetch(domain, id) }
        fetches[domain] = task
        let result = await task.value
        fetches[domain] = nil
        return result
    }

    private func fetch(_ domain: String, _ id: String) async -> Result<KeptPolicy, PolicyFetchError> {
        do {
            let text = try await fetcher.fetch(domain, options())
            let policy: MTASTSPolicy
            do throws(MTASTSPolicyError) {
                policy = try MTASTSPolicy(parsing: text)
            } catch {
                throw PolicyFetchError(error.description, .policyInvalid)
            }
            let fresh = KeptPolicy(id: id, policy: policy, fetched: clock.now())
            remember(fresh, domain)
            failures[domain] = nil
            do {
                try await store.save(fresh, for: domain)
            } catch {
                logger.warning(
                    "a policy could not be kept: it is fetched again after a restart",
                    metadata: [LogKey.destination: "\(domain)", LogKey.error: "\(error)"])
            }
            return .success(fresh)
        } catch let error as PolicyFetchError {
            return .failure(note(error, domain, id))
        } catch {
            return .failure(note(PolicyFetchError("\(error)"), domain, id))
        }
    }

    private func note(_ error: PolicyFetchError, _ domain: String, _ id: String) -> PolicyFetchError {
        logger.warning(
            "the MTA-STS policy of a domain can't be had",
            metadata: [LogKey.destination: "\(domain)", LogKey.reason: "\(error)"])
        if failures.count >= Self.mostInMemory { failures = [:] }
        failures[domain] = Failure(id: id, until: clock.now().adding(Self.pause), error: error)
        return error
    }

    // MARK: Now and then

    /// Fetches what is due again, and forgets what has been over for a month.
    package func refresh() async {
        let now = clock.now()
        for domain in (try? await store.due(now, limit: Self.mostRefreshed)) ?? [] where !Task.isCancelled {
            // A record that has gone, or can't be asked for, leaves the policy to its own end.
            guard case .success(let answer) = await resolver.resolve("_mta-sts.\(domain)", .txt),
                let record = MTASTSRecord.find(in: answer.texts)
            else { continue }
            _ = await fetched(domain, record.id)
        }
        try? await store.purge(before: now.adding(.seconds(-30 * 86400)))
    }
}
