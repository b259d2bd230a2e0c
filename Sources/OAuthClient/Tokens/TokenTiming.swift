import MailSyntax

/// When a token is renewed, and how long after a failure nothing is asked.
struct TokenTiming: Sendable {
    /// Tokens are renewed this long ahead of their end, or a quarter of their life.
    var ahead: Duration = .seconds(300)
    /// Chance spreads renewals of many logins over as much again, at most.
    var jitter: Double
    /// After a failure that may pass; doubled up to `longestPause`.
    var pause: Duration = .seconds(15)
    var longestPause: Duration = .seconds(900)
    /// After one that does not pass by itself.
    var longPause: Duration = .seconds(3600)

    /// - Parameter jitter: 0 up to 1.
    init(jitter: Double) {
        self.jitter = jitter
    }

    func renewal(of kept: KeptToken) -> Timestamp? {
        guard let expires = kept.token.expires else { return nil }
        let life = max(expires.since(kept.obtained), .zero)
        let early = min(ahead, life / 4)
        return expires.adding(.zero - early - early * jitter)
    }

    /// - Parameter failures: in a row, 1 and more.
    func pause(after failure: TokenFailure, failures: Int) -> Duration {
        guard failure.isTemporary else { return longPause }
        return min(pause * (1 << min(max(failures, 1) - 1, 10)), longestPause)
    }
}
