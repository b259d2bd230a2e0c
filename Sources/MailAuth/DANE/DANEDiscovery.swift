package import DNSCore
import MailSyntax

/// A host that mail may go to, as DNS has named it.
package struct DANEHost: Sendable, Hashable {
    /// As the MX record or the route has it.
    package var name: String
    package var port: Int
    /// MX records that DNSSEC does not protect led here; false where there are none.
    package var isMisdirectable: Bool
    /// The addresses came with proof.
    package var hasSecureAddresses: Bool
    /// Where the name's chain of CNAMEs ended; nil when there was none.
    package var canonicalName: String?

    package init(
        name: String, port: Int, isMisdirectable: Bool = false, hasSecureAddresses: Bool = false,
        canonicalName: String? = nil
    ) {
        self.name = name
        self.port = port
        self.isMisdirectable = isMisdirectable
        self.hasSecureAddresses = hasSecureAddresses
        self.canonicalName = canonicalName
    }
}

/// What was found out about the TLSA records of a host.
package enum DANEFinding: Sendable, Hashable {
    /// There is no proof of any: the reason, in words.
    case none(String)
    case records(DANERecords)
    /// There are records, and SMTP can use none of them: encryption without authentication. // RFC 7672 §2.2
    case unusable(owner: String)
    /// They could not be asked for: the host counts as unreachable. // RFC 7672 §2.1.2
    case failed(String)
}

/// Looks for the TLSA records of hosts.
package struct DANEDiscovery: Sendable {
    private let resolver: any DNSResolver

    package init(resolver: any DNSResolver) {
        self.resolver = resolver
    }

    package func find(_ host: DANEHost) async -> DANEFinding {
        // RFC 7672 §2.2: an address, from a literal or by mistake from an MX record, has none.
        guard IPAddress(host.name) == nil else { return .none("\(host.name) is an address, not a name") }
        // RFC 7672 §2.2.1
        guard !host.isMisdirectable else { return .none("the MX records are not protected by DNSSEC") }
        switch await candidates(host) {
        case .failure(let failure): return .failed("CNAME lookup of \(host.name): \(failure)")
        case .success(let bases):
            guard !bases.isEmpty else { return .none("the addresses of \(host.name) are not protected by DNSSEC") }
            return await search(bases, port: host.port)
        }
    }

    /// The TLSA base domains to try, in order; none where nothing is signed. // RFC 7672 §2.2.2
    private func candidates(_ host: DANEHost) async -> Result<[String], DNSFailure> {
        let name = Self.plain(host.name)
        let alias = host.canonicalName.map(Self.plain).flatMap { $0 == name ? nil : $0 }
        if host.hasSecureAddresses { return .success([alias, name].compactMap { $0 }) }
        guard alias != nil else { return .success([]) }
        // The alias itself may be signed, though what it leads to is not.
        switch await resolver.resolve(name, .cname) {
        case .success(let answer): return .success(answer.secure ? [name] : [])
        case .failure(let failure): return failure.isTemporary ? .failure(failure) : .success([])
        }
    }

    private func search(_ bases: [String], port: Int) async -> DANEFinding {
        for base in bases {
            let owner = "_\(port)._tcp.\(base)"  // RFC 6698 §3
            switch await resolver.resolve(owner, .tlsa) {
            case .success(let answer):
                guard answer.secure else { continue }
                let records = DANERecords.usable(answer.tlsAssociations)
                guard !records.isEmpty else { return .unusable(owner: owner) }
                return .records(DANERecords(base: base, owner: owner, records: records))
            case .failure(let failure):
                // RFC 7672 §2.1.2: never taken for absence.
                if failure.isTemporary { return .failed("TLSA lookup of \(owner): \(failure)") }
            }
        }
        return .none("no TLSA records of \(bases.joined(separator: ", "))")
    }

    /// In lower case without the final dot.
    private static func plain(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
