package import MailSyntax

/// The words of RFC 7208 §2.6 and RFC 8601 §2.7.2.
package enum SPFVerdict: String, Sendable, Hashable, Codable, CaseIterable {
    /// No domain to check, or it publishes nothing.
    case none
    /// The domain says nothing of this client.
    case neutral
    case pass
    case fail
    case softfail
    /// Nobody knows for now.
    case temperror
    /// What the domain publishes can't be read.
    case permerror
}

/// Which name of the session was checked.
package enum SPFIdentity: String, Sendable, Hashable, Codable {
    case mailFrom = "mailfrom"
    case helo
}

/// One step of an evaluation, in plain words.
package struct SPFStep: Sendable, Hashable {
    /// How many includes and redirects deep it was; 0 is the checked domain.
    package let depth: Int
    /// Printable ASCII.
    package let text: String
}

/// What SPF says of a client and a domain.
package struct SPFResult: Sendable, Hashable {
    package var verdict: SPFVerdict
    /// Why, in a few words of printable ASCII fit for Authentication-Results; nil when there is nothing to say.
    package var reason: String?
    /// `helo` also where the reverse path was null, since the host's name is all there is. // RFC 7208 §2.4
    package var identity: SPFIdentity
    /// The domain that was checked, in A-labels; nil when there was none to check.
    package var domain: DomainName?
    /// What the domain wants a sender to be told, printable ASCII; only with `fail`.
    ///
    /// The words are a stranger's: whoever shows them says whose they are.
    package var explanation: String?
    /// The term that matched, as it is written in the record; nil when none did.
    package var mechanism: String?
    /// The domain whose record decided; a redirect's target may be another than the checked one.
    package var recordDomain: String?
    /// Terms that asked the DNS.
    package var lookups: Int
    /// Questions of terms without a record in the answer.
    package var voidLookups: Int
    package var trace: [SPFStep]

    package var keyword: String { verdict.rawValue }

    /// The property of Authentication-Results, ptype included. // RFC 8601 §2.7.2
    package var property: String { "smtp.\(identity.rawValue)" }

    /// That property's value: the domain alone, for few policies look at the local part. // RFC 8601 §2.7.2
    package var propertyValue: String? { domain?.ascii }
}
