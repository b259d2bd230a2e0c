/// How one session ended with respect to TLS, for the reports of RFC 8460. Equal ones are counted together.
package struct TLSSessionResult: Sendable, Hashable {
    /// The domain that is told.
    package var domain: String
    /// `tlsa`, `sts` or `no-policy-found`. // RFC 8460 §4.4
    package var policyType: String
    /// The policy's lines, or the TLSA records.
    package var policy: [String]
    /// The hosts that an MTA-STS policy names, or the host that the TLSA records are for.
    package var hosts: [String]
    /// One of RFC 8460 §4.3; nil for a session as secure as it should be, of which only the above is kept.
    package var failure: String?
    /// The host that was spoken to.
    package var host: String?
    /// Our address, and the host's.
    package var sendingAddress: String?
    package var receivingAddress: String?
    /// In words.
    package var reason: String?

    package init(
        domain: String, policyType: String, policy: [String] = [], hosts: [String] = [], failure: String? = nil,
        host: String? = nil, sendingAddress: String? = nil, receivingAddress: String? = nil, reason: String? = nil
    ) {
        self.domain = domain
        self.policyType = policyType
        self.policy = policy
        self.hosts = hosts
        self.failure = failure
        self.host = host
        self.sendingAddress = sendingAddress
        self.receivingAddress = receivingAddress
        self.reason = reason
    }

    /// Of all that two results may differ in: a row's key within a day and a domain. FNV-1a, 64 bits.
    var fingerprint: Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        let texts = [policyType] + policy + [""] + hosts + [""]
        for text in texts + [failure, host, sendingAddress, receivingAddress, reason].map({ $0 ?? "" }) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        return Int64(bitPattern: hash)
    }
}

/// What was counted on a day.
package struct CountedTLSResult: Sendable, Hashable {
    /// Days since 1970-01-01 UTC.
    package var day: Int
    package var result: TLSSessionResult
    package var sessions: Int

    package init(day: Int, result: TLSSessionResult, sessions: Int) {
        self.day = day
        self.result = result
        self.sessions = sessions
    }
}
