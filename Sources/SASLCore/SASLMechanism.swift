/// The mechanisms that can be offered and used; the raw value is the registered name.
package enum SASLMechanism: String, Sendable, CaseIterable {
    /// RFC 4616.
    case plain = "PLAIN"
    /// The undocumented predecessor that Outlook and many devices still use (draft-murchison-sasl-login-00).
    case login = "LOGIN"

    /// The mechanism of that name in any case; nil when it is not one of ours.
    package init?(name: some StringProtocol) {
        self.init(rawValue: name.uppercased())
    }
}

/// What a client claimed with its password. Nothing here has been checked against an account yet.
package struct SASLCredentials: Sendable, Equatable {
    /// The authentication identity as sent, in Unicode.
    package let login: String
    package let password: Secret
    /// The authorization identity when one was sent; the server machine lets it through only when it names the login too.
    package let authorization: String?

    package init(login: String, password: Secret, authorization: String? = nil) {
        self.login = login
        self.password = password
        self.authorization = authorization
    }
}

/// Why an exchange ended without credentials. The text may be shown to the peer.
package enum SASLFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The message has not the shape that the mechanism asks for.
    case malformed
    /// A field is longer than `SASLLimits.field`.
    case tooLong
    /// The authorization identity names someone other than the login.
    case authorizationDenied
    /// A message came after the exchange was over.
    case exchangeOver

    package var description: String {
        switch self {
        case .malformed: "malformed authentication exchange"
        case .tooLong: "authentication exchange too long"
        case .authorizationDenied: "acting for another account is not allowed"
        case .exchangeOver: "authentication exchange is over"
        }
    }
}

/// Bounds on what a peer may send during authentication.
package enum SASLLimits {
    /// The longest identity or password in octets; RFC 4616 §2 asks for 255 at least, application tokens are longer.
    package static let field = 1024
    /// The longest base64 line in octets without its line end.
    // RFC 4954 §4
    package static let line = 12_288
}
