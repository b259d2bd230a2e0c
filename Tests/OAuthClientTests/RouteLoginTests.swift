import MailConfig
import MailSyntax
import MartletTesting
import SASLCore
import Testing

@testable import OAuthClient

@Suite
struct RouteLoginTests {
    private let fixture: StoreFixture
    private let provider = FakeProvider()
    private let key = TokenKey(route: "office", login: "me@example.org")
    private let oauth2 = OAuth2.example
    private let service: TokenService
    private let flow: RouteLoginFlow

    init() throws {
        fixture = try StoreFixture(migrations: OAuthSchema.migrations)
        let requests = TokenRequests(poster: provider, clock: fixture.clock) { _ in "s3cret" }
        service = TokenService(
            store: TokenStore(database: fixture.database), requests: requests, clock: fixture.clock,
            logger: LogRecorder().logger, jitter: 0)
        flow = RouteLoginFlow(requests: requests, service: service)
    }

    @Test
    func `the device flow waits, slows down and keeps the token`() async throws {
        provider.answer(
            200,
            #"{"device_code":"D1","user_code":"ABCD-EFGH","verification_uri":"https://id.example/go","interval":7,"expires_in":600}"#
        )
        let prompt = try await flow.begin(key, oauth2, wantsCode: false)
        #expect(prompt.userCode == "ABCD-EFGH")
        #expect(prompt.interval == 7)
        #expect(provider.requests.first?.url == "https://id.example/device")
        #expect(
            provider.requests.first?.fields == [
                "client_id": "client", "client_secret": "s3cret", "scope": "mail offline",
            ])
        provider.answer(400, #"{"error":"authorization_pending"}"#)
        #expect(try await flow.poll(prompt, key, oauth2) == .pending)
        provider.answer(400, #"{"error":"slow_down"}"#)
        #expect(try await flow.poll(prompt, key, oauth2) == .slowDown)
        provider.answer(200, #"{"access_token":"A1","refresh_token":"R1","expires_in":3600}"#)
        guard case .token = try await flow.poll(prompt, key, oauth2) else {
            Issue.record("no token")
            return
        }
        #expect(
            provider.requests.last?.fields == [
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "D1",
                "client_id": "client", "client_secret": "s3cret",
            ])
        #expect(try await service.accessToken(key, oauth2) == Secret("A1"))
    }

    @Test(arguments: [
        ("access_denied", "refused at the provider"), ("expired_token", "before the code was over"),
        ("invalid_client", "invalid_client"),
    ])
    func `a device login that ends says why`(error: String, words: String) async throws {
        provider.answer(200, #"{"device_code":"D1","user_code":"X","verification_url":"https://id.example/go"}"#)
        let prompt = try await flow.begin(key, oauth2, wantsCode: false)
        provider.answer(400, #"{"error":"\#(error)"}"#)
        guard case .failed(let failure) = try await flow.poll(prompt, key, oauth2) else {
            Issue.record("it should have failed")
            return
        }
        #expect(failure.text.contains(words))
    }

    @Test
    func `the link has PKCE and state, and the pasted address is looked at`() async throws {
        let prompt = try await flow.begin(key, oauth2, wantsCode: true)
        #expect(prompt.url.hasPrefix("https://id.example/auth?x=1&response_type=code&client_id=client"))
        #expect(prompt.url.contains("redirect_uri=http%3A%2F%2Flocalhost"))
        #expect(prompt.url.contains("code_challenge_method=S256"))
        let verifier = try #require(prompt.verifier)
        #expect(prompt.url.contains("code_challenge=\(PKCE(verifier: verifier).challenge)"))
        #expect(!prompt.url.contains(verifier))
        let state = try #require(prompt.state)
        await #expect(throws: TokenFailure.self) {
            try await flow.finish(prompt, pasted: "http://localhost/?state=other&code=C1", key, oauth2)
        }
        #expect(provider.requests.isEmpty)
        provider.answer(200, #"{"access_token":"A1","refresh_token":"R1","expires_in":3600}"#)
        try await flow.finish(prompt, pasted: " http://localhost/?state=\(state)&code=4%2F0AX&scope=x#y\n", key, oauth2)
        #expect(
            provider.requests.last?.fields == [
                "grant_type": "authorization_code", "code": "4/0AX", "redirect_uri": "http://localhost",
                "code_verifier": verifier, "client_id": "client", "client_secret": "s3cret",
            ])
    }

    @Test(arguments: [
        ("http://localhost/?error=access_denied&error_description=No%20way", "access_denied: No way"),
        ("http://localhost/", "no code"), ("http://localhost/?x=1", "another login"), ("", "no code"),
        ("a code\u{7}", "no code"),
    ])
    func `what holds no code says so`(pasted: String, words: String) {
        do {
            let code = try AuthorizationCode.code(in: pasted, state: "s")
            Issue.record("\(code)")
        } catch {
            #expect(error.text.contains(words), "\(error.text)")
        }
    }

    /// The verifier and challenge of RFC 7636's appendix B.
    @Test
    func `the challenge is that of the RFC`() {
        let pkce = PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        #expect(pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        #expect(PKCE.random().verifier.count == 43)
    }

    @Test
    func `a token file of Postfix's plug-in is taken and proven`() async throws {
        let file = #"{"access_token":"A0","refresh_token":"R0","expiry":"0"}"#
        try await flow.importFile(Array(file.utf8), key, oauth2)
        provider.answer(200, #"{"access_token":"A1","expires_in":3600}"#)
        #expect(try await flow.check(key, oauth2) == nil)
        #expect(provider.requests.last?.fields["refresh_token"] == "R0")
        #expect(try await service.accessToken(key, oauth2) == Secret("A1"))
    }

    @Test(arguments: ["", "{}", "[]", "{\"access_token\":\"a\\n\"}", String(repeating: "x", count: 70_000)])
    func `a bad token file is refused`(text: String) async {
        await #expect(throws: TokenFailure.self) { try await flow.importFile(Array(text.utf8), key, oauth2) }
    }

    @Test(arguments: [("a b&c=d/é", "a%20b%26c%3Dd%2F%C3%A9")])
    func `forms are escaped and read back`(text: String, escaped: String) {
        #expect(FormFields.escape(text) == escaped)
        #expect(FormFields.unescape(escaped) == text)
        #expect(FormFields.unescape("%4") == nil)
        #expect(FormFields.unescape("%ff") == nil)
    }

    @Test
    func `dates are civil`() {
        #expect(UTCText.render(0) == "1970-01-01T00:00:00Z")
        #expect(UTCText.render(1_709_251_199) == "2024-02-29T23:59:59Z")
        #expect(UTCText.render(-1) == "1969-12-31T23:59:59Z")
    }
}
