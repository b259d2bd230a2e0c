import Crypto
package import MailSyntax
package import SASLCore
import Synchronization

/// Settings of an authenticator.
package struct AuthenticatorOptions: Sendable {
    /// How long a verified password is believed without hashing it again.
    package var cacheLifetime = Duration.seconds(600)
    /// Verified attempts remembered; as many wrong ones are remembered apart.
    package var cacheLimit = 4_096
    package var throttle = LoginThrottleLimits()
    /// The cost that new passwords are hashed with; unknown accounts cost the same. 0 is the library's default.
    package var hashCost: UInt = 0
    /// Clients that are never throttled. A web mail program on this machine would otherwise lock out all of its users.
    package var unthrottled: [IPNetwork] = [IPNetwork("127.0.0.0/8"), IPNetwork("::1/128")].compactMap(\.self)
    /// Whether a right password adds a SCRAM-SHA-256 verifier to an account that has none.
    package var addsMissingVerifiers: @Sendable () -> Bool = { true }
    /// Says whose an access token is; nil: tokens are not taken.
    package var tokens: (@Sendable (Secret) async -> TokenVerdict)?
    /// Told of each right login, and of each wrong one that the throttle counts, from any protocol.
    package var onVerdict: (@Sendable (_ client: IPAddress, _ isRight: Bool) -> Void)?

    package init() {}
}

/// Judges logins by password for every protocol.
///
/// An unknown account costs a hash like a known one and gets the same answer. Verified attempts are remembered under a key
/// that only this process has, so that a client with many connections does not cost a hash each; wrong ones are remembered
/// too, so that a forgotten device with an old password neither costs hashes nor uses up its address's allowance.
package final class Authenticator: Sendable {
    private struct State {
        var throttle: LoginThrottle
        var verified: VerdictCache
        var wrong: VerdictCache
        /// What unknown accounts are verified against; made when it is first needed.
        var dummy: String?
        /// What SCRAM tells of unknown accounts is made with this; fetched when it is first needed.
        var decoyKey: SymmetricKey?
    }

    let options: AuthenticatorOptions
    let pool: HashingPool
    let source: any CredentialSource
    private let now: @Sendable () -> Duration
    private let cacheKey = SymmetricKey(size: .bits256)
    private let state: Mutex<State>

    /// - Parameter now: time since any fixed origin; must not run backwards.
    package init(
        source: any CredentialSource,
        options: AuthenticatorOptions = AuthenticatorOptions(),
        pool: HashingPool = .shared,
        now: @escaping @Sendable () -> Duration = Authenticator.uptime()
    ) {
        self.source = source
        self.options = options
        self.pool = pool
        self.now = now
        state = Mutex(
            State(
                throttle: LoginThrottle(limits: options.throttle),
                verified: VerdictCache(limit: options.cacheLimit, lifetime: options.cacheLifetime),
                wrong: VerdictCache(limit: options.cacheLimit, lifetime: options.cacheLifetime)
            )
        )
    }

    /// A clock that counts from now and does not jump.
    package static func uptime() -> @Sendable () -> Duration {
        let origin = ContinuousClock.now
        return { origin.duration(to: .now) }
    }

    /// The key of `Decoy`s, from the source once.
    func decoyKey() async throws -> SymmetricKey {
        if let known = state.withLock(\.decoyKey) { return known }
        let secret = try await source.decoySecret()
        let key = secret.map { $0.withBytes { SymmetricKey(data: $0) } } ?? cacheKey
        state.withLock { $0.decoyKey = key }
        return key
    }

    package func authenticate(_ attempt: LoginAttempt) async -> LoginOutcome {
        await judge(attempt).outcome
    }

    /// Like `authenticate`, with the reason for the log.
    package func judge(_ attempt: LoginAttempt) async -> LoginReport {
        let throttled = !isExempt(attempt.client)
        let started = now()
        if throttled, state.withLock({ $0.throttle.wait(for: attempt.client, now: started) }) != nil {
            return LoginReport(.throttled, .throttled)
        }
        let report = await verdict(on: attempt)
        if throttled, report.countsAsFailure {
            let ended = now()
            state.withLock { $0.throttle.recordFailure(from: attempt.client, now: ended) }
        }
        if report.countsAsFailure { options.onVerdict?(attempt.client, false) }
        if case .success = report.outcome { options.onVerdict?(attempt.client, true) }
        return report
    }

    /// Whether the client has to wait before it may try again.
    func isThrottled(_ client: IPAddress) -> Bool {
        guard !isExempt(client) else { return false }
        let time = now()
        return state.withLock { $0.throttle.wait(for: client, now: time) } != nil
    }

    /// Counts a login that was judged elsewhere than in `judge`.
    func record(_ report: LoginReport, from client: IPAddress) {
        if report.countsAsFailure {
            let time = now()
            if !isExempt(client) { state.withLock { $0.throttle.recordFailure(from: client, now: time) } }
            options.onVerdict?(client, false)
        } else if case .success = report.outcome {
            options.onVerdict?(client, true)
        }
    }

    private func isExempt(_ client: IPAddress) -> Bool {
        options.unthrottled.contains { $0.contains(client) }
    }

    /// Runs `body` unless too many logins of the client have failed; a wrong password counts as one more.
    func throttled(_ client: IPAddress, _ body: () async -> PasswordVerdict) async -> PasswordVerdict {
        let throttled = !isExempt(client)
        let started = now()
        if throttled, state.withLock({ $0.throttle.wait(for: client, now: started) }) != nil { return .throttled }
        let verdict = await body()
        if throttled, verdict == .wrong {
            let ended = now()
            state.withLock { $0.throttle.recordFailure(from: client, now: ended) }
        }
        if verdict == .wrong || verdict == .right { options.onVerdict?(client, verdict == .right) }
        return verdict
    }

    func verdictKey(_ login: String, _ password: Secret, _ credentials: [StoredCredential]) -> VerdictCache.Key {
        VerdictCache.key(login: login, password: password, credentials: credentials, secret: cacheKey)
    }

    func rememberMismatch(_ key: VerdictCache.Key) {
        let time = now()
        state.withLock { $0.wrong.insert(key, now: time) }
    }
}

extension Authenticator {
    private func verdict(on attempt: LoginAttempt) async -> LoginReport {
        let login = EmailAddress(attempt.login)?.folded
        let found: AccountCredentials?
        do {
            found = if let login { try await source.credentials(for: login) } else { nil }
        } catch {
            return LoginReport(.temporaryFailure("the account cannot be looked up now"), .unavailable("\(error)"))
        }
        let passwords = found?.credentials.filter { $0.kind == .password } ?? []
        let key = VerdictCache.key(
            login: login ?? attempt.login, password: attempt.password, credentials: passwords, secret: cacheKey)
        switch remembered(key) {
        case false: return LoginReport(.invalidCredentials, .cachedFailure)
        case true: if let found { return conclude(attempt, found, .cached) }
        case nil: break
        }
        let check = await self.check(attempt.password, passwords, key)
        switch check {
        case .remembered(true):
            guard let found else { return LoginReport(.invalidCredentials, .unknownAccount) }
            return conclude(attempt, found, .cached)
        case .remembered(false):
            return LoginReport(.invalidCredentials, .cachedFailure)
        case .unavailable(let error):
            return LoginReport(.temporaryFailure("\(error)"), .unavailable("\(error)"))
        case .mismatch(let unusable):
            let ended = now()
            state.withLock { $0.wrong.insert(key, now: ended) }
            let reason: LoginReport.Reason = found == nil ? .unknownAccount : .wrongPassword
            return LoginReport(.invalidCredentials, unusable.map { .unusableCredential("\($0)") } ?? reason)
        case .match(let password):
            guard let found else { return LoginReport(.invalidCredentials, .unknownAccount) }
            let added = await addMissingVerifier(attempt, found, for: password)
            return conclude(attempt, found, .verified, addedVerifier: added)
        }
    }

    /// The verdict on the same attempt, if it was given a short while ago.
    func remembered(_ key: VerdictCache.Key) -> Bool? {
        let time = now()
        return state.withLock { state in
            if state.verified.contains(key, now: time) { return true }
            return state.wrong.contains(key, now: time) ? false : nil
        }
    }

    private func rememberMatch(_ key: VerdictCache.Key) {
        let time = now()
        state.withLock { $0.verified.insert(key, now: time) }
    }

    enum Check {
        case match(StoredCredential)
        case mismatch(unusable: PasswordHashError?)
        /// The same attempt was judged while this one waited for a thread.
        case remembered(Bool)
        case unavailable(PasswordHashError)
    }

    /// Tries the password on each of an account's hashes, or on a dummy when there is none that can be tried.
    func check(
        _ password: Secret,
        _ passwords: [StoredCredential],
        _ key: VerdictCache.Key
    ) async -> Check {
        var unusable: PasswordHashError?
        var hashed = false
        let known: @Sendable () -> Bool? = { self.remembered(key) }
        for credential in passwords {
            do throws(PasswordHashError) {
                switch try await PasswordHash.verify(
                    password, stored: credential.value, on: pool, unless: known, matched: { self.rememberMatch(key) }
                ) {
                case .verified(true): return .match(credential)
                case .verified(false): hashed = true
                case .known(let verdict): return .remembered(verdict)
                }
            } catch .unsupportedScheme(let name, let remedy) {
                unusable = .unsupportedScheme(name, remedy: remedy)
            } catch .damaged(let scheme) {
                unusable = .damaged(scheme: scheme)
            } catch {
                return .unavailable(error)
            }
        }
        if hashed { return .mismatch(unusable: unusable) }
        do throws(PasswordHashError) {
            let verification = try await PasswordHash.verify(
                password, stored: try dummyHash(), on: pool, unless: known, matched: {})
            switch verification {
            case .verified: return .mismatch(unusable: unusable)
            case .known(let verdict): return .remembered(verdict)
            }
        } catch {
            return .unavailable(error)
        }
    }

    /// Something of the shape and cost of a hash made here, which no password matches: a setting without a hash.
    private func dummyHash() throws(PasswordHashError) -> String {
        try state.withLock { state throws(PasswordHashError) in
            if let dummy = state.dummy { return dummy }
            guard let setting = CryptHash.yescryptSetting(cost: options.hashCost) else {
                throw .libraryFailure("crypt_gensalt_rn")
            }
            let dummy = "{CRYPT}" + setting
            state.dummy = dummy
            return dummy
        }
    }

    /// The end of a login whose password was right.
    private func conclude(
        _ attempt: LoginAttempt,
        _ found: AccountCredentials,
        _ reason: LoginReport.Reason,
        addedVerifier: Bool = false
    ) -> LoginReport {
        if let authorization = attempt.authorization, !authorization.isEmpty,
            EmailAddress(authorization)?.folded != EmailAddress(attempt.login)?.folded
        {
            return LoginReport(.invalidCredentials, .authorizationDenied, addedVerifier: addedVerifier)
        }
        guard found.account.isEnabled else {
            return LoginReport(.disabled, .accountDisabled, addedVerifier: addedVerifier)
        }
        return LoginReport(.success(found.account), reason, addedVerifier: addedVerifier)
    }

    /// Adds what SCRAM needs when that password has none. A failure costs the login nothing: the next one tries again.
    private func addMissingVerifier(
        _ attempt: LoginAttempt,
        _ found: AccountCredentials,
        for password: StoredCredential
    ) async -> Bool {
        let present = found.credentials.contains { $0.kind == .scramSHA256 && $0.label == password.label }
        guard options.addsMissingVerifiers(), found.account.isEnabled, !present else { return false }
        do {
            let verifier = try await PasswordHash.makeSCRAMVerifier(attempt.password, on: pool)
            // The password's label, so that replacing the password replaces what was made of it.
            let credential = NewCredential(kind: .scramSHA256, value: verifier.text, label: password.label)
            try await source.addCredential(credential, to: found.account.id)
            return true
        } catch {
            return false
        }
    }
}

extension LoginReport {
    /// Whether the throttle counts this attempt.
    var countsAsFailure: Bool {
        switch reason {
        case .unknownAccount, .wrongPassword, .authorizationDenied, .unusableCredential: true
        case .verified, .cached, .cachedFailure, .accountDisabled, .throttled, .unavailable: false
        }
    }
}
