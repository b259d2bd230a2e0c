/// Which reports of others an operator asks for, as typed.
package struct ReportFilter: Codable, Sendable, Equatable {
    package var domain: String?
    /// `2026-11-20`, `2026-11-20T10:00Z`, or a time back from now such as `7d`.
    package var since: String?
    package var until: String?
    package var source: String?
    /// Only what fails.
    package var failing: Bool
    /// Whether addresses are given their names.
    package var resolve: Bool
    /// Lines at most.
    package var limit: Int

    package init(
        domain: String? = nil, since: String? = nil, until: String? = nil, source: String? = nil, failing: Bool = false,
        resolve: Bool = false, limit: Int = 100
    ) {
        self.domain = domain
        self.since = since
        self.until = until
        self.source = source
        self.failing = failing
        self.resolve = resolve
        self.limit = limit
    }
}

/// What others report on mail in our domains' names.
package struct DMARCOverview: Codable, Sendable, Equatable {
    package struct Sender: Codable, Sendable, Equatable {
        package var source: String
        /// The address's own name, confirmed by the DNS.
        package var name: String?
        package var headerFrom: String
        package var messages: Int
        /// DMARC: `pass` or `fail`.
        package var result: String
        /// `pass`, `fail`, `none`, or `other domain`: it passes for one that is not the author's.
        package var spf: String
        package var spfDomain: String?
        package var dkim: String
        package var dkimDomain: String?
        /// What the reporters did.
        package var disposition: String
        /// Why not what the policy asks for, in their words.
        package var reasons: [String]
        /// In words.
        package var summary: String
    }

    package struct Reporter: Codable, Sendable, Equatable {
        package var organization: String
        package var reports: Int
        /// Of them, those that somebody vouches for.
        package var verified: Int
        package var passed: Int
        package var failed: Int
    }

    package var domain: String?
    package var since: String
    package var until: String
    package var messages: Int
    package var passed: Int
    package var failed: Int
    package var sources: Int
    package var senders: [Sender]
    package var reporters: [Reporter]
}

/// What others report on their sessions with our servers.
package struct TLSOverview: Codable, Sendable, Equatable {
    package struct Line: Codable, Sendable, Equatable {
        package var day: String
        package var domain: String
        /// `tlsa`, `sts` or `no-policy-found`.
        package var policy: String
        package var successes: Int
        package var failures: Int
        /// nil for what succeeded.
        package var result: String?
        package var host: String?
        /// In words, for failures.
        package var summary: String?
    }

    package var domain: String?
    package var since: String
    package var until: String
    package var successes: Int
    package var failures: Int
    package var lines: [Line]
    package var reporters: [DMARCOverview.Reporter]
}

/// One report in a list.
package struct ReceivedReportSummary: Codable, Sendable, Equatable {
    package var id: Int64
    /// `dmarc` or `tls`.
    package var kind: String
    package var domain: String
    package var organization: String
    package var reportID: String
    package var begin: String
    package var end: String
    package var rows: Int
    package var passed: Int
    package var failed: Int
    package var receivedAt: String
    /// `verified`, `unverified` or `imported`.
    package var trust: String
    /// The domain in From of the mail that brought it.
    package var sender: String?
}

/// One report with what it says.
package struct ReceivedReportDetail: Codable, Sendable, Equatable {
    package struct Result: Codable, Sendable, Equatable {
        package var domain: String
        package var result: String
        package var selector: String?
        package var scope: String?
        package var comment: String?
    }

    package struct Record: Codable, Sendable, Equatable {
        package var source: String
        package var messages: Int
        package var disposition: String
        package var headerFrom: String
        package var envelopeFrom: String?
        package var envelopeTo: String?
        package var dkimAligned: Bool
        package var spfAligned: Bool
        package var dkim: [Result]
        package var spf: [Result]
        package var reasons: [String]
    }

    package struct Sessions: Codable, Sendable, Equatable {
        package var domain: String
        package var policy: String
        package var policyText: [String]
        package var hosts: [String]
        package var successes: Int
        package var failures: Int
        package var result: String?
        package var host: String?
        package var sendingAddress: String?
        package var receivingAddress: String?
        package var reason: String?
        package var information: String?
    }

    package var report: ReceivedReportSummary
    package var email: String?
    package var contact: String?
    package var policy: String?
    package var errors: [String]
    package var records: [Record]
    package var sessions: [Sessions]
}

/// What came of a file.
package struct ReportImport: Codable, Sendable, Equatable {
    package var file: String
    /// `imported`, `known` or `refused`.
    package var outcome: String
    package var id: Int64?
    package var kind: String?
    package var organization: String?
    package var reportID: String?
    package var domain: String?
    package var rows: Int?
    /// Why it was refused.
    package var reason: String?
}
