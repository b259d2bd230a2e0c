package import MailSyntax

/// How many failed logins an address may make.
package struct LoginThrottleLimits: Sendable {
    /// Failures that may be made at once before an address has to wait.
    package var burst = 10
    /// How long it takes until one more failure is forgiven.
    package var forgiveness = Duration.seconds(60)
    /// Addresses remembered; the one that failed longest ago is forgotten first.
    package var addresses = 10_000

    package init() {}
}

/// Counts failed logins for each address: a bucket that fills with failures and drains with time.
///
/// IPv6 clients count by their /64, since that is what one customer has. Time is given by the caller, from any fixed origin.
package struct LoginThrottle: Sendable {
    private struct Bucket {
        /// When the bucket is empty again.
        var emptyAt: Duration
    }

    private let limits: LoginThrottleLimits
    private var buckets: [[UInt8]: Bucket] = [:]

    package init(limits: LoginThrottleLimits = LoginThrottleLimits()) {
        self.limits = limits
    }

    /// How long the address has to wait until it may try again, or nil when it may now.
    package func wait(for address: IPAddress, now: Duration) -> Duration? {
        guard let bucket = buckets[Self.key(address)] else { return nil }
        // Full means that another failure would not fit.
        let wait = bucket.emptyAt - now - capacity + limits.forgiveness
        return wait > .zero ? wait : nil
    }

    /// Notes a failed login.
    package mutating func recordFailure(from address: IPAddress, now: Duration) {
        let key = Self.key(address)
        let emptyAt = max(buckets[key]?.emptyAt ?? now, now) + limits.forgiveness
        if buckets[key] == nil { makeRoom(now: now) }
        buckets[key] = Bucket(emptyAt: min(emptyAt, now + capacity))
    }

    /// The number of addresses remembered.
    package var count: Int { buckets.count }

    private var capacity: Duration { limits.forgiveness * max(limits.burst, 1) }

    private mutating func makeRoom(now: Duration) {
        guard buckets.count >= max(limits.addresses, 1) else { return }
        buckets = buckets.filter { $0.value.emptyAt > now }
        guard buckets.count >= max(limits.addresses, 1) else { return }
        // A tenth at a time, so that a flood of addresses does not sort the table for each of them.
        let ends = buckets.values.map(\.emptyAt).sorted()
        let threshold = ends[min(ends.count / 10, ends.count - 1)]
        buckets = buckets.filter { $0.value.emptyAt > threshold }
    }

    private static func key(_ address: IPAddress) -> [UInt8] {
        address.bytes.count == 16 ? Array(address.bytes.prefix(8)) : address.bytes
    }
}
