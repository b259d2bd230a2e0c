package import DNSCore
package import MailSyntax

/// Where a report goes.
package enum ReportDestination: Sendable, Hashable {
    /// - Parameter limit: octets of the report as it is transported; nil: any.
    case mail(EmailAddress, limit: Int?)
    case https(String)

    package var text: String {
        switch self {
        case .mail(let address, _): "mailto:\(address)"
        case .https(let url): url
        }
    }
}

/// A place that gets no report, and why.
package struct RefusedDestination: Sendable, Hashable {
    package var uri: String
    package var reason: String
    /// It may be found out later.
    package var isTemporary: Bool

    package init(_ uri: String, _ reason: String, isTemporary: Bool = false) {
        self.uri = uri
        self.reason = reason
        self.isTemporary = isTemporary
    }
}

/// The places that a record names, judged.
package struct ReportDestinations: Sendable, Hashable {
    /// No place twice.
    package var accepted: [ReportDestination] = []
    package var refused: [RefusedDestination] = []

    /// Places of one report.
    static let most = 10

    /// Those of TLS-RPT, which need nobody's consent. // RFC 8460 §3
    package init(_ record: TLSRPTRecord) {
        for uri in record.uris.prefix(Self.most) {
            let scheme = uri.prefix { $0 != ":" }.lowercased()
            if scheme == "https", uri.lowercased().hasPrefix("https://"), uri.utf8.count > 8 {
                add(.https(uri))
            } else if scheme == "mailto" {
                addMail(ReportURI(uri))
            } else {
                refused.append(RefusedDestination(uri, "reports go to mailto: and https: only"))
            }
        }
    }

    /// Those of DMARC: places of other organizations count only where these agree.
    // RFC 7489 §7.1
    package init(_ policy: ObservedPolicy, resolver: any DNSResolver) async {
        guard let domain = DomainName(policy.published.domain) else { return }
        var lookup = DMARCLookup(resolver)
        for uri in policy.destinations.prefix(Self.most) {
            guard uri.text.prefix(7).lowercased() == "mailto:" else {
                refused.append(RefusedDestination(uri.text, "DMARC reports go to mailto: only"))
                continue
            }
            guard let address = Self.address(uri.text), let host = address.domain else {
                refused.append(RefusedDestination(uri.text, "it is no address"))
                continue
            }
            do throws(DNSFailure) {
                if try await Self.isInternal(host, to: domain, &lookup) {
                    add(.mail(address, limit: uri.limit))
                } else {
                    try await addExternal(uri, host, of: domain, resolver)
                }
            } catch {
                refused.append(
                    RefusedDestination(uri.text, "whether it agrees can't be found out: \(error)", isTemporary: true))
            }
        }
    }

    private static func isInternal(
        _ host: DomainName, to domain: DomainName, _ lookup: inout DMARCLookup
    ) async throws(DNSFailure) -> Bool {
        if host == domain { return true }
        let theirs = try await lookup.walk(from: host).organizationalDomain
        return try await lookup.walk(from: domain).organizationalDomain == theirs
    }

    /// RFC 7489 §7.1, steps 2 to 8
    private mutating func addExternal(
        _ uri: ReportURI, _ host: DomainName, of domain: DomainName, _ resolver: any DNSResolver
    ) async throws(DNSFailure) {
        let name = "\(domain.ascii)._report._dmarc.\(host.ascii)"
        func refuse(_ reason: String) { refused.append(RefusedDestination(uri.text, reason)) }
        guard name.utf8.count <= 253 else { return refuse("the name \(name) is too long to be asked for") }
        let records: [DMARCRecord]
        switch await resolver.resolve(name, .txt) {
        case .success(let answer): records = answer.texts.compactMap { DMARCRecord(parsing: $0) }
        case .failure(let failure):
            guard !failure.isTemporary else { throw failure }
            records = []
        }
        guard !records.isEmpty else {
            return refuse("\(host) does not agree: there is no v=DMARC1 at \(name)")
        }
        guard let instead = records.first(where: { !$0.aggregateURIs.isEmpty }) else { return addMail(uri) }
        // The place may name another one of its own.
        let addresses = instead.aggregateURIs.compactMap { text in
            Self.address(text).map { (text: text, address: $0) }
        }
        guard addresses.count == instead.aggregateURIs.count, addresses.allSatisfy({ $0.address.domain == host }) else {
            return refuse("\(name) names a place outside of \(host)")
        }
        for one in addresses.prefix(Self.most) {
            addMail(ReportURI(one.text, limit: instead.aggregateLimits[one.text] ?? uri.limit))
        }
    }

    private mutating func addMail(_ uri: ReportURI) {
        guard let address = Self.address(uri.text), address.domain != nil else {
            refused.append(RefusedDestination(uri.text, "it is no address"))
            return
        }
        add(.mail(address, limit: uri.limit))
    }

    private mutating func add(_ destination: ReportDestination) {
        if !accepted.contains(where: { $0.text == destination.text }) { accepted.append(destination) }
    }

    /// Of `mailto:dmarc%2Breports@example.org?subject=x`; header fields are not taken over. // RFC 6068 §2
    package static func address(_ uri: String) -> EmailAddress? {
        guard uri.prefix(7).lowercased() == "mailto:" else { return nil }
        var bytes: [UInt8] = []
        var rest = uri.dropFirst(7).prefix { $0 != "?" }.utf8[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                bytes.append(octet)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return EmailAddress(bytes: bytes)
    }
}
