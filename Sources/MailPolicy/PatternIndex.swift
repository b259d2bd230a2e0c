package import MailConfig
package import MailSyntax

/// A list of patterns that is asked for the first one that matches, in time that doesn't grow with the list.
package struct PatternIndex: Sendable {
    private var any: Int?
    private var null: Int?
    private var addresses: [String: Int] = [:]
    private var domains: [DomainName: Int] = [:]
    private var subdomains: [DomainName: Int] = [:]
    package let isEmpty: Bool

    package init(_ patterns: [AddressPattern]) {
        isEmpty = patterns.isEmpty
        for (index, pattern) in patterns.enumerated() {
            switch pattern {
            case .any: any = any ?? index
            case .null: null = null ?? index
            case .address(let address): addresses[address.folded] = addresses[address.folded] ?? index
            case .domain(let domain): domains[domain] = domains[domain] ?? index
            case .subdomains(let domain): subdomains[domain] = subdomains[domain] ?? index
            }
        }
    }

    /// The position of the first pattern that matches.
    package func first(matching path: ReversePath) -> Int? {
        guard let address = path.address else { return null }
        return first(matching: address)
    }

    /// The position of the first pattern that matches.
    package func first(matching address: EmailAddress) -> Int? {
        guard !isEmpty else { return nil }
        var best = any
        func offer(_ index: Int?) {
            guard let index else { return }
            best = min(best ?? index, index)
        }
        if !addresses.isEmpty { offer(addresses[address.folded]) }
        guard let domain = address.domain else { return best }
        if !domains.isEmpty { offer(domains[domain]) }
        if !subdomains.isEmpty {
            var parent = domain.parent
            while let name = parent {
                offer(subdomains[name])
                parent = name.parent
            }
        }
        return best
    }
}
