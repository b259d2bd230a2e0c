import Logging
import MailConfig
import MailSyntax
import MartletTesting
import OAuthClient
import SASLCore
import Testing

@Suite("Asking whose a token is")
struct TokenIntrospectorTests {
    private let provider = FakeProvider()
    private let clock = ManualClock()
    private let settings: Manifest.TokenLogins

    init() {
        var settings = Manifest.TokenLogins()
        settings.introspectionEndpoint = "https://id.example/introspect"
        settings.clientID = "martlet id"
        settings.clientSecretFile = "/secret"
        self.settings = settings
    }

    private func introspector() -> TokenIntrospector {
        TokenIntrospector(
            poster: provider, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            readSecret: { $0 == "/secret" ? "s:1" : "" })
    }

    private func standing(
        _ answer: String, status: Int = 200, _ adjust: (inout Manifest.TokenLogins) -> Void = { _ in }
    ) async -> TokenStanding {
        var settings = settings
        adjust(&settings)
        provider.answer(status, answer)
        return await introspector().standing(of: Secret("abc"), settings)
    }

    @Test func `the owner is the claim of an active token`() async {
        #expect(await standing(#"{"active":true,"email":"ann@example.com"}"#) == .active(owner: "ann@example.com"))
        #expect(provider.requests.first?.fields == ["token": "abc", "token_type_hint": "access_token"])
        #expect(provider.requests.first?.url == "https://id.example/introspect")
        let other = await standing(#"{"active":true,"username":"bob@example.com","x":{"y":[1]}}"#) {
            $0.claim = "username"
        }
        #expect(other == .active(owner: "bob@example.com"))
    }

    @Test(arguments: [
        #"{"active":false,"email":"ann@example.com"}"#, #"{"email":"ann@example.com"}"#,
        #"{"active":"true","email":"ann@example.com"}"#, #"{"active":1,"email":"ann@example.com"}"#,
        #"{"active":true}"#, #"{"active":true,"email":""}"#, #"{"active":true,"email":7}"#,
        #"{"active":true,"email":"ann@example.com","exp":1}"#,
        #"{"active":true,"email":"ann@example.com","nbf":99999999999}"#, #"{}"#,
    ])
    func `anything else is not active`(answer: String) async {
        #expect(await standing(answer) == .inactive)
    }

    @Test(arguments: [
        (#""aud":"imap.example","scope":"mail other""#, TokenStanding.active(owner: "a@b.example")),
        (#""aud":["x","imap.example"],"scope":["other","mail"]"#, .active(owner: "a@b.example")),
        (#""aud":"x","scope":"mail""#, .inactive), (#""scope":"mail""#, .inactive),
        (#""aud":"imap.example","scope":"mails""#, .insufficientScope), (#""aud":"imap.example""#, .insufficientScope),
    ])
    func `audience and scope are demanded`(members: String, expected: TokenStanding) async {
        let found = await standing("{\"active\":true,\"email\":\"a@b.example\",\(members)}") {
            $0.audience = ["imap.example", "pop.example"]
            $0.scopes = ["mail"]
        }
        #expect(found == expected)
    }

    @Test(arguments: [(401, "{}"), (302, "{}"), (500, ""), (200, "[]"), (200, "no json"), (200, "")])
    func `an endpoint in trouble says nothing of the token`(status: Int, body: String) async {
        guard case .unknown = await standing(body, status: status) else { return #expect(Bool(false)) }
    }

    @Test func `answers are remembered for a short time, and never beyond the token's end`() async {
        let introspector = introspector()
        let end = clock.now().seconds + 30
        provider.answer(200, #"{"active":true,"email":"a@b.example","exp":\#(end)}"#)
        for _ in 0..<3 {
            #expect(await introspector.standing(of: Secret("abc"), settings) == .active(owner: "a@b.example"))
        }
        #expect(provider.requests.count == 1)
        clock.advance(by: .seconds(31))
        provider.answer(200, #"{"active":false}"#)
        #expect(await introspector.standing(of: Secret("abc"), settings) == .inactive)
        #expect(await introspector.standing(of: Secret("abc"), settings) == .inactive)
        #expect(provider.requests.count == 2)
        // Other settings, other answers.
        var other = settings
        other.claim = "sub"
        provider.answer(200, #"{"active":true,"sub":"c@d.example"}"#)
        #expect(await introspector.standing(of: Secret("abc"), other) == .active(owner: "c@d.example"))
        // Trouble is not remembered.
        provider.answer(500, "")
        guard case .unknown = await introspector.standing(of: Secret("x"), other) else { return #expect(Bool(false)) }
        provider.answer(200, #"{"active":true,"sub":"e@f.example"}"#)
        #expect(await introspector.standing(of: Secret("x"), other) == .active(owner: "e@f.example"))
    }

    @Test func `our secret goes into the header`() {
        let basic = FormFields.Basic(name: "martlet id", secret: Secret("s:1"))
        #expect(basic.header == "Basic " + Base64.encode("martlet%20id:s%3A1".utf8))
        #expect(!"\(basic)".contains("s:1"))
    }
}
