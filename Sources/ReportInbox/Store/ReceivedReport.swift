import MailAuth
package import MailSyntax

/// Which of the two kinds of reports.
package enum ReportKind: String, Sendable, Hashable, Codable, CaseIterable {
    case dmarc
    case tls
}

/// Whether somebody vouches for whom a report is from: anybody can send one.
package enum ReportTrust: Int, Sendable, Hashable, Comparable {
    /// Its mail was checked and nothing in it is its sender's, or it was not checked.
    case none = 0
    /// Its mail passed DMARC, or had a signature of the domain in From.
    case authenticated = 1
    /// An operator brought it.
    case imported = 2

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    package var word: String {
        switch self {
        case .none: "unverified"
        case .authenticated: "verified"
        case .imported: "imported"
        }
    }
}

/// Where a report came from.
package struct ReportOrigin: Sendable, Hashable {
    /// The message's email; 0 for a file.
    package var email: Int64
    package var trust: ReportTrust
    /// The domain in From of its mail; empty where there is none.
    package var sender: String
    package var receivedAt: Timestamp

    package init(email: Int64 = 0, trust: ReportTrust, sender: String = "", receivedAt: Timestamp) {
        self.email = email
        self.trust = trust
        self.sender = sender
        self.receivedAt = receivedAt
    }
}

/// How one of the two methods fared for DMARC.
package enum AlignmentState: Int, Sendable, Hashable, Codable {
    /// Nothing to look at: no signature, no SPF record.
    case missing = 0
    case failed = 1
    /// It passes for another domain than the author's.
    case otherDomain = 2
    case passed = 3
}

/// What is kept of a record in columns, to be added up.
struct RecordSummary: Sendable, Hashable {
    var dkim: AlignmentState
    var spf: AlignmentState
    /// For whom it passes, else for whom it was tried.
    var dkimDomain: String
    var spfDomain: String
    var reasons: String

    init(_ record: DMARCReport.Record) {
        func state(_ isAligned: Bool, _ results: [String]) -> AlignmentState {
            if isAligned { return .passed }
            if results.contains("pass") { return .otherDomain }
            return results.allSatisfy { $0 == "none" } ? .missing : .failed
        }
        dkim = state(record.evaluated.dkim == "pass", record.dkim.map(\.result))
        spf = state(record.evaluated.spf == "pass", record.spf.map(\.result))
        dkimDomain = (record.dkim.first { $0.result == "pass" } ?? record.dkim.first)?.domain ?? ""
        spfDomain = (record.spf.first { $0.result == "pass" } ?? record.spf.first)?.domain ?? ""
        reasons = Set(record.evaluated.reasons.prefix(10).map(\.type)).sorted().joined(separator: " ")
    }
}

/// The results behind a record, as they are kept.
struct RecordDetail: Codable, Sendable {
    var dkim: [DMARCReport.DKIM]
    var spf: [DMARCReport.SPF]
    var reasons: [DMARCReport.Reason]
}
