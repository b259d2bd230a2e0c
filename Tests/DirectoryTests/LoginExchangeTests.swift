import MailSyntax
import SASLCore
import Synchronization
import Testing

@testable import Directory

/// One account in memory, and what was learnt of each login.
private final class Source: CredentialSource, Sendable {
    struct Unreachable: Error {}

    let account: AccountCredentials?
    let fails = Mutex(false)

    init(_ values: [(CredentialKind, String, label: String)], enabled: Bool = true) throws {
        let address = try #require(EmailAddress("ann@example.com"))
        let account = Account(
            id: AccountID(rawValue: 1), address: address, name: nil, isEnabled: enabled, quota: nil,
            createdAt: Timestamp(microseconds: 0))
        let stored = values.enumerated().map {
            StoredCredential(
                id: Int64($0.offset + 1), kind: $0.element.0, value: $0.element.1, label: $0.element.label)
        }
        self.account = AccountCredentials(account: account, credentials: stored)
    }

    func credentials(for login: String) async throws -> AccountCredentials? {
        if fails.withLock({ $0 }) { throw Unreachable() }
        return login == "ann@example.com" ? account : nil
    }

    func addCredential(_ credential: NewCredential, to account: AccountID) async throws {}
    func decoySecret() async throws -> Secret? { Secret("the same at every start, 32 octets") }
}

private let verifier = SCRAMVerifier(password: Secret("pencil"), salt: Array("0123456789abcdef".utf8)).text
/// A hash of nothing: only its label matters.
private let hash = "{SHA256}47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

@Suite struct LoginExchangeTests {
    private func authenticator(
        _ source: Source, _ adjust: (inout AuthenticatorOptions) -> Void = { _ in }
    ) -> Authenticator {
        var options = AuthenticatorOptions()
        options.hashCost = 1
        adjust(&options)
        return Authenticator(source: source, options: options, now: { .zero })
    }

    /// The end of a SCRAM exchange with that password, and the salt that the server told.
    private func scram(
        _ authenticator: Authenticator, _ login: String = "Ann@Example.com", _ password: String = "pencil",
        client: IPAddress? = IPAddress("192.0.2.1")
    ) async throws -> (LoginReport?, salt: String) {
        let identity = SASLClientIdentity(login: login, secret: Secret(password))
        var peer = SASLClient(.scramSHA256, identity: identity, nonce: "clientnonce")
        var exchange = LoginExchange(
            .scramSHA256, authenticator: authenticator, client: try #require(client), binding: nil)
        var step = await exchange.start(initialResponse: peer.initialResponse())
        var salt = ""
        for _ in 0..<4 {
            switch step {
            case .challenge(let challenge):
                let fields = String(decoding: challenge, as: UTF8.self).split(separator: ",")
                if fields.count == 3 { salt = String(fields[1]) }
                guard case .response(let response) = peer.respond(to: challenge) else { return (nil, salt) }
                step = await exchange.respond(response)
            case .judged(let report, let told):
                #expect(told == login)
                return (report, salt)
            case .credentials, .failed: return (nil, salt)
            }
        }
        return (nil, salt)
    }

    @Test func aVerifierLogsIn() async throws {
        let logins = authenticator(try Source([(.password, hash, "a"), (.scramSHA256, verifier, "a")]))
        let report = try #require(try await scram(logins).0)
        guard case .success(let account) = report.outcome else { return #expect(Bool(false), "\(report.reason)") }
        #expect(account.address.description == "ann@example.com" && report.reason == .verified)
        #expect(try await scram(logins, "ann@example.com", "pen").0?.reason == .wrongPassword)
    }

    @Test(arguments: [
        // The password that a verifier was made of is gone: so is what was made of it.
        [(CredentialKind.password, hash, label: "new"), (.scramSHA256, verifier, label: "old")],
        [(.scramSHA256, verifier, label: "")], [(.password, hash, label: "a")], [],
        [(.password, hash, label: "a"), (.scramSHA256, "{SCRAM-SHA-256}damaged", label: "a")],
    ])
    func withoutAVerifierEveryPasswordIsWrong(_ credentials: [(CredentialKind, String, label: String)]) async throws {
        let report = try await scram(authenticator(try Source(credentials))).0
        guard case .invalidCredentials = report?.outcome, case .unusableCredential = report?.reason else {
            return #expect(Bool(false), "\(String(describing: report?.reason))")
        }
    }

    @Test(arguments: ["{PLAIN}pencil", verifier]) func somePasswordsAreVerifiersThemselves(stored: String) async throws
    {
        let logins = authenticator(try Source([(.password, stored, "a")]))
        guard case .success = try await scram(logins).0?.outcome else { return #expect(Bool(false)) }
        #expect(try await scram(logins, "ann@example.com", "pen").0?.reason == .wrongPassword)
    }

    @Test func whoDoesNotExistLooksLikeWhoDoes() async throws {
        let source = try Source([(.password, hash, "a"), (.scramSHA256, verifier, "a")])
        let first = try await scram(authenticator(source), "nobody@example.com")
        // After a restart the answer is the same.
        let second = try await scram(authenticator(source), "NOBODY@example.com")
        let other = try await scram(authenticator(source), "somebody@example.com")
        let known = try await scram(authenticator(source))
        #expect(first.0?.reason == .unknownAccount && first.salt == second.salt && first.salt != other.salt)
        #expect(first.salt.utf8.count == known.salt.utf8.count)
        #expect(try await scram(authenticator(source), "not an address").0?.reason == .unknownAccount)
    }

    @Test func failuresAreThrottledAndSwitchedOffAccountsToldSo() async throws {
        let logins = authenticator(try Source([(.password, hash, "a"), (.scramSHA256, verifier, "a")])) {
            $0.throttle.burst = 2
        }
        for _ in 0..<2 { _ = try await scram(logins, "ann@example.com", "pen") }
        #expect(try await scram(logins).0?.reason == .throttled)
        #expect(try await scram(logins, client: IPAddress("192.0.2.2")).0?.reason == .verified)
        let off = authenticator(try Source([(.password, verifier, "a")], enabled: false))
        #expect(try await scram(off).0?.reason == .accountDisabled)
        #expect(try await scram(off, "ann@example.com", "pen").0?.reason == .wrongPassword)
        let away = try Source([])
        away.fails.withLock { $0 = true }
        guard case .temporaryFailure = try await scram(authenticator(away)).0?.outcome else {
            return #expect(Bool(false))
        }
    }

    // MARK: tokens

    private func token(
        _ verdict: TokenVerdict, login: String? = nil, enabled: Bool = true, mechanism: SASLMechanism = .oauthBearer
    ) async throws -> (LoginReport?, explanation: String?) {
        let logins = authenticator(try Source([], enabled: enabled)) {
            $0.tokens = { token in token == Secret("abc") ? verdict : .unavailable("another token") }
        }
        var exchange = LoginExchange(
            mechanism, authenticator: logins, client: try #require(IPAddress("192.0.2.1")), binding: nil)
        let head = mechanism == .xoauth2 ? "user=\(login ?? "")" : "n,\(login.map { "a=\($0)" } ?? ""),"
        var step = await exchange.start(initialResponse: Array("\(head)\u{1}auth=Bearer abc\u{1}\u{1}".utf8))
        var explanation: String?
        if case .challenge(let octets) = step {
            explanation = String(decoding: octets, as: UTF8.self)
            step = await exchange.respond([1])
        }
        guard case .judged(let report, _) = step else { return (nil, explanation) }
        return (report, explanation)
    }

    @Test func aGoodTokenLogsInWhomItWasGivenTo() async throws {
        for login in [nil, "ANN@example.com"] {
            let (report, explanation) = try await token(.valid(login: "Ann@example.com"), login: login)
            guard case .success = report?.outcome else { return #expect(Bool(false)) }
            #expect(explanation == nil)
        }
        let old = try await token(.valid(login: "ann@example.com"), login: "ann@example.com", mechanism: .xoauth2)
        guard case .success = old.0?.outcome else { return #expect(Bool(false)) }
    }

    @Test func otherTokensAreRefusedWithAReason() async throws {
        let scope = try await token(.refused(.insufficientScope, scope: "mail"), login: "ann@example.com")
        #expect(scope.explanation == #"{"status":"insufficient_scope","scope":"mail"}"#)
        guard case .invalidCredentials = scope.0?.outcome else { return #expect(Bool(false)) }
        let other = try await token(.valid(login: "bob@example.com"), login: "ann@example.com")
        #expect(other.0?.reason == .authorizationDenied)
        #expect(other.explanation == #"{"status":"invalid_token"}"#)
        let nobody = try await token(.valid(login: "bob@example.com"))
        #expect(nobody.0?.reason == .unknownAccount && nobody.explanation != nil)
        let off = try await token(.valid(login: "ann@example.com"), enabled: false)
        #expect(off.0?.reason == .accountDisabled && off.explanation == nil)
        let away = try await token(.unavailable("no answer"))
        guard case .temporaryFailure = away.0?.outcome else { return #expect(Bool(false)) }
        #expect(away.explanation == nil)
    }
}
