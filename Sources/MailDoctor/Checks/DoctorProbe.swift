package import MailSyntax

/// What only sockets can tell. Each answer comes within a bounded time.
package protocol DoctorProbe: Sendable {
    /// Connects, greets, begins TLS where it is offered, and leaves.
    /// - Parameter name: sent as SNI; what the certificate is checked for.
    func visit(_ address: IPAddress, port: Int, name: String) async -> ExchangeVisit
    /// By how much this machine's clock is ahead of a time server's; nil when none answers.
    func clockError() async -> ClockReading?
    /// The MTA-STS policy of a domain, or why there is none. // RFC 8461 §3.3
    func policy(of domain: DomainName) async -> PolicyVisit
}

/// How a mail host answered.
package struct ExchangeVisit: Sendable, Hashable {
    /// Why there was no session; nil when the host greeted and answered EHLO.
    package var failure: String?
    package var offersStartTLS: Bool
    /// Why TLS did not come about though it was offered.
    package var tlsFailure: String?
    /// What was shown, its own certificate first.
    package var chain: [CertificateFacts]
    /// Why the chain is not trusted for the name; nil when it is, or there is none.
    package var distrust: String?

    package init(
        failure: String? = nil, offersStartTLS: Bool = false, tlsFailure: String? = nil, chain: [CertificateFacts] = [],
        distrust: String? = nil
    ) {
        self.failure = failure
        self.offersStartTLS = offersStartTLS
        self.tlsFailure = tlsFailure
        self.chain = chain
        self.distrust = distrust
    }
}

/// The clock of this machine beside another.
package struct ClockReading: Sendable, Hashable {
    /// Positive: this machine is ahead.
    package var ahead: Duration
    /// Whose time it was compared with.
    package var source: String

    package init(ahead: Duration, source: String) {
        self.ahead = ahead
        self.source = source
    }
}

/// What came of asking for an MTA-STS policy.
package enum PolicyVisit: Sendable, Hashable {
    /// The policy's text.
    case found([UInt8])
    case failed(String)
}

/// Whom the doctor asks beside the domain's own names.
package struct DoctorSettings: Sendable {
    /// Lists of addresses that send junk, as zones. // RFC 5782 §2
    package var blockLists: [BlockList]
    /// Hosts, or domains with MX records, whose port 25 is tried.
    package var outboundTargets: [String]
    /// The clock is compared with a time server's.
    package var comparesClock = true
    /// The time of the examination.
    package var now: Timestamp
    /// The resolver checks signatures, so that what is not secure is not signed.
    package var validates: Bool

    package init(
        blockLists: [BlockList] = BlockList.wellKnown,
        outboundTargets: [String] = ["gmail.com", "outlook.com", "yahoo.com", "gmx.net"],
        now: Timestamp, validates: Bool
    ) {
        self.blockLists = blockLists
        self.outboundTargets = outboundTargets
        self.now = now
        self.validates = validates
    }
}

/// A DNS list of addresses.
package struct BlockList: Sendable, Hashable {
    package var zone: String
    package var listsV6: Bool
    /// Where to ask to be taken off.
    package var site: String

    package init(zone: String, listsV6: Bool = false, site: String? = nil) {
        self.zone = zone
        self.listsV6 = listsV6
        self.site = site ?? zone
    }

    package static let wellKnown = [
        BlockList(zone: "zen.spamhaus.org", listsV6: true, site: "https://check.spamhaus.org/"),
        BlockList(zone: "bl.spamcop.net", site: "https://www.spamcop.net/bl.shtml"),
        BlockList(zone: "b.barracudacentral.org", site: "https://www.barracudacentral.org/lookups"),
        BlockList(zone: "psbl.surriel.com", site: "https://psbl.org/"),
        BlockList(zone: "bl.mailspike.net", site: "https://www.mailspike.org/iplookup.html"),
    ]
}
