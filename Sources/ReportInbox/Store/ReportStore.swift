import FoundationEssentials
import MailAuth
package import MailSyntax
package import SQLEngine

/// Reports of others in the database.
///
/// A report is written in pieces, so that deliveries never wait behind a large one: first its head, which nobody is shown,
/// then its rows, at last its completion. What was interrupted is removed at the next start and read again.
package struct ReportStore: Sendable {
    /// Rows in one write.
    package static let batch = 200
    /// Reports and rows that are kept at most, whatever `reports.keep` says.
    let mostReports: Int
    let mostRows: Int
    /// Reports that are looked up at once to be removed.
    private static let lookup = 1000

    let database: any Database

    package init(database: any Database, mostReports: Int = 100_000, mostRows: Int = 2_000_000) {
        self.database = database
        self.mostReports = mostReports
        self.mostRows = mostRows
    }

    /// What a report is kept under.
    struct Head: Sendable {
        var kind: ReportKind
        var domain: String
        var organization: String
        var reportID: String
        var email = ""
        var contact = ""
        var policy = ""
        var errors: [String] = []
        var begin: Timestamp
        var end: Timestamp
    }

    /// Begins a report.
    ///
    /// One that nobody vouched for makes room for one that is authenticated, so that a liar can't be first.
    /// - Returns: nil when it is there already.
    func begin(_ head: Head, _ origin: ReportOrigin) async throws -> Int64? {
        let key = head.organization.lowercased()
        let known = try await database.read { reader in
            try reader.first(ReportInboxStatements.find, head.kind.rawValue, key, head.reportID, head.domain) {
                (id: $0.int64(0), trust: $0.int(1), isComplete: $0.bool(2))
            }
        }
        if let known {
            guard !known.isComplete || known.trust < origin.trust.rawValue else { return nil }
            try await remove(known.id)
        }
        return try await database.write(.bulk) { writer in
            try writer.first(
                ReportInboxStatements.insert, head.kind.rawValue, head.domain, head.organization, key, head.reportID,
                head.email,
                head.contact, head.policy, head.errors.joined(separator: "\n"), head.begin, head.end,
                origin.receivedAt, origin.email, origin.trust.rawValue, origin.sender, map: { $0.int64(0) })
        }
    }

    /// - Parameter first: the number of the first record, counted from 1.
    func add(_ records: [DMARCReport.Record], to report: Int64, first: Int) async throws {
        let encoder = Self.encoder
        let rows = try records.map { record in
            let detail = RecordDetail(dkim: record.dkim, spf: record.spf, reasons: record.evaluated.reasons)
            return (record, RecordSummary(record), try Self.json(detail, by: encoder))
        }
        try await database.write(.bulk, .ordered) { writer in
            for (index, (record, summary, detail)) in rows.enumerated() {
                try writer.execute(
                    ReportInboxStatements.insertDMARC, report, first + index, record.source.description, record.count,
                    record.evaluated.disposition, record.identifiers.headerFrom, record.identifiers.envelopeFrom ?? "",
                    record.identifiers.envelopeTo ?? "", summary.dkim.rawValue, summary.spf.rawValue,
                    summary.dkimDomain, summary.spfDomain, summary.reasons, detail)
            }
        }
    }

    /// One row for what passed of each policy, and one for each kind of failure.
    func add(_ policies: [TLSReport.PolicyResult], to report: Int64) async throws -> Int {
        var rows: [(policy: TLSReport.PolicyResult, failure: TLSReport.Failure?)] = []
        for policy in policies {
            rows.append((policy, nil))
            for failure in policy.failures { rows.append((policy, failure)) }
        }
        let encoder = Self.encoder
        let numbered = Array(rows.enumerated())
        for start in stride(from: 0, to: numbered.count, by: Self.batch) {
            let part = try numbered[start..<min(start + Self.batch, numbered.count)].map { index, row in
                (
                    index + 1, row,
                    try row.failure.map { try Self.json($0, by: encoder) } ?? Self.json(row.policy.policy, by: encoder)
                )
            }
            try await database.write(.bulk, .ordered) { writer in
                for (number, row, detail) in part {
                    let counts = row.failure.map { (0, $0.sessions) } ?? (row.policy.summary.successes, 0)
                    try writer.execute(
                        ReportInboxStatements.insertTLS, report, number, row.policy.policy.domain.lowercased(),
                        row.policy.policy.type, row.failure?.type ?? "", (row.failure?.host ?? "").lowercased(),
                        counts.0, counts.1, detail)
                }
            }
        }
        return rows.count
    }

    func finish(_ report: Int64, rows: Int, passed: Int, failed: Int) async throws {
        try await database.write(.bulk) { writer in
            try writer.execute(ReportInboxStatements.finish, report, rows, passed, failed)
        }
    }

    /// Removes a report, its rows in pieces before it.
    func remove(_ report: Int64) async throws {
        try await database.write(.bulk, .ordered) { try $0.execute(ReportInboxStatements.hide, report) }
        for (last, delete) in [
            (ReportInboxStatements.lastDMARC, ReportInboxStatements.deleteDMARC),
            (ReportInboxStatements.lastTLS, ReportInboxStatements.deleteTLS),
        ] {
            let end = try await database.read { try $0.first(last, report) { $0.int(0) } } ?? 0
            for number in stride(from: min(1000, end), through: end + 999, by: 1000) where end > 0 {
                try await database.write(.bulk, .ordered) { try $0.execute(delete, report, number) }
            }
        }
        try await database.write(.bulk) { try $0.execute(ReportInboxStatements.delete, report) }
    }

    /// Removes what an interruption left.
    func removeIncomplete() async throws {
        while true {
            let found = try await database.read {
                try $0.query(ReportInboxStatements.incomplete, 100, map: { $0.int64(0) })
            }
            guard !found.isEmpty else { return }
            for report in found { try await remove(report) }
        }
    }

    /// Removes reports on days before `time`, and what is beyond the bounds; returns how many.
    package func purge(before time: Timestamp?) async throws -> Int {
        var removed = 0
        while true {
            let given = try await surplus(before: time)
            guard !given.isEmpty else { return removed }
            for report in given { try await remove(report) }
            removed += given.count
        }
    }

    /// Reports that have to go; where they are many, as many as are looked up at once: each look goes through all.
    private func surplus(before time: Timestamp?) async throws -> [Int64] {
        try await database.read { reader in
            if let time {
                let old = try reader.query(ReportInboxStatements.oldest, time, Self.lookup, map: { $0.int64(0) })
                guard old.isEmpty else { return old }
            }
            var (reports, rows) = try reader.first(ReportInboxStatements.totals) { ($0.int(0), $0.int(1)) } ?? (0, 0)
            guard reports > mostReports || rows > mostRows else { return [] }
            let least = try reader.query(ReportInboxStatements.least, Self.lookup) { ($0.int64(0), $0.int(1)) }
            var given: [Int64] = []
            for (report, count) in least where reports > mostReports || rows > mostRows {
                given.append(report)
                (reports, rows) = (reports - 1, rows - count)
            }
            return given
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }

    private static func json(_ value: some Encodable, by encoder: JSONEncoder) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        try? JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
