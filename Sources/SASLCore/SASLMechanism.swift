/// The mechanisms that can be offered and used, the best first; the raw value is the registered name.
package enum SASLMechanism: String, Sendable, CaseIterable {
    /// SCRAM bound to the TLS connection. RFC 5802, RFC 7677
    case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
    /// RFC 5802, RFC 7677
    case scramSHA256 = "SCRAM-SHA-256"
    /// RFC 4616.
    case plain = "PLAIN"
    /// The undocumented predecessor that Outlook and many devices still use (draft-murchison-sasl-login-00).
    case login = "LOGIN"
    /// An OAuth 2 access token. RFC 7628
    case oauthBearer = "OAUTHBEARER"
    /// Google's and Microsoft's form of it, older than the standard.
    case xoauth2 = "XOAUTH2"

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
    /// SCRAM: the proof belongs to another password, or the account has no verifier.
    case wrongProof
    /// SCRAM: what the client says of the TLS connection is not what this server sees: somebody may stand between.
    case channelBinding
    /// SCRAM: the client takes the server for one without channel binding, while the server has offered it.
    case downgrade
    /// SCRAM: another kind of channel binding than `tls-server-end-point`.
    case unsupportedChannelBinding
    /// The token was refused, and the client was told why.
    case tokenRefused

    package var description: String {
        switch self {
        case .malformed: "malformed authentication exchange"
        case .tooLong: "authentication exchange too long"
        case .authorizationDenied: "acting for another account is not allowed"
        case .exchangeOver: "authentication exchange is over"
        case .wrongProof: "invalid login or password"
        case .channelBinding: "the channel binding does not match"
        case .downgrade: "channel binding was offered and must be used"
        case .unsupportedChannelBinding: "only the channel binding tls-server-end-point is supported"
        case .tokenRefused: "the token was refused"
        }
    }
}

/// Bounds on what a peer may send during authentication.
package enum SASLLimits {
    /// The longest identity or password in octets; RFC 4616 §2 asks for 255 at least, application tokens are longer.
    package static let field = 1024
    /// The longest access token in octets. Those of some providers carry kilobytes of claims.
    package static let token = 8192
    /// The longest base64 line in octets without its line end.
    // RFC 4954 §4
    package static let line = 12_288
}
