package import MailSyntax

/// Whether the author's domain stands behind a message. // RFC 9989 §9.2
package enum DMARCResult: Sendable, Hashable {
    /// Nobody has asked for anything: there is no record, or no author's domain.
    case none(String)
    case pass
    case fail(String)
    case temporaryError(String)
    case permanentError(String)

    package var keyword: String {
        switch self {
        case .none: "none"
        case .pass: "pass"
        case .fail: "fail"
        case .temporaryError: "temperror"
        case .permanentError: "permerror"
        }
    }

    package var reason: String? {
        switch self {
        case .pass: nil
        case .none(let reason), .fail(let reason), .temporaryError(let reason), .permanentError(let reason): reason
        }
    }
}

/// A domain that SPF or DKIM has, or has not, authenticated.
package struct DMARCIdentifier: Sendable, Hashable {
    package enum Method: String, Sendable, Hashable {
        /// Of MAIL FROM; where that is null, of HELO. // RFC 7208 §2.4
        case spf
        case dkim
    }

    package enum Outcome: Sendable, Hashable {
        case pass
        case fail
        /// Nobody knows for now.
        case temporaryError
    }

    package var method: Method
    package var domain: DomainName
    package var outcome: Outcome

    package init(_ method: Method, _ domain: DomainName, _ outcome: Outcome) {
        self.method = method
        self.domain = domain
        self.outcome = outcome
    }
}

/// What DMARC says of a message, for one author's domain.
package struct DMARCEvaluation: Sendable, Hashable {
    package var result: DMARCResult
    /// nil where the message names none.
    package var author: DomainName?
    /// Where the record was found.
    package var policyDomain: DomainName?
    /// The author's; nil where it didn't have to be known.
    package var organizationalDomain: DomainName?
    package var record: DMARCRecord?
    /// What the record says for this author, before `t` lowers it.
    package var policy: DMARCPolicy?
    /// Which tag `policy` is of: `p`, `sp` or `np`.
    package var policyTag = "p"
    /// The identifiers that have passed and are the author's too.
    package var aligned: [DMARCIdentifier] = []
    /// `From` has something that is no address, and might be shown as an author.
    package var hasUnclearAuthor = false
    /// In words: what a person who looks for a mistake has to know.
    package var remarks: [String] = []

    package init(_ result: DMARCResult, author: DomainName? = nil) {
        self.result = result
        self.author = author
    }

    /// The policy for this author as it is to be done when a message fails: while its owner is testing, one level less.
    // RFC 9989 §4.7 (t)
    package var effectivePolicy: DMARCPolicy? { record?.isTesting == true ? policy?.whileTesting : policy }

    /// What the owner wants done with a message that has this result.
    package var wanted: DMARCPolicy {
        guard case .fail = result else { return .none }
        return effectivePolicy ?? .none
    }

    package func isAligned(_ method: DMARCIdentifier.Method) -> Bool { aligned.contains { $0.method == method } }

    /// The greater, the more it says against the message.
    var weight: Int {
        switch result {
        case .fail: wanted == .reject ? 6 : wanted == .quarantine ? 5 : 3
        case .temporaryError: 4
        case .permanentError: 2
        case .none: 1
        case .pass: 0
        }
    }
}
