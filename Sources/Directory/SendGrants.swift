package import MailSyntax

/// What somebody may send as: one address with its tags, or every address of a domain.
package enum GrantedSender: Hashable, Sendable, CustomStringConvertible {
    case address(EmailAddress)
    case domain(DomainName)

    /// Reads `sales@example.org` or `@example.org`.
    package init?(_ text: String) {
        if text.hasPrefix("@") {
            guard let name = DomainName(String(text.dropFirst())) else { return nil }
            self = .domain(name)
        } else {
            guard let address = EmailAddress(text), address.domain != nil else { return nil }
            self = .address(address)
        }
    }

    package var description: String {
        switch self {
        case .address(let address): address.description
        case .domain(let name): "@\(name)"
        }
    }

    /// The same for all ways of writing it.
    package var folded: String {
        switch self {
        case .address(let address): address.folded
        case .domain(let name): "@\(name.ascii)"
        }
    }

    package var domain: DomainName? {
        switch self {
        case .address(let address): address.domain
        case .domain(let name): name
        }
    }
}

/// That an account may send as something that isn't its own.
package struct SendGrant: Hashable, Sendable {
    package let account: AccountID
    package let sender: GrantedSender

    package init(account: AccountID, sender: GrantedSender) {
        self.account = account
        self.sender = sender
    }
}

/// What an address is to a login.
package enum SenderOwnership: Hashable, Sendable {
    /// Its mail goes to the login and to nobody else.
    case own
    /// It was said that the login may send as it; in words: by what.
    case granted(String)
    case foreign
}

/// Who may send as what isn't their own, found by account.
struct SendGrants: Sendable {
    let all: [SendGrant]
    private let sendersByAccount: [AccountID: Set<String>]

    init(_ all: [SendGrant]) {
        self.all = all
        sendersByAccount = Dictionary(grouping: all, by: \.account).mapValues { Set($0.map(\.sender.folded)) }
    }

    func has(_ sender: GrantedSender, _ account: AccountID) -> Bool {
        sendersByAccount[account]?.contains(sender.folded) ?? false
    }

    func hasAny(_ account: AccountID) -> Bool { sendersByAccount[account] != nil }
}
