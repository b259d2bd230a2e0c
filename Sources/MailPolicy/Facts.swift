package import MailSyntax

/// The door a client came in by.
package enum ClientRole: String, Sendable, Hashable, Codable {
    /// Another server, or anyone: may only bring mail for here.
    case mx
    /// A user's program: has to log in, may send anywhere.
    case submission
    /// A local program that delivers: recipients here only.
    case lmtp
    /// A printer, a script, an appliance: known by its login or its network (`devices`), sends what that one may.
    case device
}

/// Who has logged in.
package struct LoginFacts: Sendable, Hashable {
    /// The account's number in the directory.
    package var account: Int64
    package var address: EmailAddress

    package init(account: Int64, address: EmailAddress) {
        self.account = account
        self.address = address
    }
}

/// What is known of the client before it says what it wants.
package struct ClientFacts: Sendable, Hashable {
    package var address: IPAddress
    package var helo: String?
    /// The confirmed reverse name; nil when there is none.
    package var reverseName: String?
    package var role: ClientRole
    /// The listener's name.
    package var listener: String
    /// The listener takes nothing without a login, but from trusted networks.
    package var requiresLogin: Bool
    package var tls: Bool
    package var login: LoginFacts?

    /// - Parameter requiresLogin: nil: on submission.
    package init(
        address: IPAddress, helo: String? = nil, reverseName: String? = nil, role: ClientRole, listener: String = "",
        requiresLogin: Bool? = nil, tls: Bool = false, login: LoginFacts? = nil
    ) {
        self.listener = listener
        self.requiresLogin = requiresLogin ?? (role == .submission)
        self.address = address
        self.helo = helo
        self.reverseName = reverseName
        self.role = role
        self.tls = tls
        self.login = login
    }
}

/// An address as a client wrote it in MAIL or RCPT.
package enum WrittenPath: Sendable, Hashable {
    /// `<>`, in MAIL only.
    case null
    case address(EmailAddress)
    /// Something without a domain: `<FBI>`, `<Postmaster>`, or nothing before the `@`.
    case unqualified(String)

    package init(_ path: ReversePath) {
        self = path.address.map(WrittenPath.address) ?? .null
    }

    var text: String {
        switch self {
        case .null: "<>"
        case .address(let address): "<\(address)>"
        case .unqualified(let text): "<\(text)>"
        }
    }
}

package struct SenderFacts: Sendable, Hashable {
    package var client: ClientFacts
    package var path: WrittenPath

    package init(client: ClientFacts, path: WrittenPath) {
        self.client = client
        self.path = path
    }
}

package struct RecipientFacts: Sendable, Hashable {
    package var client: ClientFacts
    package var path: WrittenPath
    /// SIZE of MAIL, in octets; 0 when nothing was declared.
    package var declaredSize: Int
    /// The server's name; `<Postmaster>` alone is the postmaster of its domain.
    package var hostname: DomainName?
    /// The address that the client connected to; `postmaster@[…]` of it is the postmaster too.
    package var server: IPAddress?

    package init(
        client: ClientFacts, path: WrittenPath, declaredSize: Int = 0, hostname: DomainName?, server: IPAddress? = nil
    ) {
        self.server = server
        self.client = client
        self.path = path
        self.declaredSize = declaredSize
        self.hostname = hostname
    }
}
