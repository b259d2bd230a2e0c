package import Logging
package import MailConfig
package import MailSyntax
package import SASLCore
package import SQLEngine
import Telemetry

/// Gives each login of each route its access token, renewed ahead of its end.
///
/// Invariants:
/// - One renewal at a time a key; whoever wants the token meanwhile waits for the same one.
/// - A token that came is on disk before anybody uses it: a rotated refresh token must not be lost in a crash.
/// - A token is only renewed at the endpoint, and as the client, that it came from.
/// - After a failure the provider is left alone for a while; whoever asks meanwhile hears the same failure.
package actor TokenService {
    private struct Entry {
        var kept: KeptToken
        /// Came from the provider and could not be kept yet.
        var isUnsaved = false
        /// A server did not take it, or it is due.
        var mustRenew = false
        /// What a server said when it last refused a token.
        var refusal: String?
        var failures = 0
        var lastFailure: TokenFailure?
        var pausedUntil: Timestamp?
    }

    private let store: TokenStore
    private let requests: TokenRequests
    private let clock: any WallClock
    private let timing: TokenTiming
    private let logger: Logger
    private var entries: [TokenKey: Entry] = [:]
    private var renewals: [TokenKey: Task<Result<Secret, TokenFailure>, Never>] = [:]

    /// - Parameter jitter: 0 up to 1, this process's share of chance.
    package init(
        store: TokenStore, requests: TokenRequests, clock: any WallClock = SystemClock(), logger: Logger,
        jitter: Double = Double.random(in: 0..<1)
    ) {
        self.store = store
        self.requests = requests
        self.clock = clock
        self.logger = logger
        timing = TokenTiming(jitter: jitter)
    }

    /// A token that is refused so soon after it came is not refused for its age.
    private static let newness = Duration.seconds(600)

    // MARK: Tokens

    /// A token that is valid now; renews it where it is due.
    package func accessToken(_ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) -> Secret {
        let entry = try await entry(key, oauth2)
        let now = clock.now()
        let isOver =
            entry.mustRenew || entry.kept.token.access.isEmpty || entry.kept.token.expires.map { $0 <= now } ?? false
        if !isOver, !entry.isUnsaved, timing.renewal(of: entry.kept).map({ $0 > now }) ?? true {
            return entry.kept.token.access
        }
        do throws(TokenFailure) {
            return try await renewed(key, oauth2)
        } catch  where !isOver && !entry.isUnsaved {
            // Not renewed ahead of time; the one at hand is still good.
            return entry.kept.token.access
        }
    }

    /// A mail server refused `token`. It is renewed once; a server that refuses the new one too is left alone for a while.
    package func refused(_ token: Secret, _ key: TokenKey, reason: String) {
        guard var entry = entries[key], entry.kept.token.access == token, !entry.mustRenew else { return }
        let words = PlainWords.clean(reason, limit: 300)
        let isNew = clock.now().since(entry.kept.obtained) < Self.newness
        if (isNew && entry.refusal != nil) || entry.kept.token.refresh == nil {
            let failure = TokenFailure(.refused, "the mail server does not take the token: \(words)")
            note(failure, &entry, key)
        }
        entry.refusal = words
        entry.mustRenew = true
        entries[key] = entry
    }

    /// Renews what is due, so that mail need not wait for it and a refusal is known before mail comes.
    ///
    /// - Returns: when to come again, at most an hour from now.
    package func renewDue(_ grants: [TokenKey: OAuth2]) async -> Timestamp {
        var next = clock.now().adding(.seconds(3600))
        for (key, oauth2) in grants {
            guard let entry = try? await entry(key, oauth2), entry.kept.token.refresh != nil else { continue }
            let now = clock.now()
            if let due = timing.renewal(of: entry.kept), due <= now, entry.pausedUntil.map({ $0 <= now }) ?? true {
                _ = try? await renewed(key, oauth2)
            }
            guard let current = entries[key] else { continue }
            for moment in [timing.renewal(of: current.kept), current.pausedUntil].compactMap({ $0 }) where moment > now
            {
                next = min(next, moment)
            }
        }
        return next
    }

    /// Waits for renewals that are under way: a rotated refresh token has to reach the disk.
    package func finish() async {
        for task in Array(renewals.values) { _ = await task.value }
    }

    package func status(_ key: TokenKey, _ oauth2: OAuth2) async -> TokenStatus {
        guard let entry = try? await entry(key, oauth2) else { return TokenStatus(hasToken: false, canRefresh: false) }
        let kept = entry.kept
        return TokenStatus(
            hasToken: true, validUntil: kept.token.expires?.seconds,
            canRefresh: kept.token.refresh != nil && !kept.isRevoked, obtained: kept.obtained.seconds,
            failure: kept.failure, failedAt: kept.failed?.seconds)
    }

    // MARK: Logging in

    /// Keeps a token that somebody's login gave, in place of an earlier one.
    package func adopt(_ token: OAuthToken, _ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) {
        // A renewal of the earlier token would overwrite this one.
        while let running = renewals[key] { _ = await running.value }
        let kept = KeptToken(token: token, issuer: TokenRequests.issuer(oauth2), obtained: clock.now())
        try await save(kept, key)
        entries[key] = Entry(kept: kept)
    }

    /// Renews the token now, whatever its age: the check at the end of a login.
    package func check(_ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) {
        _ = try await entry(key, oauth2)
        entries[key]?.pausedUntil = nil
        _ = try await renewed(key, oauth2)
    }

    // MARK: Renewing

    private func entry(_ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) -> Entry {
        let issuer = TokenRequests.issuer(oauth2)
        if let entry = entries[key], entry.kept.issuer == issuer { return entry }
        let kept: KeptToken?
        do {
            kept = try await store.token(key)
        } catch {
            throw TokenFailure(.local, "the token can't be read: \(error)")
        }
        guard let kept else {
            throw TokenFailure(.noToken, "nobody has logged in as \(key.login) yet: martlet route login \(key.route)")
        }
        guard kept.issuer == issuer else {
            throw TokenFailure(.noToken, "the token of \(key.login) is of another client_id or token_endpoint")
        }
        if let entry = entries[key], entry.kept.issuer == issuer { return entry }
        var entry = Entry(kept: kept)
        if kept.isRevoked { entry.lastFailure = TokenFailure(.revoked, kept.failure ?? "the token is revoked") }
        entries[key] = entry
        return entry
    }

    private func renewed(_ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) -> Secret {
        if let running = renewals[key] { return try await running.value.get() }
        if let entry = entries[key], let failure = entry.lastFailure, let until = entry.pausedUntil, until > clock.now()
        {
            throw failure
        }
        // Nobody cancels it: a waiter that leaves must not lose a token that others wait for and that can't be asked for
        // twice. The poster's time limit ends it.
        let task = Task { await renew(key, oauth2) }
        renewals[key] = task
        let result = await task.value
        return try result.get()
    }

    private func renew(_ key: TokenKey, _ oauth2: OAuth2) async -> Result<Secret, TokenFailure> {
        defer { renewals[key] = nil }
        guard var entry = entries[key] else { return .failure(TokenFailure(.noToken, "nobody has logged in")) }
        do throws(TokenFailure) {
            if !entry.isUnsaved {
                guard let refresh = entry.kept.token.refresh else {
                    throw TokenFailure(.expired, "the token of \(key.login) is over, and there is no refresh token")
                }
                let token = try await requests.refresh(refresh, oauth2)
                entry.kept = KeptToken(token: token, issuer: entry.kept.issuer, obtained: clock.now())
                entry.mustRenew = false
                entry.isUnsaved = true
            }
            entries[key] = entry
            try await save(entry.kept, key)
            entry.isUnsaved = false
            entry.failures = 0
            entry.lastFailure = nil
            entry.pausedUntil = nil
            entries[key] = entry
            logger.info(
                "an access token was renewed", metadata: [LogKey.route: "\(key.route)", LogKey.login: "\(key.login)"])
            return .success(entry.kept.token.access)
        } catch {
            note(error, &entry, key)
            entries[key] = entry
            if !entry.isUnsaved { try? await store.save(entry.kept, for: key) }
            return .failure(error)
        }
    }

    private func save(_ kept: KeptToken, _ key: TokenKey) async throws(TokenFailure) {
        do {
            try await store.save(kept, for: key)
        } catch {
            throw TokenFailure(.local, "the new token can't be kept: \(error)")
        }
    }

    /// Remembers a failure and raises the alarm.
    private func note(_ failure: TokenFailure, _ entry: inout Entry, _ key: TokenKey) {
        let now = clock.now()
        entry.failures += 1
        entry.lastFailure = failure
        entry.pausedUntil = now.adding(timing.pause(after: failure, failures: entry.failures))
        entry.kept.failure = failure.text
        entry.kept.failed = now
        entry.kept.isRevoked = failure.kind == .revoked
        logger.error(
            "no access token: mail of this login waits",
            metadata: [
                LogKey.route: "\(key.route)", LogKey.login: "\(key.login)", LogKey.reason: "\(failure.text)",
                LogKey.remedy: "\(failure.remedy(route: key.route))",
            ])
    }
}
