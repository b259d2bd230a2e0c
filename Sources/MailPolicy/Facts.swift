package import MailConfig
package import MailSyntax

/// The door a client came in by.
package enum ClientRole: String, Sendable, Hashable, Codable {
    /// Another server, or anyone: may only bring mail for here.
    case mx
    /// A user's program: has to log in, or to be in a trusted network, and may send anywhere.
    case submission
    /// A printer, a script, an appliance: known by its login or its network (`devices`), sends what that one may.
    case device
    /// A local program that delivers: recipients here only.
    case lmtp
    /// A program of this host, by the `sendmail` command.
    case sendmail

    /// What a listener's clients are.
    package init(_ kind: ListenerKind) {
        switch kind {
        case .submission, .submissions: self = .submission
        case .lmtp: self = .lmtp
        case .device: self = .device
        case .mx, .imap, .imaps, .pop3, .pop3s, .https: self = .mx
        }
    }

    /// Who comes in here wants to send, and is nobody's mail server.
    var isForSenders: Bool {
        switch self {
        case .submission, .device, .sendmail: true
        case .mx, .lmtp: false
        }
    }
}

/// Who has logged in, or is known as a device by the network.
package struct LoginFacts: Sendable, Hashable {
    package enum Identity: Sendable, Hashable {
        /// The account's number in the directory.
        case account(Int64)
        /// The device's name in the manifest.
        case device(String)
    }

    package var identity: Identity
    /// The account's address; for a device the one that stands where it names none.
    package var address: EmailAddress

    package init(account: Int64, address: EmailAddress) {
        identity = .account(account)
        self.address = address
    }

    package init(device: String, address: EmailAddress) {
        identity = .device(device)
        self.address = address
    }

    /// nil for a device.
    package var account: Int64? {
        if case .account(let account) = identity { return account }
        return nil
    }

    /// nil for an account.
    package var device: String? {
        if case .device(let name) = identity { return name }
        return nil
    }

    /// What routing rules, logs and replies call it: the account's address, or the device's name.
    package var name: String { device ?? address.description }
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
    /// It is in one of `relay.networks`.
    package var isTrusted: Bool
    /// The user of this host that runs `sendmail`.
    package var localUser: UInt32?
    package var localUserName: String?

    /// - Parameter requiresLogin: nil: on submission.
    package init(
        address: IPAddress, helo: String? = nil, reverseName: String? = nil, role: ClientRole, listener: String = "",
        requiresLogin: Bool? = nil, tls: Bool = false, login: LoginFacts? = nil, isTrusted: Bool = false,
        localUser: UInt32? = nil, localUserName: String? = nil
    ) {
        self.listener = listener
        self.requiresLogin = requiresLogin ?? (role == .submission)
        self.address = address
        self.helo = helo
        self.reverseName = reverseName
        self.role = role
        self.tls = tls
        self.login = login
        self.isTrusted = isTrusted
        self.localUser = localUser
        self.localUserName = localUserName
    }

    /// Nothing is taken from it, for anybody, unless it has logged in, or is trusted or a device by its network.
    var mustBeKnown: Bool { requiresLogin || role == .device }
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
    /// The client wants the message to go later.
    package var release: FutureReleaseFacts?

    package init(client: ClientFacts, path: WrittenPath) {
        self.client = client
        self.path = path
    }
}

package struct RecipientFacts: Sendable, Hashable {
    package var client: ClientFacts
    package var path: WrittenPath
    /// The reverse-path in effect, as MAIL was answered.
    package var sender: ReversePath
    /// What it was before it was rewritten, by which the client may send; nil where it is the same.
    package var admittedSender: ReversePath?
    /// SIZE of MAIL, in octets; 0 when nothing was declared.
    package var declaredSize: Int
    /// Recipients that the transaction has already.
    package var earlierRecipients = 0
    /// The server's name; `<Postmaster>` alone is the postmaster of its domain.
    package var hostname: DomainName?
    /// The address that the client connected to; `postmaster@[…]` of it is the postmaster too.
    package var server: IPAddress?

    package init(
        client: ClientFacts, path: WrittenPath, sender: ReversePath = .null, declaredSize: Int = 0,
        hostname: DomainName?, server: IPAddress? = nil
    ) {
        self.sender = sender
        self.server = server
        self.client = client
        self.path = path
        self.declaredSize = declaredSize
        self.hostname = hostname
    }
}
