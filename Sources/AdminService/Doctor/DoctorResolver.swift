import DNSClient
import DNSCore
import MailConfig

/// Answers nothing any more after a while: names that are slow, one after the other, don't keep an operator waiting.
struct PatientResolver: DNSResolver {
    let base: any DNSResolver
    let end: ContinuousClock.Instant

    func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        guard ContinuousClock.now < end else { return .failure(.timeout) }
        return await base.resolve(name, type)
    }
}

/// Whom the doctor asks: a resolver of its own, without what the server has remembered or is told in its manifest.
struct DoctorResolver {
    var resolver: UnboundResolver
    /// For the report: who was asked, and whether signatures were checked.
    var name: String
    var validates: Bool

    /// - Parameter given: `IP`, `IP:PORT` or `[IP]:PORT` of another resolver; nil: as the manifest has it.
    /// - Throws: `AdminError` for what is no address, or what the library refuses.
    static func open(_ given: String?, _ dns: Manifest.DNS) async throws -> DoctorResolver {
        var settings = try ServerSettings.resolver(dns)
        // The world does not know what the manifest adds.
        settings.hosts = []
        settings.timeout = .seconds(8)
        if let given { settings.forwarders = [try CheckResolver.forwarder(given)] }
        let places = settings.forwarders.map { "\($0.address)@\($0.port)" }
        let place = places.isEmpty ? "from the root servers down" : places.joined(separator: ", ")
        if dns.trustAnchor != nil {
            return try make(settings, "\(place), signatures checked from server.dns.trust_anchor", validates: true)
        }
        settings.trustAnchor = .root
        let validating = try make(settings, "\(place), signatures checked", validates: true)
        // Signed for as long as the root is: what can't show that hands no signatures on.
        if case .success(let answer) = await validating.resolver.resolve("com", .ns), answer.secure {
            return validating
        }
        validating.resolver.stop()
        settings.trustAnchor = .none
        return try make(settings, "\(place), signatures not checked", validates: false)
    }

    private static func make(_ settings: ResolverSettings, _ name: String, validates: Bool) throws -> DoctorResolver {
        do {
            return DoctorResolver(resolver: try UnboundResolver(settings), name: name, validates: validates)
        } catch {
            throw AdminError(.config, "\(error)", remedy: "look at server.dns, or name another resolver with --dns")
        }
    }
}
