package import MailSyntax

/// The result words of RFC 8601 §2.7, for all methods.
package enum AuthenticationWord: String, Sendable, Hashable, CaseIterable {
    case none
    case neutral
    case pass
    case fail
    case softfail
    case policy
    case temperror
    case permerror
}

/// What one check has found.
package struct CheckedIdentity: Sendable, Hashable {
    package var result: AuthenticationWord
    /// What was checked, as `smtp.mailfrom=example.org`.
    package var subject: String
    package var reason: String?

    package init(_ result: AuthenticationWord, of subject: String, reason: String? = nil) {
        self.result = result
        self.subject = subject
        self.reason = reason
    }
}

/// What one of those says through whose hands a message went.
package struct SealFacts: Sendable, Hashable {
    package var domain: DomainName
    /// DMARC passed when the message came to it.
    package var sawPass: Bool

    package init(domain: DomainName, sawPass: Bool) {
        self.domain = domain
        self.sawPass = sawPass
    }
}

/// What is known of a message from a stranger. A check that was not made is nil, or an empty list.
package struct AuthenticationFacts: Sendable, Hashable {
    /// What a domain's owner wants done with a message that failed.
    package enum Request: String, Sendable, Hashable {
        case none
        case quarantine
        case reject
    }

    package var client: IPAddress
    /// The client's confirmed name.
    package var clientName: DomainName?
    /// Its name can't be found out for now.
    package var isNameUnknown = false
    /// The domain of From that was judged.
    package var author: DomainName?
    /// From has something that can't be read, and may be shown as an author.
    package var hasUnclearAuthor = false
    /// The SPF identity that counts: MAIL FROM's, or HELO's where that is null.
    package var spf: CheckedIdentity?
    package var helo: CheckedIdentity?
    package var dkim: [CheckedIdentity] = []
    package var arc: CheckedIdentity?
    /// Of a chain that is whole, from the newest.
    package var seals: [SealFacts] = []
    /// Of a chain that can't be checked for now, from the newest.
    package var uncheckedSeals: [SealFacts] = []
    package var reverse: CheckedIdentity?
    package var dmarc: CheckedIdentity?
    /// Where the policy was found.
    package var policyDomain: DomainName?
    package var wanted = Request.none
    /// The message has been through a mailing list, which has authenticated itself.
    package var isListMail = false

    package init(client: IPAddress) {
        self.client = client
    }
}

/// What becomes of a message.
package struct AuthenticationDecision: Sendable, Hashable {
    package enum Disposition: Sendable, Hashable {
        case accept
        /// Into the mailbox for junk.
        case junk
        /// For good, or for now.
        case refuse(PolicyReply)
    }

    /// Why a domain's policy was not done. The words are those of aggregate reports. // RFC 7489 §7.2
    package enum Override: String, Sendable, Hashable {
        case mailingList = "mailing_list"
        case trustedForwarder = "trusted_forwarder"
        case localPolicy = "local_policy"
    }

    package var disposition: Disposition
    package var override: Override?
    /// What was done for the sake of the author's policy; `none` for what other checks have led to.
    package var applied = AuthenticationFacts.Request.none

    package init(_ disposition: Disposition, override: Override? = nil) {
        self.disposition = disposition
        self.override = override
    }
}
