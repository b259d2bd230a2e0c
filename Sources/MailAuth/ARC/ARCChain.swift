package import MailSyntax

/// What became of a message's ARC chain. // RFC 8617 §4.4
package struct ARCChain: Sendable, Hashable {
    /// The words of `cv=` and of Authentication-Results.
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// There is no chain.
        case none
        case pass
        case fail
    }

    /// One custodian's three fields.
    package struct Link: Sendable, Hashable {
        /// 1 for the first.
        package var instance: Int
        /// Who sealed; a trusted sealer is one whose seal, and all seals after it, passed.
        package var sealDomain: DomainName
        package var sealSelector: String
        /// What the sealer found of the chain before it.
        package var status: Status
        /// What the sealer found of the message; nil when it can't be read.
        package var results: AuthenticationResults?
    }

    package var status: Status
    /// Why it failed, in words fit for Authentication-Results.
    package var reason: String?
    /// It failed because the DNS could not be asked. RFC 8617 §5.2.1 makes that a failure; who asks again later may
    /// find another one.
    package var isTemporary: Bool
    /// From the first to the last; empty when the structure is broken.
    package var links: [Link]
    /// The oldest instance since which the message was not changed, 0 when it never was; nil when that was not
    /// determined. // RFC 8617 §5.2 (5)
    package var oldestPass: Int?

    package init(
        status: Status,
        reason: String? = nil,
        isTemporary: Bool = false,
        links: [Link] = [],
        oldestPass: Int? = nil
    ) {
        self.status = status
        self.reason = reason
        self.isTemporary = isTemporary
        self.links = links
        self.oldestPass = oldestPass
    }

    package var keyword: String { status.rawValue }
}
