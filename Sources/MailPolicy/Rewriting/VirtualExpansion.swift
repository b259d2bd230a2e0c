import MailConfig
import MailSyntax

/// What virtual aliases make of a recipient.
enum VirtualExpansion {
    case asking
    /// No table has the address.
    case notFound
    /// Each once, in the order they were found; the address itself where an entry names it.
    case found([EmailAddress])
    case unavailable(String)
    /// Aliases that lead to each other, or to too many: the note for the trace.
    case endless(String)
}

// Virtual aliases: a recipient becomes any number of others, here or elsewhere.
extension EvaluationContext {
    /// As in Postfix: virtual_alias_expansion_limit, virtual_alias_recursion_limit.
    private static let mostAddresses = 1000
    private static let mostNesting = 1000

    /// Expands until no table has anything for any address; one that appears in its own expansion stays.
    mutating func expandVirtual(_ recipient: EmailAddress, _ rules: RewriteRules) -> VirtualExpansion {
        guard rules.hasVirtual else { return .notFound }
        var addresses = [recipient]
        var identities: Set<String> = []
        var (isAsking, isFound) = (false, false)
        var index = 0
        while index < addresses.count {
            guard addresses.count <= Self.mostAddresses else { return .endless("more than \(Self.mostAddresses)") }
            // An address that comes again on one way would come for ever.
            var way: Set<String> = []
            chain: while true {
                let address = addresses[index]
                if identities.contains(address.folded) { break chain }
                guard way.insert(address.folded).inserted else { return .endless("a loop at \(address)") }
                guard way.count <= Self.mostNesting else { return .endless("deeper than \(Self.mostNesting)") }
                switch map(address, by: .virtual, rules) {
                case .asking:
                    isAsking = true
                    break chain
                case .notFound: break chain
                case .unavailable(let reason): return isAsking ? .asking : .unavailable(reason)
                case .found(let found, let origin):
                    isFound = true
                    let text = found.map(\.description).joined(separator: ", ")
                    step(TraceStage.expansion, "virtual", origin: origin, before: "\(address)", after: text)
                    if found.contains(where: { $0.folded == address.folded }) { identities.insert(address.folded) }
                    addresses.replaceSubrange(index...index, with: found.prefix(1))
                    addresses += found.dropFirst()
                }
            }
            index += 1
        }
        if isAsking { return .asking }
        return isFound ? .found(Self.unique(addresses)) : .notFound
    }

    private static func unique(_ addresses: [EmailAddress]) -> [EmailAddress] {
        var seen: Set<String> = []
        return addresses.filter { seen.insert($0.folded).inserted }
    }

    /// Whether a domain is hosted by a key of the virtual aliases; nil while asking.
    mutating func isVirtualDomain(_ domain: DomainName?, _ rules: RewriteRules) -> TableFind {
        guard rules.hasVirtual, let domain else { return .notFound }
        return find(key: domain.ascii, in: .virtual)
    }
}
