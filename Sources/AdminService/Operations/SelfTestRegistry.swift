package import MailSyntax
import Synchronization

/// Routes to a sink on loopback that live for a self-test. Only names below `selftest.martlet.invalid` can be routed, only
/// to 127.0.0.1, and only for some minutes: nothing that anybody could send real mail to. RFC 6761 §6.4
package final class SelfTestRegistry: Sendable {
    /// How long a self-test may take before what was made for it goes away by itself.
    package static let lifetime = Duration.seconds(180)
    /// Self-tests at the same time.
    static let limit = 4

    struct Entry: Sendable {
        var ticket: String
        var domain: DomainName
        var port: Int
        /// The account whose credential was added.
        var account: String
        /// The account that was made.
        var second: String?
        var ends: ContinuousClock.Instant
    }

    private let entries = Mutex<[String: Entry]>([:])

    package init() {}

    /// The port on 127.0.0.1 that mail for a domain goes to, while a self-test runs.
    package func sinkPort(for domain: DomainName) -> Int? {
        guard domain.ascii.hasSuffix(".selftest.martlet.invalid") else { return nil }
        return entries.withLock { entries in
            entries.values.first { $0.domain == domain && $0.ends > .now }?.port
        }
    }

    /// Registers a self-test; nil when too many run.
    func add(_ entry: Entry) -> Bool {
        entries.withLock { entries in
            guard entries.count < Self.limit else { return false }
            entries[entry.ticket] = entry
            return true
        }
    }

    func setSecond(_ address: String, of ticket: String) {
        entries.withLock { $0[ticket]?.second = address }
    }

    func remove(_ ticket: String) -> Entry? {
        entries.withLock { $0.removeValue(forKey: ticket) }
    }

    /// Takes out what ran past its time.
    func removeExpired() -> [Entry] {
        entries.withLock { entries in
            let old = entries.values.filter { $0.ends <= .now }
            for entry in old { entries[entry.ticket] = nil }
            return Array(old)
        }
    }
}
