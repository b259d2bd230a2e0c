package import DNSCore
import MailSyntax
package import OutboundQueue

/// From a destination to the addresses to try, in order. // RFC 5321 §5.1
package struct MXRouter: Sendable {
    /// Hosts of a destination that are looked at; a longer list helps nobody.
    package static let maximumHosts = 10

    private let resolver: any DNSResolver
    private let own: OwnEndpoints

    package init(resolver: any DNSResolver, own: OwnEndpoints = OwnEndpoints()) {
        self.resolver = resolver
        self.own = own
    }

    /// The targets of a domain.
    /// - Parameters:
    ///   - destination: a domain in A-labels.
    ///   - port: of its hosts.
    ///   - limit: addresses at most.
    ///   - generator: lets hosts of one preference take turns (RFC 5321 §5.1). A value, not `inout`: the thread
    ///     sanitizer follows the address of an empty generator into nowhere when it is borrowed across a wait.
    package func targets(
        for destination: String,
        port: Int = 25,
        limit: Int,
        using generator: some RandomNumberGenerator & Sendable
    ) async -> Result<[RouteTarget], DeliveryFailure> {
        let exchanges: [MailExchange]
        let proof: HostProof
        switch await mailExchanges(of: destination) {
        case .failure(let failure): return .failure(failure)
        case .success(let found): (exchanges, proof) = found
        }
        var generator = generator
        switch Self.order(exchanges, own: own.containsExchange, using: &generator) {
        case nil: return .failure(Self.loop(destination))
        case .some(let hosts):
            return await addresses(
                of: Array(hosts.prefix(Self.maximumHosts)), proof, for: destination, limit: limit, port: port)
        }
    }

    /// The targets of one host, whose MX records are not asked for.
    package func targets(ofHost host: String, port: Int, limit: Int) async -> Result<[RouteTarget], DeliveryFailure> {
        guard !own.contains(host, port: port) else { return .failure(Self.loop(host)) }
        if let address = IPAddress(host) {
            guard !own.contains(address, port: port) else { return .failure(Self.loop(host)) }
            return .success([RouteTarget(host: host, address: address, port: port)])
        }
        let exchange = MailExchange(preference: 0, host: host)
        return await addresses(of: [exchange], HostProof(), for: host, limit: limit, port: port)
    }

    /// The target of a Unix-domain socket.
    package func target(ofSocket path: String) -> Result<[RouteTarget], DeliveryFailure> {
        own.sockets.contains(path) ? .failure(Self.loop(path)) : .success([RouteTarget(socket: path)])
    }

    // MARK: MX

    private func mailExchanges(of domain: String) async -> Result<([MailExchange], HostProof), DeliveryFailure> {
        switch await resolver.resolve(domain, .mx) {
        case .success(let answer):
            let exchanges = answer.mailExchanges
            let named = exchanges.filter { !$0.isNull }
            if named.isEmpty {  // RFC 7505 §4.1
                return .failure(
                    Self.permanent(EnhancedStatusCode(5, 1, 10), "\(domain) does not accept mail (null MX)"))
            }
            let proof = HostProof(isMisdirectable: !answer.secure, nextHopAlias: answer.canonicalName)
            return .success((named, proof))
        case .failure(.noData):
            // RFC 5321 §5.1: without MX records the domain is its own host.
            return .success(([MailExchange(preference: 0, host: domain)], HostProof()))
        case .failure(.nonexistentName):
            return .failure(Self.permanent(EnhancedStatusCode(5, 1, 2), "domain \(domain) does not exist"))
        case .failure(.invalidName):
            return .failure(Self.permanent(EnhancedStatusCode(5, 1, 2), "domain \(domain) is not a valid name"))
        case .failure(let failure):
            return .failure(Self.temporary("MX lookup of \(domain): \(failure)"))
        }
    }

    /// Hosts by preference, those of one preference shuffled; when this server is among them, only what is preferred
    /// to it. nil when nothing is left: mail would come back to us. // RFC 5321 §5.1
    static func order(
        _ exchanges: [MailExchange],
        own isOwn: (String) -> Bool,
        using generator: inout some RandomNumberGenerator
    ) -> [MailExchange]? {
        let ownPreference = exchanges.filter { isOwn($0.host) }.map(\.preference).min()
        let usable = exchanges.filter { $0.preference < ownPreference ?? .max || ownPreference == nil }
        guard !usable.isEmpty else { return nil }
        let shuffled = usable.shuffled(using: &generator)
        var hosts: [MailExchange] = []
        // The sort is stable only by chance, so the shuffled place is part of the key.
        for exchange in shuffled.enumerated().sorted(by: {
            ($0.element.preference, $0.offset) < ($1.element.preference, $1.offset)
        }) where !hosts.contains(where: { $0.host == exchange.element.host }) {
            hosts.append(exchange.element)
        }
        return hosts
    }

    // MARK: Addresses

    private func addresses(
        of hosts: [MailExchange],
        _ proof: HostProof,
        for destination: String,
        limit: Int,
        port: Int
    ) async -> Result<[RouteTarget], DeliveryFailure> {
        var found: [(preference: UInt16, target: RouteTarget)] = []
        var temporary: DNSFailure?
        var loops = false
        for exchange in hosts where found.count < limit {
            let host = exchange.host
            async let four = resolver.resolve(host, .a)
            async let six = resolver.resolve(host, .aaaa)
            var addresses: [IPAddress] = []
            var proof = proof
            proof.hasSecureAddresses = true
            for result in [await four, await six] {
                switch result {
                case .success(let answer):
                    addresses += answer.addresses
                    proof.add(answer)
                case .failure(let failure): if failure.isTemporary { temporary = failure }
                }
            }
            // RFC 5321 §5.1: an address of ours ends the list, whatever name it goes by, and takes its equals with it.
            if addresses.contains(where: { own.contains($0, port: port) }) {
                found.removeAll { $0.preference >= exchange.preference }
                loops = true
                break
            }
            found += addresses.map { address in
                var target = RouteTarget(host: host, address: address, port: port)
                target.proof = proof
                return (exchange.preference, target)
            }
        }
        if !found.isEmpty { return .success(found.prefix(limit).map(\.target)) }
        // Of hosts that could not be looked up one may be a better one than this server.
        if loops, temporary == nil { return .failure(Self.loop(destination)) }
        if let temporary { return .failure(Self.temporary("address lookup for \(destination): \(temporary)")) }
        return .failure(
            Self.permanent(EnhancedStatusCode(5, 4, 4), "no address was found for a mail host of \(destination)"))
    }

    // MARK: Failures

    private static func loop(_ destination: String) -> DeliveryFailure {
        permanent(EnhancedStatusCode(5, 4, 6), "mail for \(destination) loops back to this server")
    }

    private static func permanent(_ status: EnhancedStatusCode, _ text: String) -> DeliveryFailure {
        DeliveryFailure(.destination, .permanent, DeliveryReply(status: status, text: text))
    }

    private static func temporary(_ text: String) -> DeliveryFailure {
        DeliveryFailure(.destination, .temporary, DeliveryReply(status: EnhancedStatusCode(4, 4, 3), text: text))
    }
}

extension HostProof {
    /// Addresses of one family; both have to be proven.
    fileprivate mutating func add(_ answer: DNSAnswer) {
        if !answer.secure { hasSecureAddresses = false }
        canonicalName = canonicalName ?? answer.canonicalName
    }
}
