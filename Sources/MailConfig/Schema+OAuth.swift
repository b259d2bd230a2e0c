// How `oauth2` of a login is written.

/// The keys as written, before a provider's preset fills in the rest.
private struct WrittenOAuth2: Sendable, Equatable {
    var provider = OAuth2.Provider.custom
    var tenant: String?
    var clientID = ""
    var clientSecret: SecretSource?
    var tokenEndpoint: String?
    var deviceEndpoint: String?
    var authorizationEndpoint: String?
    var redirect: String?
    var scopes: [String] = []
    var caFile: String?

    init() {}

    /// What has to be written to mean `oauth2`.
    init(_ oauth2: OAuth2) {
        let preset = OAuth2.preset(oauth2.provider, tenant: oauth2.tenant, clientID: "")
        provider = oauth2.provider
        tenant = oauth2.tenant
        clientID = oauth2.clientID
        clientSecret = oauth2.clientSecret
        tokenEndpoint = oauth2.tokenEndpoint == preset?.tokenEndpoint ? nil : oauth2.tokenEndpoint
        deviceEndpoint = oauth2.deviceEndpoint == preset?.deviceEndpoint ? nil : oauth2.deviceEndpoint
        authorizationEndpoint =
            oauth2.authorizationEndpoint == preset?.authorizationEndpoint ? nil : oauth2.authorizationEndpoint
        redirect = oauth2.redirect == OAuth2.loopbackRedirect ? nil : oauth2.redirect
        scopes = oauth2.scopes == preset?.scopes ? [] : oauth2.scopes
        caFile = oauth2.caFile
    }

    /// nil where the token endpoint is not known.
    var whole: OAuth2? {
        let preset = OAuth2.preset(provider, tenant: tenant, clientID: clientID, clientSecret: clientSecret)
        guard let token = tokenEndpoint ?? preset?.tokenEndpoint else { return nil }
        return OAuth2(
            provider: provider, tenant: tenant, clientID: clientID, clientSecret: clientSecret, tokenEndpoint: token,
            deviceEndpoint: deviceEndpoint ?? preset?.deviceEndpoint,
            authorizationEndpoint: authorizationEndpoint ?? preset?.authorizationEndpoint,
            redirect: redirect ?? OAuth2.loopbackRedirect, scopes: scopes.isEmpty ? preset?.scopes ?? [] : scopes,
            caFile: caFile)
    }
}

extension ValueType where Value == OAuth2 {
    static var oauth2: ValueType {
        let written = ValueType<WrittenOAuth2>.section(
            named: "oauth2", example: "provider: microsoft, client_id: 1b2c…", start: .init(),
            exclusive: [["client_secret_file", "client_secret_env"]], fields: ValueType<WrittenOAuth2>.keys)
        return ValueType(
            name: written.name, shape: .section,
            read: { node, reading in
                guard let value = written.read(node, &reading) else { return nil }
                if value.tenant != nil, value.provider != .microsoft {
                    reading.reportValue(
                        node, "has a `tenant`, which only `provider: microsoft` has", remedy: "remove `tenant`")
                    return nil
                }
                guard let whole = value.whole else {
                    let remedy = "add `token_endpoint: https://…`, or `provider: google` or `provider: microsoft`"
                    reading.reportValue(node, "has no `token_endpoint`", remedy: remedy)
                    return nil
                }
                return whole
            },
            render: { written.render(WrittenOAuth2($0)) })
    }
}

extension ValueType where Value == WrittenOAuth2 {
    fileprivate static var keys: [SectionField<WrittenOAuth2>] {
        let endpoint = ValueType<String>.webEndpoint
        let word = ValueType<String>.oauthWord
        return [
            .init("provider", \.provider, .word), .init("tenant", \.tenant, word.optional),
            .init("client_id", \.clientID, word, required: true),
        ] + SectionField.secret("client_secret", \.clientSecret) + [
            .init("token_endpoint", \.tokenEndpoint, endpoint.optional),
            .init("device_endpoint", \.deviceEndpoint, endpoint.optional),
            .init("authorization_endpoint", \.authorizationEndpoint, endpoint.optional),
            .init("redirect", \.redirect, word.optional),
            .init("scopes", \.scopes, .list(of: word, named: "list of scopes", example: "offline_access")),
            .init("ca_file", \.caFile, ValueType<String>.path.optional),
        ]
    }
}

extension ValueType where Value == String {
    /// An address that secrets are sent to: `https`, or `http` on this machine.
    // RFC 6749 §3.1.2.1, RFC 6749 §3.2
    static var webEndpoint: ValueType {
        .scalar("web address", example: "https://id.example.net/token") { text throws(ValueProblem) in
            guard let problem = problem(ofEndpoint: text) else { return text }
            throw ValueProblem(
                message: "is `\(text)`, \(problem)", remedy: "write it as `https://id.example.net/token`")
        } render: {
            $0
        }
    }

    /// Visible ASCII: ids, scopes, redirect addresses. // RFC 6749 §A.1
    static var oauthWord: ValueType {
        .scalar("visible ASCII", example: "offline_access") { text throws(ValueProblem) in
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw ValueProblem(message: "is `\(text)`", remedy: "write it in ASCII, without blanks")
            }
            return text
        } render: {
            $0
        }
    }

    private static func problem(ofEndpoint text: String) -> String? {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("#") else {
            return "which is not a web address"
        }
        for scheme in ["https://", "http://"] where text.lowercased().hasPrefix(scheme) {
            let authority = text.dropFirst(scheme.count).prefix { !"/?".contains($0) }
            let host = authority.first == "[" ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
            guard !host.isEmpty, !authority.contains("@") else { return "which names no host" }
            let isHere = ["127.0.0.1", "[::1]", "localhost"].contains(host.lowercased())
            return scheme == "https://" || isHere ? nil : "which is not encrypted"
        }
        return "which is not a web address"
    }
}
