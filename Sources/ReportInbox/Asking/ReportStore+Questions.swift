import MailAuth
import MailSyntax
import SQLEngine

extension ReportStore {
    /// Who sends as a domain, most messages first.
    package func senders(_ question: ReportQuestion, limit: Int) async throws -> [SenderGroup] {
        try await database.read { reader in
            try reader.query(
                ReportQuestionStatements.senders, question.domain ?? "", question.since, question.until,
                question.source ?? "", question.isFailing, limit
            ) { row in
                SenderGroup(
                    source: row.string(0), headerFrom: row.string(1), disposition: row.string(2),
                    dkim: AlignmentState(rawValue: row.int(3)) ?? .missing,
                    spf: AlignmentState(rawValue: row.int(4)) ?? .missing, dkimDomain: row.string(5),
                    spfDomain: row.string(6), reasons: row.string(7), messages: row.int(8), reports: row.int(9))
            }
        }
    }

    /// Messages, those that pass, and addresses that they came from.
    package func messages(_ question: ReportQuestion) async throws -> (all: Int, passed: Int, sources: Int) {
        try await database.read { reader in
            try reader.first(
                ReportQuestionStatements.messages, question.domain ?? "", question.since, question.until,
                question.source ?? "", question.isFailing
            ) { ($0.int(0), $0.int(1), $0.int(2)) } ?? (0, 0, 0)
        }
    }

    package func reporters(_ kind: ReportKind, _ question: ReportQuestion, limit: Int) async throws -> [ReporterGroup] {
        try await database.read { reader in
            try reader.query(
                ReportQuestionStatements.reporters, question.domain ?? "", question.since, question.until,
                kind.rawValue, limit
            ) { row in
                ReporterGroup(
                    organization: row.string(0), reports: row.int(1), passed: row.int(2), failed: row.int(3),
                    verified: row.int(4))
            }
        }
    }

    /// Sessions by day, policy and result, the newest day first.
    package func sessions(_ question: ReportQuestion, limit: Int) async throws -> [SessionGroup] {
        try await database.read { reader in
            try reader.query(
                ReportQuestionStatements.sessions, question.domain ?? "", question.since, question.until,
                question.isFailing, limit
            ) { row in
                SessionGroup(
                    day: Timestamp(seconds: row.int64(0) * 86400), domain: row.string(1), policy: row.string(2),
                    result: row.string(3), host: row.string(4), passed: row.int(5), failed: row.int(6))
            }
        }
    }

    /// Reports that are kept.
    package func count() async throws -> Int {
        try await database.read { try $0.first(ReportQuestionStatements.count) { $0.int(0) } } ?? 0
    }

    package func list(_ question: ReportQuestion, limit: Int) async throws -> [ReportListing] {
        try await database.read { reader in
            try reader.query(
                ReportQuestionStatements.list, question.domain ?? "", question.since, question.until, limit,
                map: { Self.listing($0) })
        }
    }

    package func report(_ id: Int64) async throws -> ReportListing? {
        try await database.read { try $0.first(ReportQuestionStatements.one, id, map: { Self.listing($0) }) }
    }

    package func records(_ report: Int64, limit: Int) async throws -> [RecordListing] {
        try await database.read { reader in
            try reader.query(ReportQuestionStatements.records, report, limit) { row in
                let detail = Self.decode(RecordDetail.self, row.string(8))
                return RecordListing(
                    source: row.string(0), messages: row.int(1), disposition: row.string(2), headerFrom: row.string(3),
                    envelopeFrom: row.string(4), envelopeTo: row.string(5),
                    dkimAligned: row.int(6) == AlignmentState.passed.rawValue,
                    spfAligned: row.int(7) == AlignmentState.passed.rawValue, dkim: detail?.dkim ?? [],
                    spf: detail?.spf ?? [], reasons: detail?.reasons ?? [])
            }
        }
    }

    package func sessionLines(_ report: Int64, limit: Int) async throws -> [SessionListing] {
        try await database.read { reader in
            try reader.query(ReportQuestionStatements.lines, report, limit) { row in
                let failure = row.string(2).isEmpty ? nil : Self.decode(TLSReport.Failure.self, row.string(5))
                let policy = failure == nil ? Self.decode(TLSReport.Policy.self, row.string(5)) : nil
                return SessionListing(
                    domain: row.string(0), policy: row.string(1), passed: row.int(3), failed: row.int(4),
                    failure: failure, policyText: policy?.text ?? [], hosts: policy?.hosts ?? [])
            }
        }
    }

    private static func listing(_ row: borrowing SQLRow) -> ReportListing {
        ReportListing(
            id: row.int64(0), kind: row.string(1), domain: row.string(2), organization: row.string(3),
            reportID: row.string(4), email: row.string(5), contact: row.string(6), policy: row.string(7),
            errors: row.string(8), begin: Timestamp(microseconds: row.int64(9)),
            end: Timestamp(microseconds: row.int64(10)), rows: row.int(11), passed: row.int(12), failed: row.int(13),
            receivedAt: Timestamp(microseconds: row.int64(14)), trust: ReportTrust(rawValue: row.int(15)) ?? .none,
            sender: row.string(16))
    }
}
