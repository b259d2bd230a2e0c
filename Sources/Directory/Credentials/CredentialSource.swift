package import MailSyntax
package import SASLCore

/// Where the authenticator finds accounts and what they log in with. The directory implements it on its tables.
package protocol CredentialSource: Sendable {
    /// The account with that address and its credentials, or nil when there is none.
    ///
    /// - Parameter login: the address as `EmailAddress.folded` gives it.
    /// - Throws: when the answer cannot be had now; the login then fails temporarily.
    func credentials(for login: String) async throws -> AccountCredentials?

    /// Adds a credential to an account; returns when it is durable.
    func addCredential(_ credential: NewCredential, to account: AccountID) async throws

    /// What the salts of accounts that don't exist are made with: the same at every start, so that nobody can tell them
    /// from those of accounts by asking twice. nil: it lasts as long as the process.
    func decoySecret() async throws -> Secret?
}

extension CredentialSource {
    package func decoySecret() async throws -> Secret? { nil }
}

/// What the authenticator needs to know of an account.
package struct AccountCredentials: Sendable {
    package let account: Account
    package let credentials: [StoredCredential]

    package init(account: Account, credentials: [StoredCredential]) {
        self.account = account
        self.credentials = credentials
    }
}

/// What a credential's value is.
package enum CredentialKind: String, Sendable {
    /// A password hash, `{SCHEME}…`.
    case password
    /// A verifier, `{SCRAM-SHA-256}…`.
    case scramSHA256 = "scram-sha-256"
}

/// A credential as the directory keeps it. Its value is never printed.
package struct StoredCredential: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let id: Int64
    package let kind: CredentialKind
    package let value: String
    /// What an operator calls it; a password and the verifier made of it have the same.
    package let label: String

    package init(id: Int64, kind: CredentialKind, value: String, label: String = "") {
        self.id = id
        self.kind = kind
        self.value = value
        self.label = label
    }

    package var description: String { "credential \(id) (\(kind.rawValue))" }
    package var debugDescription: String { description }
}

/// A credential to be kept. Its value is never printed.
package struct NewCredential: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let kind: CredentialKind
    package let value: String
    /// What an operator calls it; a password and the verifier made of it have the same, and go together.
    package let label: String

    package init(kind: CredentialKind, value: String, label: String) {
        self.kind = kind
        self.value = value
        self.label = label
    }

    package var description: String { "new credential (\(kind.rawValue))" }
    package var debugDescription: String { description }
}

/// The service that somebody logs in to.
package enum LoginProtocol: String, Sendable {
    case smtp
    case imap
    case pop3
    case manageSieve = "managesieve"
    case web
}

/// One attempt at logging in with a password.
package struct LoginAttempt: Sendable {
    /// The address as typed.
    package let login: String
    package let password: Secret
    /// Whom to act as, if the client said; must be the login itself.
    package let authorization: String?
    package let `protocol`: LoginProtocol
    /// The client's address, for the throttle.
    package let client: IPAddress

    package init(
        login: String,
        password: Secret,
        authorization: String? = nil,
        protocol: LoginProtocol,
        client: IPAddress
    ) {
        self.login = login
        self.password = password
        self.authorization = authorization
        self.protocol = `protocol`
        self.client = client
    }

    package init(credentials: SASLCredentials, protocol: LoginProtocol, client: IPAddress) {
        self.init(
            login: credentials.login,
            password: credentials.password,
            authorization: credentials.authorization,
            protocol: `protocol`,
            client: client
        )
    }
}

/// What came of an attempt. A client is told `invalidCredentials` alike for a wrong password and an unknown account.
package enum LoginOutcome: Sendable {
    case success(Account)
    case invalidCredentials
    /// The password was right, but the account is switched off.
    case disabled
    /// Nothing is known about the password; the client may try again. The text may be shown.
    case temporaryFailure(String)
    /// Too many failures from this address lately; the password was not looked at.
    case throttled
}

/// An outcome with what the log needs to know and the client must not.
package struct LoginReport: Sendable {
    package enum Reason: Sendable, Equatable {
        /// The password was verified by its hash.
        case verified
        /// The same login succeeded a short while ago.
        case cached
        case unknownAccount
        case wrongPassword
        /// The same wrong attempt was made a short while ago.
        case cachedFailure
        /// The client asked to act for someone else.
        case authorizationDenied
        case accountDisabled
        case throttled
        /// A stored password cannot be used; the text says which scheme and what to do.
        case unusableCredential(String)
        /// The directory or the hashing threads could not answer.
        case unavailable(String)
    }

    package let outcome: LoginOutcome
    package let reason: Reason
    /// Whether a SCRAM-SHA-256 verifier was added to the account.
    package let addedVerifier: Bool

    package init(_ outcome: LoginOutcome, _ reason: Reason, addedVerifier: Bool = false) {
        self.outcome = outcome
        self.reason = reason
        self.addedVerifier = addedVerifier
    }
}
