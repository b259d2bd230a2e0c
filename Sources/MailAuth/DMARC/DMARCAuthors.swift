package import MailMessage
package import MailSyntax

/// The domains that the `From` of a message names. // RFC 9989 §5.3.1
package struct DMARCAuthors: Sendable, Hashable {
    /// Each once, in order.
    package var domains: [DomainName] = []
    /// There is something in the field that could show a reader an author, and is no address.
    package var isUnclear = false
    /// How many fields there are; one is right. // RFC 5322 §3.6
    package var fields = 0

    /// More authors than this are nobody's letter.
    static let mostDomains = 8
    private static let mostAddresses = 200

    package init(_ domains: [DomainName] = []) {
        self.domains = domains
        fields = domains.isEmpty ? 0 : 1
    }

    /// All fields count: one reader shows the first, another the last. Empty groups, addresses of hosts in brackets and
    /// names of local users have no domain.
    // RFC 6854 §2.1
    package init(_ header: HeaderBlock) {
        for field in header.fields where field.isNamed("From") {
            fields += 1
            guard fields <= Self.mostDomains else {
                isUnclear = true
                return
            }
            add(AddressListParser.parse(field.rawValue, limit: Self.mostAddresses))
        }
    }

    private mutating func add(_ addresses: [EnvelopeAddress]) {
        if addresses.count >= Self.mostAddresses { isUnclear = true }
        for address in addresses where !address.isGroupStart && !address.isGroupEnd {
            guard address.isComplete, let host = address.host else {
                if !address.isWithoutDomain { isUnclear = true }
                continue
            }
            if host.first == UInt8(ascii: "[") { continue }
            guard let domain = String(validating: host, as: UTF8.self).flatMap({ DomainName($0) }) else {
                isUnclear = true
                continue
            }
            guard !domains.contains(domain) else { continue }
            guard domains.count < Self.mostDomains else {
                isUnclear = true
                return
            }
            domains.append(domain)
        }
    }
}
