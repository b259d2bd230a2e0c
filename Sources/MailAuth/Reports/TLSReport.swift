/// How the sessions of one sender with a domain's hosts fared with respect to TLS, usually on a day. // RFC 8460 §4.4
///
/// Its coding is the report's JSON. What others may extend is text; the lists that they leave out are empty.
package struct TLSReport: Sendable, Hashable, Codable {
    package var organization: String?
    package var range: Range
    package var contact: String?
    package var reportID: String
    package var policies: [PolicyResult]

    package init(
        organization: String?, range: Range, contact: String?, reportID: String, policies: [PolicyResult] = []
    ) {
        self.organization = organization
        self.range = range
        self.contact = contact
        self.reportID = reportID
        self.policies = policies
    }

    /// As written: RFC 3339 dates. // RFC 8460 §4.4
    package struct Range: Sendable, Hashable, Codable {
        package var start: String
        package var end: String

        package init(start: String, end: String) {
            self.start = start
            self.end = end
        }

        enum CodingKeys: String, CodingKey {
            case start = "start-datetime"
            case end = "end-datetime"
        }
    }

    /// The sessions that one policy held for.
    package struct PolicyResult: Sendable, Hashable, Codable {
        package var policy: Policy
        package var summary: Summary
        package var failures: [Failure]

        package init(policy: Policy, summary: Summary, failures: [Failure] = []) {
            self.policy = policy
            self.summary = summary
            self.failures = failures
        }

        enum CodingKeys: String, CodingKey {
            case policy
            case summary
            case failures = "failure-details"
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            policy = try container.decode(Policy.self, forKey: .policy)
            summary = try container.decode(Summary.self, forKey: .summary)
            failures = try container.decodeIfPresent([Failure].self, forKey: .failures) ?? []
        }
    }

    package struct Policy: Sendable, Hashable, Codable {
        /// `tlsa`, `sts` or `no-policy-found`.
        package var type: String
        /// The policy's lines, or the TLSA records.
        package var text: [String]
        package var domain: String
        /// Patterns of an MTA-STS policy, or the host of the TLSA records. Some write one text instead of a list.
        package var hosts: [String]

        package init(type: String, text: [String] = [], domain: String, hosts: [String] = []) {
            self.type = type
            self.text = text
            self.domain = domain
            self.hosts = hosts
        }

        enum CodingKeys: String, CodingKey {
            case type = "policy-type"
            case text = "policy-string"
            case domain = "policy-domain"
            case hosts = "mx-host"
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(String.self, forKey: .type)
            domain = try container.decode(String.self, forKey: .domain)
            text = try Self.list(container, .text)
            hosts = try Self.list(container, .hosts)
        }

        private static func list(
            _ container: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys
        ) throws -> [String] {
            if let one = try? container.decodeIfPresent(String.self, forKey: key) { return [one] }
            return try container.decodeIfPresent([String].self, forKey: key) ?? []
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(type, forKey: .type)
            if !text.isEmpty { try container.encode(text, forKey: .text) }
            try container.encode(domain, forKey: .domain)
            if !hosts.isEmpty { try container.encode(hosts, forKey: .hosts) }
        }
    }

    package struct Summary: Sendable, Hashable, Codable {
        package var successes: Int
        package var failures: Int

        package init(successes: Int, failures: Int) {
            self.successes = successes
            self.failures = failures
        }

        enum CodingKeys: String, CodingKey {
            case successes = "total-successful-session-count"
            case failures = "total-failure-session-count"
        }
    }

    /// Sessions that failed alike.
    package struct Failure: Sendable, Hashable, Codable {
        /// A word of RFC 8460 §4.3, as in `TLSReportFailure`.
        package var type: String
        package var sendingAddress: String?
        package var host: String?
        package var hostHELO: String?
        package var receivingAddress: String?
        package var sessions: Int
        /// A URI.
        package var information: String?
        package var reason: String?

        package init(type: String, sessions: Int) {
            self.type = type
            self.sessions = sessions
        }

        enum CodingKeys: String, CodingKey {
            case type = "result-type"
            case sendingAddress = "sending-mta-ip"
            case host = "receiving-mx-hostname"
            case hostHELO = "receiving-mx-helo"
            case receivingAddress = "receiving-ip"
            case sessions = "failed-session-count"
            case information = "additional-information"
            case reason = "failure-reason-code"
        }
    }

    enum CodingKeys: String, CodingKey {
        case organization = "organization-name"
        case range = "date-range"
        case contact = "contact-info"
        case reportID = "report-id"
        case policies
    }
}
