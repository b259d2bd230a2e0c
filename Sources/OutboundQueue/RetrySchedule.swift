package import MailSyntax

/// When a recipient is tried again: the delay doubles from the smallest to the largest.
package struct RetrySchedule: Sendable, Hashable {
    /// Before the second attempt.
    package var minimum: Duration
    /// Between later attempts, at most.
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

    /// The delay after a number of attempts.
    /// - Parameters:
    ///   - attempts: made so far, 1 or more.
    ///   - jitter: 0 up to 1.
    package func delay(afterAttempts attempts: Int, jitter: Double) -> Duration {
        var delay = minimum
        var doublings = max(0, attempts - 1)
        while doublings > 0, delay < maximum {
            delay *= 2
            doublings -= 1
        }
        return min(delay, maximum) * (1 + spread * min(max(0, jitter), 1))
    }

    /// When to try next; nil when the time of the message is over.
    ///
    /// A delay that would reach beyond the expiry is cut, so that there is a last attempt at the end.
    package func nextAttempt(
        afterAttempts attempts: Int,
        at now: Timestamp,
        expiresAt: Timestamp,
        jitter: Double
    ) -> Timestamp? {
        guard now < expiresAt else { return nil }
        return min(now.adding(delay(afterAttempts: attempts, jitter: jitter)), expiresAt)
    }
}
