package import DNSCore
import MailSyntax

/// Compares what a domain needs with what the world sees.
///
/// Every check is a function of its own that returns findings; none throws: what can't be asked is a finding too. The
/// checks run side by side, and their findings come in a fixed order.
package struct Doctor: Sendable {
    let plan: DomainPlan
    let wanted: WantedRecords
    let resolver: any DNSResolver
    let probe: any DoctorProbe
    let settings: DoctorSettings

    package init(
        plan: DomainPlan, resolver: any DNSResolver, probe: any DoctorProbe, settings: DoctorSettings
    ) {
        self.plan = plan
        wanted = WantedRecords(plan)
        self.resolver = resolver
        self.probe = probe
        self.settings = settings
    }

    /// Looks at everything.
    /// - Parameter resolverName: how the report calls the resolver.
    package func examine(resolverName: String) async -> DoctorReport {
        if let silent = await silence(resolverName) {
            return DoctorReport(
                domain: plan.domain.ascii, hostname: plan.hostname.ascii,
                addresses: plan.addresses.filter(\.isReachable).map(\.description), resolver: resolverName,
                findings: [silent] + certificates() + (await clock()))
        }
        let (own, first) = await hostAddresses()
        let found = await Self.sideBySide(checks(own)) { await $0() }
        return DoctorReport(
            domain: plan.domain.ascii, hostname: plan.hostname.ascii, addresses: own.map(\.description),
            resolver: resolverName, findings: first + found)
    }

    private func checks(_ own: [IPAddress]) -> [@Sendable () async -> [Finding]] {
        var checks: [@Sendable () async -> [Finding]] = [
            { await helo(own) }, { await reverse(own) }, { await exchanges(own) }, { await spf(own) },
            { await dkim() }, { await dmarc() },
        ]
        if plan.kind == .hosted {
            checks += [
                { await policy() }, { await tlsReports() }, { await services() },
            ]
        }
        checks += [
            { await issuers() }, { await dnssec() }, { certificates() }, { await outbound() },
            { await blockLists(own) }, { await clock() },
        ]
        return checks
    }

    /// What to say of a resolver that answers nothing: once, and not for every record.
    private func silence(_ name: String) async -> Finding? {
        guard let trouble = await look(plan.hostname.ascii, .a).trouble, !trouble.isBogus,
            await look(plan.domain.ascii, .ns).trouble != nil, await look("com", .ns).trouble != nil
        else { return nil }
        return Finding(
            .warning, .resolver, name, "answers nothing: \(trouble)",
            fix: ["name another with --dns, or look at server.dns and at the firewall (port 53, UDP and TCP)"])
    }

    /// The findings of several questions at a time, in the order of what they are about.
    static func sideBySide<Item: Sendable>(
        _ items: [Item], _ look: @escaping @Sendable (Item) async -> [Finding]
    ) async -> [Finding] {
        await withTaskGroup(of: (Int, [Finding]).self) { group in
            for (index, item) in items.enumerated() { group.addTask { (index, await look(item)) } }
            var results: [Int: [Finding]] = [:]
            for await (index, findings) in group { results[index] = findings }
            return items.indices.flatMap { results[$0] ?? [] }
        }
    }

    // MARK: Asking

    /// What a name has of a type.
    struct Looked: Sendable {
        var answer: DNSAnswer?
        /// Why nothing can be said; nil also where the name surely has no such record.
        var trouble: DNSFailure?

        var isAlias: Bool { answer?.canonicalName != nil }
        var isSecure: Bool { answer?.secure ?? false }

        /// The TXT records that begin like one of the wanted kind; octets outside of UTF-8 are shown as U+FFFD.
        func texts(beginning prefix: String) -> [String] {
            (answer?.texts ?? []).map { String(decoding: $0, as: UTF8.self) }
                .filter { $0.lowercased().hasPrefix(prefix.lowercased()) }
        }
    }

    func look(_ name: String, _ type: DNSRecordType) async -> Looked {
        switch await resolver.resolve(name, type) {
        case .success(let answer): Looked(answer: answer)
        case .failure(let failure): Looked(trouble: failure.isAbsence ? nil : failure)
        }
    }

    /// A and AAAA records together.
    func lookAddresses(_ name: String) async -> (addresses: [IPAddress], trouble: DNSFailure?, isAlias: Bool) {
        async let v4 = look(name, .a)
        async let v6 = look(name, .aaaa)
        let both = await [v4, v6]
        return (
            both.flatMap { $0.answer?.addresses ?? [] }, both.lazy.compactMap(\.trouble).first,
            both.contains(where: \.isAlias)
        )
    }

    /// A question about the domain's own names that nobody could answer.
    func unanswered(_ check: Finding.Check, _ name: String, _ failure: DNSFailure) -> Finding {
        switch failure {
        case .bogus:
            Finding(
                .error, check, name, "\(failure)",
                reason: "for resolvers that check signatures the name does not exist",
                fix: ["sign the zone again, or remove its DS record at the registrar until it is right"])
        case .invalidName: Finding(.error, check, name, "can't be asked for: the name is too long or malformed")
        default:
            Finding(
                .warning, check, name, "could not be looked up: \(failure)",
                reason: "who can't look it up either puts mail off; or this resolver has trouble of its own")
        }
    }
}

extension DNSFailure {
    fileprivate var isBogus: Bool {
        if case .bogus = self { return true }
        return false
    }
}

extension Sequence {
    /// `a, b`; of very many the first ten.
    func listed() -> String {
        let all = map { "\($0)" }
        return all.prefix(10).joined(separator: ", ") + (all.count > 10 ? " and \(all.count - 10) more" : "")
    }
}
