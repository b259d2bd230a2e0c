extension Manifest {
    /// How people log in to IMAP, POP3 and submission, besides sending their password.
    package struct Logins: Sendable, Equatable {
        /// SCRAM verifiers are kept beside password hashes, and SCRAM-SHA-256 is offered.
        package var scram = true
        /// SCRAM-SHA-256-PLUS is offered too.
        package var channelBinding = false
        package var oauth2 = TokenLogins()

        /// OAUTHBEARER and XOAUTH2 are offered.
        package var takesTokens: Bool { oauth2.introspectionEndpoint != nil }
    }

    /// Who says whose an access token is. // RFC 7662
    package struct TokenLogins: Sendable, Equatable {
        /// nil: tokens are not taken.
        package var introspectionEndpoint: String?
        package var clientID: String?
        /// A file with the client's secret on its first line; nil for an endpoint that asks for none.
        package var clientSecretFile: String?
        /// Where the endpoint says the address of whom the token was given to.
        package var claim = "email"
        /// A token has to have all of them.
        package var scopes: [String] = []
        /// A token has to be for one of them; empty: for anybody.
        package var audience: [String] = []
        /// How long an answer is believed, at most; never beyond the end of the token.
        package var cache: Duration = .seconds(60)
        /// PEM file of authorities instead of the system's, for the endpoint.
        package var caFile: String?
        /// Where clients learn how to get a token; told to those whose token is refused.
        package var discovery: String?

        package init() {}
    }
}
