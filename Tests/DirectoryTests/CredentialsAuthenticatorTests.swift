import MailSyntax
import SASLCore
import Synchronization
import Testing

@testable import Directory

/// Accounts in memory, a clock moved by hand, and a count of look-ups.
private final class Fixture: CredentialSource, Sendable {
    struct Rows {
        var accounts: [String: AccountCredentials] = [:]
        var fails = false
        var addFails = false
        var added: [NewCredential] = []
    }

    struct Unreachable: Error {}

    let rows = Mutex(Rows())
    let clock = Mutex(Duration.zero)

    func credentials(for login: String) async throws -> AccountCredentials? {
        try rows.withLock { rows in
            if rows.fails { throw Unreachable() }
            return rows.accounts[login]
        }
    }

    func addCredential(_ credential: NewCredential, to account: AccountID) async throws {
        try rows.withLock { rows in
            if rows.addFails { throw Unreachable() }
            rows.added.append(credential)
            for (login, row) in rows.accounts where row.account.id == account {
                let stored = StoredCredential(
                    id: 1_000, kind: credential.kind, value: credential.value, label: credential.label)
                rows.accounts[login] = AccountCredentials(account: row.account, credentials: row.credentials + [stored])
            }
        }
    }

    func put(_ address: String, _ values: [String], enabled: Bool = true, kind: CredentialKind = .password) throws {
        let email = try #require(EmailAddress(address))
        let stored = values.enumerated().map {
            StoredCredential(id: Int64($0.offset + 1), kind: kind, value: $0.element, label: "main")
        }
        let account = Account(
            id: AccountID(rawValue: 1), address: email, name: nil, isEnabled: enabled, quota: nil,
            createdAt: Timestamp(microseconds: 0))
        rows.withLock { $0.accounts[email.folded] = AccountCredentials(account: account, credentials: stored) }
    }

    func authenticator(_ options: AuthenticatorOptions = AuthenticatorOptions()) -> Authenticator {
        var options = options
        options.hashCost = 1
        return Authenticator(source: self, options: options, now: { self.clock.withLock { $0 } })
    }
}

private func attempt(
    _ login: String,
    _ password: String,
    authorization: String? = nil,
    from client: String = "192.0.2.1"
) throws -> LoginAttempt {
    LoginAttempt(
        login: login,
        password: Secret(password),
        authorization: authorization,
        protocol: .imap,
        client: try #require(IPAddress(client))
    )
}

@Suite struct CredentialsAuthenticatorTests {
    @Test func aRightPasswordLogsInByAddressInAnyCase() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        for login in ["ann@example.com", "ANN@Example.COM"] {
            guard case .success(let account) = await authenticator.authenticate(try attempt(login, "secret")) else {
                Issue.record("\(login)")
                continue
            }
            #expect(account.address.description == "ann@example.com")
        }
    }

    @Test(arguments: ["ann@example.com", "bob@example.com", "ann", "", "ann@", "@", "ann@example.com ", "a\0"])
    func wrongPasswordsAndUnknownAccountsAnswerAlike(login: String) async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let report = await fixture.authenticator().judge(try attempt(login, "wrong"))
        guard case .invalidCredentials = report.outcome else {
            Issue.record("\(report)")
            return
        }
        #expect(report.reason == (login == "ann@example.com" ? .wrongPassword : .unknownAccount))
    }

    @Test func anyOfSeveralPasswordsWillDo() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}one", "{LANMAN}x", "{SHA}!", "{PLAIN}two"])
        let authenticator = fixture.authenticator()
        #expect(await authenticator.judge(try attempt("ann@example.com", "one")).reason == .verified)
        #expect(await authenticator.judge(try attempt("ann@example.com", "two")).reason == .verified)
        guard case .unusableCredential(let text) = await authenticator.judge(try attempt("ann@example.com", "x")).reason
        else {
            Issue.record("not reported")
            return
        }
        #expect(text.contains("{SHA}"))
    }

    @Test func disabledAccountsAreToldApartOnlyByTheRightPassword() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"], enabled: false)
        let authenticator = fixture.authenticator()
        let right = await authenticator.judge(try attempt("ann@example.com", "secret"))
        let wrong = await authenticator.judge(try attempt("ann@example.com", "wrong"))
        guard case .disabled = right.outcome, case .invalidCredentials = wrong.outcome else {
            Issue.record("\(right) \(wrong)")
            return
        }
        #expect(fixture.rows.withLock { $0.added.isEmpty })
    }

    @Test(
        arguments: [
            (nil, true), ("", true), ("Ann@example.com", true), ("bob@example.com", false), ("ann", false),
        ] as [(String?, Bool)])
    func onlyTheLoginItselfMayBeActedAs(authorization: String?, allowed: Bool) async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        for _ in 0..<2 {
            let attempt = try attempt("ann@example.com", "secret", authorization: authorization)
            let outcome = await authenticator.authenticate(attempt)
            if case .success = outcome { #expect(allowed) } else { #expect(!allowed) }
        }
    }

    @Test func aVerifiedAttemptIsRememberedForItsTimeAndForItsCredentials() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        let good = try attempt("ann@example.com", "secret")
        #expect(await authenticator.judge(good).reason == .verified)
        #expect(await authenticator.judge(good).reason == .cached)
        #expect(await authenticator.judge(try attempt("ann@example.com", "secre")).reason == .wrongPassword)
        fixture.clock.withLock { $0 = .seconds(599) }
        #expect(await authenticator.judge(good).reason == .cached)
        fixture.clock.withLock { $0 = .seconds(600) }
        #expect(await authenticator.judge(good).reason == .verified)
        try fixture.put("ann@example.com", ["{PLAIN}other"])
        #expect(await authenticator.judge(good).reason == .wrongPassword)
        try fixture.put("ann@example.com", [])
        #expect(await authenticator.judge(good).reason == .wrongPassword)
        fixture.rows.withLock { $0.accounts = [:] }
        // Nobody is told apart from somebody without a password.
        #expect(await authenticator.judge(good).reason == .cachedFailure)
    }

    @Test func disablingAnAccountWinsOverTheCache() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        _ = await authenticator.judge(try attempt("ann@example.com", "secret"))
        try fixture.put("ann@example.com", ["{PLAIN}secret"], enabled: false)
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).reason == .accountDisabled)
    }

    @Test func theRightPasswordAddsAMissingVerifierOnce() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        #expect(await authenticator.judge(try attempt("ann@example.com", "wrong")).addedVerifier == false)
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).addedVerifier)
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).reason == .cached)
        let added = fixture.rows.withLock { $0.added }
        #expect(added.map(\.label) == ["main"])
        let verifier = try #require(SCRAMVerifier(parsing: added.first?.value ?? ""))
        #expect(verifier.matches(Secret("secret")))
        #expect(!"\(added)".contains(verifier.text.dropFirst(20)))
    }

    @Test func failingToAddAVerifierDoesNotCostTheLogin() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        fixture.rows.withLock { $0.addFails = true }
        let report = await fixture.authenticator().judge(try attempt("ann@example.com", "secret"))
        #expect(report.reason == .verified)
        #expect(!report.addedVerifier)
    }

    @Test func anUnreachableDirectoryIsTemporaryAndNotCounted() async throws {
        let fixture = Fixture()
        fixture.rows.withLock { $0.fails = true }
        let authenticator = fixture.authenticator()
        for _ in 0..<30 {
            guard case .temporaryFailure = await authenticator.authenticate(try attempt("ann@example.com", "x")) else {
                Issue.record("not temporary")
                return
            }
        }
    }

    @Test func guessesFromOneAddressAreThrottled() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        for guess in 0..<10 {
            #expect(await authenticator.judge(try attempt("ann@example.com", "guess\(guess)")).reason == .wrongPassword)
        }
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).reason == .throttled)
        let elsewhere = try attempt("ann@example.com", "secret", from: "192.0.2.2")
        #expect(await authenticator.judge(elsewhere).reason == .verified)
        fixture.clock.withLock { $0 = .seconds(60) }
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).reason == .cached)
    }

    @Test func aDeviceWithAnOldPasswordIsNotThrottled() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", ["{PLAIN}secret"])
        let authenticator = fixture.authenticator()
        #expect(await authenticator.judge(try attempt("ann@example.com", "old")).reason == .wrongPassword)
        for _ in 0..<50 {
            #expect(await authenticator.judge(try attempt("ann@example.com", "old")).reason == .cachedFailure)
        }
        #expect(await authenticator.judge(try attempt("ann@example.com", "secret")).reason == .verified)
    }

    @Test func manyClientsWithOnePasswordCostFewHashes() async throws {
        let fixture = Fixture()
        try fixture.put("ann@example.com", [try await PasswordHash.make(Secret("secret"))])
        let authenticator = fixture.authenticator()
        let good = try attempt("ann@example.com", "secret")
        let reasons = await withTaskGroup(of: LoginReport.Reason.self) { group in
            for _ in 0..<100 { group.addTask { await authenticator.judge(good).reason } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(reasons.allSatisfy { $0 == .verified || $0 == .cached })
        #expect(reasons.contains(.verified))
        #expect(reasons.count { $0 == .verified } < 50)
    }

    @Test func loopbackIsNotThrottled() async throws {
        let fixture = Fixture()
        let authenticator = fixture.authenticator()
        for guess in 0..<30 {
            let attempt = try attempt("ann@example.com", "guess\(guess)", from: "127.0.0.1")
            #expect(await authenticator.judge(attempt).reason == .unknownAccount)
        }
    }

    @Test func nothingPrintsAPassword() throws {
        let credential = StoredCredential(id: 1, kind: .password, value: "{PLAIN}hunter2")
        let attempt = try attempt("ann@example.com", "hunter2")
        for text in ["\(credential)", String(reflecting: credential), "\(attempt)", String(reflecting: attempt)] {
            #expect(!text.contains("hunter2"))
        }
    }
}
