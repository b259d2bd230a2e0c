// MARK: - How people log in

extension Schema {
    static let userLogins: [Setting] = [
        Setting(
            "logins.scram", \.logins.scram, .bool, .live,
            "Offer SCRAM-SHA-256 (RFC 7677), by which a client proves that it knows the password and never sends it. The "
                + "verifiers it takes are kept beside the password's hash when a password is set, and are made at the first "
                + "login with PLAIN of an account that has only a hash; until then SCRAM fails for it as a wrong password "
                + "does. `false` offers none and keeps none."
        ),
        Setting(
            "logins.channel_binding", \.logins.channelBinding, .bool, .live,
            "Offer SCRAM-SHA-256-PLUS too, which binds the login to the TLS connection by `tls-server-end-point` "
                + "(RFC 5929). Programs built on GNU SASL, such as msmtp, choose it as soon as it is offered, know other kinds "
                + "of channel binding only, and could not log in any more."
        ),
        Setting(
            "logins.oauth2.introspection_endpoint", \.logins.oauth2.introspectionEndpoint,
            ValueType<String>.webEndpoint.optional, .live, default: "not set: tokens are not taken",
            "Take access tokens (OAUTHBEARER, XOAUTH2) and ask here whose they are (RFC 7662)."
        ),
        Setting(
            "logins.oauth2.client_id", \.logins.oauth2.clientID, ValueType<String>.oauthWord.optional, .live,
            "The name that this server has at the endpoint."
        ),
        Setting(
            "logins.oauth2.client_secret_file", \.logins.oauth2.clientSecretFile, ValueType<String>.path.optional,
            .live,
            secret: true, "A file with the secret that belongs to the name, on its first line. It is never shown."
        ),
        Setting(
            "logins.oauth2.claim", \.logins.oauth2.claim, .oauthWord, .live,
            "The member of the endpoint's answer that holds the account's address."
        ),
        Setting(
            "logins.oauth2.scopes", \.logins.oauth2.scopes,
            .list(of: .oauthWord, named: "list of scopes", example: "mail"), .live, default: "none",
            "What a token has to be allowed: all of these."
        ),
        Setting(
            "logins.oauth2.audience", \.logins.oauth2.audience,
            .list(of: .oauthWord, named: "list of audiences", example: "imap.example.org"), .live,
            default: "none: any token of the endpoint",
            "Whom a token has to be for: one of these. Without it a token that a user gave to some other service logs in here."
        ),
        Setting(
            "logins.oauth2.cache", \.logins.oauth2.cache, .duration(.zero...(.seconds(3600)), example: "60s"), .live,
            "How long the endpoint's answer on a token is believed. A token that is revoked works as long."
        ),
        Setting(
            "logins.oauth2.ca_file", \.logins.oauth2.caFile, ValueType<String>.path.optional, .live,
            default: "the system's authorities", "A PEM file of authorities instead of the system's, for the endpoint."
        ),
        Setting(
            "logins.oauth2.discovery", \.logins.oauth2.discovery, ValueType<String>.webEndpoint.optional, .live,
            "The address of the OpenID configuration, told to clients whose token is refused (RFC 7628 §3.2.2)."
        ),
    ]
}
