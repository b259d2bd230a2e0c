package import MailSyntax

/// An aggregate report: what one receiver saw of a domain's mail in a time, usually a day. // RFC 7489 §C
///
/// The same value is composed here and read from others' reports. What others may extend or misspell is text; what a report
/// leaves out is nil. The elements that RFC 9990 adds are there too, and those that it takes away.
package struct DMARCReport: Sendable, Hashable, Codable {
    /// Of the format, as it is written; `1.0`.
    package var version: String?
    package var metadata: Metadata
    package var policy: PublishedPolicy
    package var records: [Record]

    package init(version: String? = "1.0", metadata: Metadata, policy: PublishedPolicy, records: [Record] = []) {
        self.version = version
        self.metadata = metadata
        self.policy = policy
        self.records = records
    }

    /// Who reports, and on which time.
    package struct Metadata: Sendable, Hashable, Codable {
        package var organization: String
        package var email: String
        package var extraContact: String?
        /// Unique among the reporter's on the domain.
        package var reportID: String
        /// The first second of the time, and the last.
        package var begin: Timestamp
        package var end: Timestamp
        /// What was wrong about the record.
        package var errors: [String] = []
        /// The program that made it.
        package var generator: String?

        package init(
            organization: String, email: String, extraContact: String? = nil, reportID: String, begin: Timestamp,
            end: Timestamp, errors: [String] = [], generator: String? = nil
        ) {
            self.organization = organization
            self.email = email
            self.extraContact = extraContact
            self.reportID = reportID
            self.begin = begin
            self.end = end
            self.errors = errors
            self.generator = generator
        }
    }

    /// The policy as the reporter found it.
    package struct PublishedPolicy: Sendable, Hashable, Codable {
        /// Where the record was.
        package var domain: String
        /// `treewalk` or `psl`.
        package var discoveryMethod: String?
        /// `none`, `quarantine` or `reject`.
        package var policy: String
        package var subdomainPolicy: String?
        package var nonexistentPolicy: String?
        /// `r` or `s`.
        package var dkimAlignment: String?
        package var spfAlignment: String?
        /// `y` or `n`: the tag `t`.
        package var testing: String?
        package var failureOptions: String?
        /// RFC 9990 has none.
        package var percent: Int?

        package init(domain: String, policy: String) {
            self.domain = domain
            self.policy = policy
        }
    }

    /// Messages that are alike.
    package struct Record: Sendable, Hashable, Codable {
        package var source: IPAddress
        package var count: Int
        package var evaluated: Evaluated
        package var identifiers: Identifiers
        package var dkim: [DKIM] = []
        package var spf: [SPF] = []

        package init(source: IPAddress, count: Int, evaluated: Evaluated, identifiers: Identifiers) {
            self.source = source
            self.count = count
            self.evaluated = evaluated
            self.identifiers = identifiers
        }
    }

    /// What became of the messages.
    package struct Evaluated: Sendable, Hashable, Codable {
        /// `none`, `pass` (passed, where the policy asks for something), `quarantine` or `reject`.
        package var disposition: String
        /// `pass` or `fail`: whether a signature is the author's.
        package var dkim: String
        /// Whether the sender that SPF passes for is the author's.
        package var spf: String
        package var reasons: [Reason] = []

        package init(disposition: String, dkim: String, spf: String, reasons: [Reason] = []) {
            self.disposition = disposition
            self.dkim = dkim
            self.spf = spf
            self.reasons = reasons
        }

        package var passes: Bool { dkim == "pass" || spf == "pass" }
    }

    /// Why the policy was not done.
    package struct Reason: Sendable, Hashable, Codable {
        /// `local_policy`, `mailing_list`, `trusted_forwarder`, `policy_test_mode`, `other`; of old `forwarded` and
        /// `sampled_out`.
        package var type: String
        package var comment: String?

        package init(_ type: String, comment: String? = nil) {
            self.type = type
            self.comment = comment
        }
    }

    package struct Identifiers: Sendable, Hashable, Codable {
        package var headerFrom: String
        /// Empty where the reverse-path was null.
        package var envelopeFrom: String?
        package var envelopeTo: String?

        package init(headerFrom: String, envelopeFrom: String? = nil, envelopeTo: String? = nil) {
            self.headerFrom = headerFrom
            self.envelopeFrom = envelopeFrom
            self.envelopeTo = envelopeTo
        }
    }

    /// A signature, whether it counts for DMARC or not.
    package struct DKIM: Sendable, Hashable, Codable {
        package var domain: String
        package var selector: String?
        /// A word of RFC 8601 §2.7.1.
        package var result: String
        package var humanResult: String?

        package init(domain: String, selector: String? = nil, result: String, humanResult: String? = nil) {
            self.domain = domain
            self.selector = selector
            self.result = result
            self.humanResult = humanResult
        }
    }

    package struct SPF: Sendable, Hashable, Codable {
        package var domain: String
        /// `mfrom` or `helo`.
        package var scope: String?
        /// A word of RFC 8601 §2.7.2.
        package var result: String
        package var humanResult: String?

        package init(domain: String, scope: String? = nil, result: String, humanResult: String? = nil) {
            self.domain = domain
            self.scope = scope
            self.result = result
            self.humanResult = humanResult
        }
    }

    /// Of RFC 9990, in which reports are written here. RFC 7489 has none, or `http://dmarc.org/dmarc-xml/0.1`.
    package static let namespace = "urn:ietf:params:xml:ns:dmarc-2.0"
}
