package import MailSyntax
package import SQLEngine

/// An account's number in the directory.
package struct AccountID: Hashable, Sendable, Comparable, SQLBindable, Codable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (lhs: AccountID, rhs: AccountID) -> Bool { lhs.rawValue < rhs.rawValue }
    package var sqlValue: SQLValue { .integer(rawValue) }
}

/// Somebody who may log in and has mailboxes.
package struct Account: Sendable, Hashable {
    package let id: AccountID
    package let address: EmailAddress
    package let name: String?
    package let isEnabled: Bool
    /// Octets; nil is unlimited.
    package let quota: Int64?
    package let createdAt: Timestamp
}

/// An address that stands for others.
package struct Alias: Sendable, Hashable {
    package let id: Int64
    package let address: EmailAddress
    /// Local or remote, in the order given; never empty.
    package let targets: [EmailAddress]
    /// Whether those who get its mail may send as it.
    package let membersSend: Bool

    package init(id: Int64, address: EmailAddress, targets: [EmailAddress], membersSend: Bool = false) {
        self.id = id
        self.address = address
        self.targets = targets
        self.membersSend = membersSend
    }
}

/// What a domain of the directory is here for.
package enum DomainKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Its mail is kept or expanded here.
    case hosted
    /// Its mailboxes are elsewhere: mail for it goes out like any other, mail from it is signed here.
    case sendOnly = "send-only"
}

/// A domain that mail is sent and signed for here, and kept or expanded where it is hosted.
package struct DirectoryDomain: Sendable, Hashable {
    package let id: Int64
    package let name: DomainName
    package let kind: DomainKind
    /// Where mail for addresses that don't exist goes; nil refuses it.
    package let catchAll: EmailAddress?
    package let createdAt: Timestamp
}

/// A key that signs for a domain, will soon, or did.
package struct DKIMKeyRow: Sendable, Hashable, CustomDebugStringConvertible {
    package let id: Int64
    package let domain: DomainName
    package let selector: String
    /// `rsa` or `ed25519`.
    package let algorithm: String
    /// PEM, PKCS #8; empty once it has retired.
    package let privateKey: String
    /// The TXT record's text that published a key that has retired; empty before.
    package let publicRecord: String
    package let state: DKIMKeyState
    /// When it came into that state.
    package let since: Timestamp
    package let createdAt: Timestamp

    package init(
        id: Int64, domain: DomainName, selector: String, algorithm: String, privateKey: String,
        publicRecord: String = "", state: DKIMKeyState = .active, since: Timestamp? = nil, createdAt: Timestamp
    ) {
        self.id = id
        self.domain = domain
        self.selector = selector
        self.algorithm = algorithm
        self.privateKey = privateKey
        self.publicRecord = publicRecord
        self.state = state
        self.since = since ?? createdAt
        self.createdAt = createdAt
    }

    package var isActive: Bool { state == .active }

    package var debugDescription: String { "DKIM key \(selector)._domainkey.\(domain) (\(algorithm))" }
}

/// Mail for one account.
package struct LocalTarget: Sendable, Hashable {
    package let account: AccountID
    /// The address it was delivered for, after expansion, without its tag.
    package let address: EmailAddress
    package let tag: String?

    package init(account: AccountID, address: EmailAddress, tag: String?) {
        self.account = account
        self.address = address
        self.tag = tag
    }
}

/// One step of resolving an address, for the trace.
package struct ResolutionStep: Sendable, Hashable {
    /// `account`, `tag`, `alias`, `catch-all`, `postmaster` …
    package let rule: String
    package let before: String
    package let after: String
}

/// What an address means here.
package enum RecipientResolution: Sendable, Hashable {
    /// The domain isn't ours.
    case notHosted
    /// The domain is ours, the address doesn't exist.
    case unknown
    /// The account exists and takes no mail.
    case disabled
    case targets(local: [LocalTarget], remote: [EmailAddress], steps: [ResolutionStep])
}

/// Why a change to the directory was refused; the text tells the operator what to do.
package enum DirectoryError: Error, Equatable, CustomStringConvertible {
    case alreadyExists(String)
    case notFound(String)
    case noDomain(DomainName)
    /// Its addresses are elsewhere.
    case sendOnly(DomainName)
    case invalid(String)
    /// The change would leave something without what it needs.
    case inUse(String)

    package var description: String {
        switch self {
        case .alreadyExists(let what): "\(what) exists already"
        case .notFound(let what): "\(what) does not exist"
        case .noDomain(let domain):
            "\(domain) is not a domain of this server; add it first: martlet domain add \(domain)"
        case .sendOnly(let domain):
            "\(domain) only sends: its addresses are elsewhere; to keep its mail here: martlet domain kind \(domain) hosted"
        case .invalid(let text), .inUse(let text): text
        }
    }
}
