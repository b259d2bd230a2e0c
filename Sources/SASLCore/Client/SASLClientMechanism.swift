/// The mechanisms that a client has, the strongest first among those for passwords and among those for tokens; the raw
/// value is the registered name.
package enum SASLClientMechanism: String, Sendable, CaseIterable {
    /// RFC 7677
    case scramSHA256 = "SCRAM-SHA-256"
    /// RFC 2195
    case cramMD5 = "CRAM-MD5"
    /// RFC 4616
    case plain = "PLAIN"
    /// The undocumented predecessor (draft-murchison-sasl-login-00).
    case login = "LOGIN"
    /// RFC 7628
    case oauthBearer = "OAUTHBEARER"
    /// Google's and Microsoft's, older than the standard.
    case xoauth2 = "XOAUTH2"

    /// It carries an OAuth 2 access token and no password.
    package var takesToken: Bool { self == .oauthBearer || self == .xoauth2 }

    /// Who listens, or pretends to be the server, has what was sent.
    package var revealsSecret: Bool {
        switch self {
        case .scramSHA256, .cramMD5: false
        case .plain, .login, .oauthBearer, .xoauth2: true
        }
    }

    /// Those that may be tried at a server, in order.
    ///
    /// - Parameters:
    ///   - offered: the server's, in any case.
    ///   - filter: names that may be used, `!NAME` for one that may not; empty: all.
    ///   - hasToken: the secret is an access token.
    ///   - mayReveal: the secret may go over this connection.
    package static func candidates(
        offered: some Sequence<some StringProtocol>,
        filter: [String],
        hasToken: Bool,
        mayReveal: Bool
    ) -> [SASLClientMechanism] {
        let offered = Set(offered.map { $0.uppercased() })
        let wanted = Set(filter.filter { !$0.hasPrefix("!") }.map { $0.uppercased() })
        let unwanted = Set(filter.filter { $0.hasPrefix("!") }.map { $0.dropFirst().uppercased() })
        return allCases.filter { mechanism in
            mechanism.takesToken == hasToken && offered.contains(mechanism.rawValue)
                && (wanted.isEmpty || wanted.contains(mechanism.rawValue)) && !unwanted.contains(mechanism.rawValue)
                && (mayReveal || !mechanism.revealsSecret)
        }
    }
}
