import Testing

@testable import MailConfig

/// What the manifest says of logins with OAuth 2.
@Suite
struct OAuthManifestTests {
    private func load(_ oauth2: String) -> Result<LoadedManifest, ManifestErrors> {
        let text = """
            server: {hostname: mail.example.org}
            routing:
              routes:
                - {name: r, kind: smarthost, hosts: ["[smtp.example.net]:587"], login: {username: u, oauth2: \(oauth2)}}
            """
        return ManifestLoader.load(text: text, file: "/etc/martlet/martlet.yaml", environment: [:])
    }

    private func oauth2(_ text: String) throws -> OAuth2 {
        try #require(try load(text).get().manifest.routing.routes.first?.login?.oauth2)
    }

    private func problem(_ text: String) -> String {
        guard case .failure(let errors) = load(text) else { return "" }
        return errors.diagnostics.map(\.description).joined(separator: "\n")
    }

    @Test
    func `Microsoft's endpoints hold the tenant`() throws {
        let found = try oauth2("{provider: microsoft, tenant: example.org, client_id: abc}")
        #expect(found.tokenEndpoint == "https://login.microsoftonline.com/example.org/oauth2/v2.0/token")
        #expect(found.deviceEndpoint == "https://login.microsoftonline.com/example.org/oauth2/v2.0/devicecode")
        #expect(found.scopes == ["https://outlook.office.com/SMTP.Send", "offline_access"])
        #expect(found.clientSecret == nil)
        #expect(try oauth2("{provider: microsoft, client_id: abc}").tokenEndpoint.contains("/common/"))
    }

    @Test
    func `Google has no device endpoint, and asks for a refresh token`() throws {
        let found = try oauth2("{provider: google, client_id: abc, client_secret_file: g.secret}")
        #expect(found.deviceEndpoint == nil)
        #expect(found.authorizationEndpoint?.hasSuffix("?access_type=offline&prompt=consent") == true)
        #expect(found.scopes == ["https://mail.google.com/"])
        #expect(found.clientSecret == .file("/etc/martlet/g.secret"))
    }

    @Test
    func `other endpoints are written, and so is what differs from a preset`() throws {
        let own = try oauth2(
            "{client_id: a, token_endpoint: \"https://id.example/t\", device_endpoint: \"http://localhost:8080/d\"}")
        #expect(own.provider == .custom)
        #expect(own.deviceEndpoint == "http://localhost:8080/d")
        let changed = try oauth2("{provider: google, client_id: a, scopes: x, redirect: \"http://127.0.0.1:1/\"}")
        #expect(changed.scopes == ["x"])
        #expect(changed.redirect == "http://127.0.0.1:1/")
    }

    @Test(arguments: [
        ("{provider: custom, client_id: a}", "no `token_endpoint`"),
        ("{provider: google}", "no `client_id`"),
        ("{provider: google, tenant: x, client_id: a}", "only `provider: microsoft`"),
        ("{client_id: a, token_endpoint: \"http://id.example/t\"}", "which is not encrypted"),
        ("{client_id: a, token_endpoint: \"https://user@id.example/t\"}", "names no host"),
        ("{client_id: a, token_endpoint: \"http://localhost.evil.example/t\"}", "which is not encrypted"),
        ("{client_id: a, token_endpoint: \"id.example\"}", "not a web address"),
        ("{provider: google, client_id: a, client_secret_file: a, client_secret_env: B}", "keep one of them"),
    ])
    func `what can't work is refused`(text: String, words: String) {
        #expect(problem(text).contains(words), "\(problem(text))")
    }

    @Test
    func `what is shown can be read again`() throws {
        for text in [
            "{provider: microsoft, tenant: t, client_id: a, client_secret_env: S}",
            "{client_id: a, token_endpoint: \"https://id.example/t\", scopes: [a, b], ca_file: /ca.pem}",
        ] {
            let first = try oauth2(text)
            let rendered = try #require(ValueType<OAuth2>.oauth2.render(first))
            guard case .map(let fields) = rendered else { continue }
            #expect(fields.contains { $0.key == "client_id" })
            #expect(!fields.contains { $0.key == "redirect" })
        }
    }
}
