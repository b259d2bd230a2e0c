import FoundationEssentials
package import MailAuth
import MailSyntax
package import SQLEngine
import Synchronization

/// Counts messages by what DMARC found of them, in memory, and writes the counts now and then: what a crash loses is a
/// minute of statistics.
package final class VerdictCounter: Sendable {
    private struct Key: Hashable {
        var day: Int
        var domain: String
        /// Its count is 0.
        var record: DMARCReport.Record
    }

    private struct PolicyKey: Hashable {
        var day: Int
        var domain: String
    }

    private struct Counts {
        var messages: [Key: Int] = [:]
        /// The last one seen. // RFC 9990: "only the final configuration observed"
        var policies: [PolicyKey: ObservedPolicy] = [:]
    }

    /// Rows that differ in memory; what is beyond is not counted until they are written.
    static let most = 20_000
    /// Rows of one domain and day. Whoever forges a domain's mail chooses what is in them.
    static let mostOfDomain = 20_000
    private static let perWrite = 500

    private let counts = Mutex(Counts())
    private let clock: any WallClock

    package init(clock: any WallClock = SystemClock()) {
        self.clock = clock
    }

    package func record(_ observation: DMARCObservation) {
        let day = ReportDay(at: clock.now()).number
        let domain = observation.policy.published.domain
        var record = observation.record
        record.count = 0
        let key = Key(day: day, domain: domain, record: record)
        counts.withLock { counts in
            guard counts.messages.count < Self.most || counts.messages[key] != nil else { return }
            counts.messages[key, default: 0] += 1
            counts.policies[PolicyKey(day: day, domain: domain)] = observation.policy
        }
    }

    /// Adds what was counted to the rows of its day. What can't be written stays.
    package func flush(to database: any Database) async throws {
        let taken = counts.withLock { counts in
            defer { counts = Counts() }
            return counts
        }
        guard !taken.messages.isEmpty else { return }
        var rest = taken
        do {
            let policies = try taken.policies.map { (key: $0, text: try Self.text($1)) }
            try await database.write(.bulk) { writer in
                for (key, text) in policies {
                    try writer.execute(VerdictStatements.setPolicy, key.day, key.domain, text)
                }
            }
            for (key, rows) in Dictionary(
                grouping: taken.messages, by: { PolicyKey(day: $0.key.day, domain: $0.key.domain) })
            {
                var rows = rows[...]
                while !rows.isEmpty {
                    try await Self.write(rows.prefix(Self.perWrite), key.day, key.domain, to: database)
                    for (written, _) in rows.prefix(Self.perWrite) { rest.messages[written] = nil }
                    rows = rows.dropFirst(Self.perWrite)
                }
            }
        } catch {
            let unwritten = rest
            counts.withLock { counts in
                counts.messages.merge(unwritten.messages) { $0 + $1 }
                counts.policies.merge(unwritten.policies) { newer, _ in newer }
            }
            throw error
        }
    }

    private static func write(
        _ rows: some Collection<(key: Key, value: Int)>, _ day: Int, _ domain: String, to database: any Database
    ) async throws {
        let texts = try rows.map { (text: try text($0.key.record), messages: $0.value) }
        try await database.write(.bulk) { writer in
            var room = mostOfDomain - (try writer.first(VerdictStatements.rows, day, domain) { Int($0.int64(0)) } ?? 0)
            for (text, messages) in texts {
                let fingerprint = fingerprint(text)
                if try writer.execute(VerdictStatements.add, day, domain, fingerprint, messages) > 0 { continue }
                guard room > 0 else { continue }
                room -= 1
                try writer.execute(VerdictStatements.insert, day, domain, fingerprint, text, messages)
            }
        }
    }

    /// The same text for the same value.
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A row's key within a day and a domain. FNV-1a, 64 bits.
    private static func fingerprint(_ text: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: hash)
    }
}
