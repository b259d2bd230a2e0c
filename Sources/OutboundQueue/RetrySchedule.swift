package import MailSyntax

/// When a recipient is tried again: after as long as the message is old, but neither sooner than the smallest delay nor
/// later than the largest. That is Postfix's rule: attempts at 0, 5, 10, 20, 40 and 80 minutes, then about every 67.
package struct RetrySchedule: Sendable, Hashable {
    /// Between two attempts, at least.
    package var minimum: Duration
    /// Between two attempts, at most.
    package var maximum: Duration
    /// A delay is lengthened by up to this part of itself, so that what failed together does not come back together.
    package var spread: Double

    package init(minimum: Duration = .seconds(300), maximum: Duration = .seconds(4000), spread: Double = 0.1) {
        self.minimum = max(.seconds(1), minimum)
        self.maximum = max(self.minimum, maximum)
        self.spread = min(max(0, spread), 1)
    }

    /// No delay is longer.
    package var longest: Duration { maximum * (1 + spread) }

    /// The delay after an attempt that failed.
    /// - Parameters:
    ///   - age: of the message; negative where a clock was set back.
    ///   - jitter: 0 up to 1.
    package func delay(age: Duration, jitter: Double) -> Duration {
        let delay = min(max(age, minimum), maximum)
        return delay + delay * (spread * min(max(0, jitter), 1))
    }

    /// When to try next; nil when the time of the message is over, which with a lifetime of 0 is after one attempt.
    ///
    /// A delay that would reach beyond the expiry is cut, so that there is a last attempt at the end.
    /// - Parameter begin: when the message could first be tried.
    package func nextAttempt(
        since begin: Timestamp, at now: Timestamp, expiresAt: Timestamp, jitter: Double
    ) -> Timestamp? {
        guard now < expiresAt else { return nil }
        return min(now.adding(delay(age: now.since(begin), jitter: jitter)), expiresAt)
    }
}
