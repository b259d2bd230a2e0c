import MailConfig
import MailSyntax
import MartletTesting
import SASLCore
import SQLEngine
import Testing

@testable import OAuthClient

@Suite
struct TokenServiceTests {
    private let fixture: StoreFixture
    private let provider = FakeProvider()
    private let log = LogRecorder()
    private let key = TokenKey(route: "office", login: "me@example.org")
    private let oauth2 = OAuth2.example
    private let service: TokenService
    private var store: TokenStore { TokenStore(database: fixture.database) }

    init() throws {
        fixture = try StoreFixture(migrations: OAuthSchema.migrations)
        service = Self.service(fixture, provider, log)
    }

    private static func service(_ fixture: StoreFixture, _ provider: FakeProvider, _ log: LogRecorder) -> TokenService {
        TokenService(
            store: TokenStore(database: fixture.database),
            requests: TokenRequests(poster: provider, clock: fixture.clock) { _ in "s3cret" },
            clock: fixture.clock, logger: log.logger, jitter: 0)
    }

    private func logIn(
        access: String = "A1", refresh: String? = "R1", lifetime: Duration? = .seconds(3600)
    ) async throws {
        let expires = lifetime.map { fixture.clock.now().adding($0) }
        let token = OAuthToken(access: Secret(access), refresh: refresh.map { Secret($0) }, expires: expires)
        try await service.adopt(token, key, oauth2)
    }

    private func token() async throws -> String {
        String(decoding: try await service.accessToken(key, oauth2).bytes, as: UTF8.self)
    }

    private func failure() async -> TokenFailure? {
        do {
            _ = try await service.accessToken(key, oauth2)
            return nil
        } catch {
            return error
        }
    }

    @Test
    func `a token is used until shortly before its end, then renewed with every field`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(3299))
        #expect(try await token() == "A1")
        #expect(provider.requests.isEmpty)
        fixture.clock.advance(by: .seconds(2))
        provider.answer(200, #"{"access_token":"A2","token_type":"Bearer","expires_in":3600}"#)
        #expect(try await token() == "A2")
        let request = try #require(provider.requests.first)
        #expect(request.url == "https://id.example/token")
        #expect(
            request.fields == [
                "grant_type": "refresh_token", "refresh_token": "R1", "client_id": "client", "client_secret": "s3cret",
            ])
        #expect(try await token() == "A2")
        #expect(provider.requests.count == 1)
    }

    @Test
    func `a rotated refresh token is on disk before the access token is used`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(200, #"{"access_token":"A2","refresh_token":"R2","expires_in":"3600"}"#)
        #expect(try await token() == "A2")
        let kept = try #require(try await store.token(key))
        #expect(kept.token.refresh == Secret("R2"))
        #expect(kept.token.access == Secret("A2"))
        // Another process, after a crash, goes on with what was kept.
        let second = Self.service(fixture, provider, log)
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(200, #"{"access_token":"A3","expires_in":3600}"#)
        _ = try await second.accessToken(key, oauth2)
        #expect(provider.requests.last?.fields["refresh_token"] == "R2")
    }

    @Test
    func `many who want a token wait for one renewal`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(200, #"{"access_token":"A2","expires_in":3600}"#)
        let service = service
        let (key, oauth2) = (key, oauth2)
        try await withThrowingTaskGroup(of: Secret.self) { group in
            for _ in 0..<20 { group.addTask { try await service.accessToken(key, oauth2) } }
            for try await token in group { #expect(token == Secret("A2")) }
        }
        #expect(provider.requests.count == 1)
    }

    @Test
    func `a waiter that is cancelled does not cost the others the token`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(4000))
        provider.shut()
        let (service, key, oauth2) = (service, key, oauth2)
        let waiter = Task { try await service.accessToken(key, oauth2) }
        while provider.requests.isEmpty { await Task.yield() }
        waiter.cancel()
        provider.answer(200, #"{"access_token":"A2","refresh_token":"R2","expires_in":3600}"#)
        provider.open()
        #expect(try await token() == "A2")
        #expect(try await store.token(key)?.token.refresh == Secret("R2"))
    }

    @Test
    func `a provider that is away costs nothing while the token is good`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(3500))
        provider.fail("id.example did not answer in time")
        #expect(try await token() == "A1")
        // It is left alone for a while.
        #expect(try await token() == "A1")
        #expect(provider.requests.count == 1)
        fixture.clock.advance(by: .seconds(200))
        provider.fail("id.example did not answer in time")
        #expect(await failure()?.kind == .unreachable)
        fixture.clock.advance(by: .seconds(40))
        provider.answer(200, #"{"access_token":"A2","expires_in":3600}"#)
        #expect(try await token() == "A2")
        #expect(await service.status(key, oauth2).failure == nil)
    }

    @Test
    func `revocation raises an alarm, asks no more, and a new login ends it`() async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(400, #"{"error":"invalid_grant","error_description":"Token R1 has been revoked."}"#)
        let found = await failure()
        #expect(found?.kind == .revoked)
        #expect(found?.text == "id.example says invalid_grant: Token R1 has been revoked.")
        #expect(
            log.lines.contains { $0.hasPrefix("error no access token") && $0.contains("martlet route login office") })
        fixture.clock.advance(by: .seconds(1800))
        #expect(await failure()?.kind == .revoked)
        #expect(provider.requests.count == 1)
        try await logIn(access: "B1")
        #expect(try await token() == "B1")
    }

    @Test
    func `a secret that the provider says back is not shown`() async throws {
        try await logIn(refresh: "REFRESH-TOKEN-1")
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(
            400, #"{"error":"invalid_grant","error_description":"bad REFRESH-TOKEN-1 of s3cret\u001b[2J\u0007"}"#)
        let text = try #require(await failure()?.text)
        #expect(text == "id.example says invalid_grant: bad ••• of ••• [2J")
        let everything = log.lines.joined()
        #expect(!everything.contains("REFRESH-TOKEN-1") && !everything.contains("s3cret"))
    }

    @Test
    func `a token that a server refuses is renewed once, and once only`() async throws {
        try await logIn()
        await service.refused(Secret("A1"), key, reason: "535 5.7.8 expired")
        provider.answer(200, #"{"access_token":"A2","expires_in":3600}"#)
        #expect(try await token() == "A2")
        await service.refused(Secret("A2"), key, reason: "535 5.7.3 wrong mailbox")
        let found = await failure()
        #expect(found?.kind == .refused)
        #expect(found?.text.contains("wrong mailbox") == true)
        #expect(provider.requests.count == 1)
        fixture.clock.advance(by: .seconds(3601))
        provider.answer(200, #"{"access_token":"A3","expires_in":3600}"#)
        #expect(try await token() == "A3")
    }

    @Test
    func `a refusal of a token that is not the one at hand changes nothing`() async throws {
        try await logIn(access: "A2")
        await service.refused(Secret("A1"), key, reason: "late")
        #expect(try await token() == "A2")
    }

    @Test
    func `without a refresh token the end is the end`() async throws {
        try await logIn(refresh: nil)
        #expect(try await token() == "A1")
        fixture.clock.advance(by: .seconds(3601))
        #expect(await failure()?.kind == .expired)
        #expect(provider.requests.isEmpty)
    }

    @Test
    func `a token is not shown to another client or endpoint`() async throws {
        try await logIn()
        var other = oauth2
        other.tokenEndpoint = "https://evil.example/token"
        fixture.clock.advance(by: .seconds(4000))
        await #expect(throws: TokenFailure.self) { try await service.accessToken(key, other) }
        #expect(provider.requests.isEmpty)
    }

    @Test(arguments: [
        (200, "", "no JSON"), (200, "<html>", "no JSON"), (200, "{}", "no access token"), (302, "", "redirect"),
        (503, "busy", "503"), (200, #"{"access_token":"a\u0001b"}"#, "no access token"),
        (200, #"{"access_token":"a","token_type":"mac"}"#, "of the type mac"), (200, "[1]", "no JSON"),
        (500, #"{"access_token":"a"}"#, "500"), (200, #"{"access_token":7}"#, "no JSON"),
        (401, #"{"error":"invalid_client"}"#, "invalid_client"),
    ])
    func `garbage is a failure in words, and the refresh token stays`(
        status: Int, body: String, words: String
    ) async throws {
        try await logIn()
        fixture.clock.advance(by: .seconds(4000))
        provider.answer(status, body)
        let text = try #require(await failure()?.text)
        #expect(text.contains(words), "\(text)")
        #expect(try await store.token(key)?.token.refresh == Secret("R1"))
    }

    @Test
    func `what is due is renewed without anybody asking`() async throws {
        try await logIn()
        #expect(await service.renewDue([key: oauth2]) == fixture.clock.now().adding(.seconds(3300)))
        fixture.clock.advance(by: .seconds(3300))
        provider.answer(200, #"{"access_token":"A2","expires_in":3600}"#)
        #expect(await service.renewDue([key: oauth2]) == fixture.clock.now().adding(.seconds(3300)))
        #expect(provider.requests.count == 1)
        #expect(
            await service.status(key, oauth2).text(route: "office", now: fixture.clock.now()).hasPrefix(
                "valid until 2026-"))
    }
}
