import MailSyntax

/// Where a report may go, as a record has it.
package struct ReportURI: Sendable, Hashable, Codable {
    package var text: String
    /// Octets of a report as it is transported; nil: any. // RFC 7489 §6.2
    package var limit: Int?

    package init(_ text: String, limit: Int? = nil) {
        self.text = text
        self.limit = limit
    }
}

/// The policy that a domain published, with what its reports need beside it.
package struct ObservedPolicy: Sendable, Hashable, Codable {
    package var published: DMARCReport.PublishedPolicy
    /// At least one.
    package var destinations: [ReportURI]
    /// What is wrong about the record, for its owner.
    package var errors: [String]

    package init(published: DMARCReport.PublishedPolicy, destinations: [ReportURI], errors: [String]) {
        self.published = published
        self.destinations = destinations
        self.errors = errors
    }
}

/// One message whose author's domain wants to hear of it.
package struct DMARCObservation: Sendable, Hashable {
    package var policy: ObservedPolicy
    /// Its count is 1.
    package var record: DMARCReport.Record

    package init(policy: ObservedPolicy, record: DMARCReport.Record) {
        self.policy = policy
        self.record = record
    }
}

extension ObservedPolicy {
    /// Remarks of one record that are told.
    private static let mostErrors = 10

    /// nil where nobody wants reports.
    package init?(_ evaluation: DMARCEvaluation) {
        guard let domain = evaluation.policyDomain, let record = evaluation.record, !record.aggregateURIs.isEmpty else {
            return nil
        }
        var published = DMARCReport.PublishedPolicy(domain: domain.ascii, policy: (record.policy ?? .none).rawValue)
        published.discoveryMethod = "treewalk"
        // RFC 9990: what isn't written has its default.
        published.subdomainPolicy = (record.subdomainPolicy ?? record.policy ?? .none).rawValue
        published.nonexistentPolicy =
            (record.nonexistentPolicy ?? record.subdomainPolicy ?? record.policy ?? .none).rawValue
        published.dkimAlignment = record.dkimAlignment.rawValue
        published.spfAlignment = record.spfAlignment.rawValue
        published.testing = record.isTesting ? "y" : "n"
        published.failureOptions = record.failureOptions.sorted().joined(separator: ":")
        self.init(
            published: published,
            destinations: record.aggregateURIs.map { ReportURI($0, limit: record.aggregateLimits[$0]) },
            errors: Array(record.remarks.prefix(Self.mostErrors)))
    }
}
