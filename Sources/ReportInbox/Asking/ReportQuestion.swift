package import MailAuth
package import MailSyntax
import SQLEngine

/// What an operator wants to know of reports.
package struct ReportQuestion: Sendable, Hashable, Codable {
    /// A policy domain; nil for all.
    package var domain: String?
    /// Reports on times that end at or after it.
    package var since: Timestamp
    /// Reports on times that begin before it.
    package var until: Timestamp
    /// Only of this address.
    package var source: String?
    /// Only what passes neither SPF nor DKIM; of TLS, only failures.
    package var isFailing: Bool

    package init(
        domain: String? = nil, since: Timestamp, until: Timestamp, source: String? = nil, isFailing: Bool = false
    ) {
        self.domain = domain
        self.since = since
        self.until = until
        self.source = source
        self.isFailing = isFailing
    }
}

/// Messages of one address that fared alike.
package struct SenderGroup: Sendable, Hashable {
    package var source: String
    package var headerFrom: String
    package var disposition: String
    package var dkim: AlignmentState
    package var spf: AlignmentState
    /// For whom DKIM passes, or was tried; one of several.
    package var dkimDomain: String
    package var spfDomain: String
    /// Why the policy was not done, as reporters call it.
    package var reasons: String
    package var messages: Int
    package var reports: Int
}

/// What one reporter saw.
package struct ReporterGroup: Sendable, Hashable {
    package var organization: String
    package var reports: Int
    package var passed: Int
    package var failed: Int
    /// Of the reports, those that somebody vouches for.
    package var verified: Int
}

/// Sessions of a day that fared alike.
package struct SessionGroup: Sendable, Hashable {
    /// The day's first second.
    package var day: Timestamp
    package var domain: String
    package var policy: String
    /// Empty: it passed.
    package var result: String
    package var host: String
    package var passed: Int
    package var failed: Int
}

/// A report as a list shows it.
package struct ReportListing: Sendable, Hashable {
    package var id: Int64
    package var kind: String
    package var domain: String
    package var organization: String
    package var reportID: String
    package var email: String
    package var contact: String
    package var policy: String
    package var errors: String
    package var begin: Timestamp
    package var end: Timestamp
    package var rows: Int
    package var passed: Int
    package var failed: Int
    package var receivedAt: Timestamp
    package var trust: ReportTrust
    package var sender: String
}

/// A record as it was reported.
package struct RecordListing: Sendable, Hashable {
    package var source: String
    package var messages: Int
    package var disposition: String
    package var headerFrom: String
    package var envelopeFrom: String
    package var envelopeTo: String
    package var dkimAligned: Bool
    package var spfAligned: Bool
    package var dkim: [DMARCReport.DKIM]
    package var spf: [DMARCReport.SPF]
    package var reasons: [DMARCReport.Reason]
}

/// A line of a TLS report as it was reported: what passed under a policy, or one kind of failure.
package struct SessionListing: Sendable, Hashable {
    package var domain: String
    package var policy: String
    package var passed: Int
    package var failed: Int
    /// nil for what passed.
    package var failure: TLSReport.Failure?
    package var policyText: [String]
    package var hosts: [String]
}
