import MailConfig
import MailSyntax

// Which TLS is asked of a place.
extension RouteFinder {
    /// What a route writes itself holds; then the table `tls_policy`, by the next hop's text, of a plain domain also by
    /// its parents; then what is standard for the kind of route. nil: questions have to be answered first.
    mutating func tls(
        for text: String, of route: Manifest.Route?, kind: Manifest.Route.Kind
    ) -> Result<TLSRequirement, Stop>? {
        if let own = route?.tls {
            note(own, before: text, rule: "route", origin: route?.origin ?? TraceStep.builtIn)
            return .success(own)
        }
        if table.tables.contains(.tlsPolicy) {
            let found: TableFind
            if let domain = DomainName(text), !text.contains("[") {
                found = context.find(domain, in: .tlsPolicy)
            } else {
                found = context.find(key: text, in: .tlsPolicy)
            }
            switch found {
            case .asking: return nil
            case .unavailable(let reason): return .failure(Stop(decision: deferred("tls-policy", reason)))
            case .found(let answer, _): return read(answer, text)
            case .notFound: break
            }
        }
        let standard: TLSRequirement
        switch kind {
        case .lmtp: standard = TLSRequirement(level: .none)
        case .smarthost where route != nil && table.routes[route?.name ?? ""] != nil:
            standard = TLSRequirement(level: .encrypt)
        default:
            standard = table.tls
            note(standard, before: text, rule: "outbound", origin: table.tlsOrigin)
            return .success(standard)
        }
        note(standard, before: text, rule: kind.rawValue, origin: TraceStep.builtIn)
        return .success(standard)
    }

    private mutating func read(
        _ answer: TableAnswer, _ text: String
    ) -> Result<TLSRequirement, Stop> {
        do throws(TLSPolicyError) {
            let entry = try TLSPolicyEntry(parsing: answer.value)
            note(
                entry.requirement, before: text, rule: "tls-policy", origin: answer.origin,
                remark: entry.remarks.isEmpty ? nil : entry.remarks.joined(separator: "; "))
            return .success(entry.requirement)
        } catch {
            return .failure(Stop(decision: misconfigured("tls-policy", answer.origin, error.reason)))
        }
    }

    private mutating func note(
        _ tls: TLSRequirement, before: String, rule: String, origin: String, remark: String? = nil
    ) {
        let words = [remark, tls.discovery.remark].compactMap { $0 }
        context.step(
            TraceStage.tls, rule, origin: origin, before: before, after: tls.level.rawValue,
            note: words.isEmpty ? nil : words.joined(separator: "; "))
    }
}

extension TLSDiscovery {
    /// What may still change the level, for a trace.
    fileprivate var remark: String? {
        switch (contains(.dane), contains(.mtaSTS)) {
        case (true, true): "unless TLSA records or an MTA-STS policy ask for more"
        case (true, false): "unless TLSA records ask for more"
        case (false, true): "unless an MTA-STS policy asks for more"
        case (false, false): nil
        }
    }
}

/// Why an entry of a table of TLS policies says nothing that can be done.
struct TLSPolicyError: Error, Hashable {
    var reason: String
}

/// An entry of a table of TLS policies as Postfix reads it: a level, then attributes.
struct TLSPolicyEntry: Hashable {
    var requirement: TLSRequirement
    /// What of it has no effect here.
    var remarks: [String] = []

    init(parsing text: String) throws(TLSPolicyError) {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }).map(String.init)
        guard let word = words.first else { throw TLSPolicyError(reason: "the TLS policy is empty") }
        requirement = TLSRequirement(level: .may)
        switch word.lowercased() {
        case "half-dane":
            throw TLSPolicyError(reason: "there is no TLS level `half-dane`: write `dane` or `dane-only`")
        case let name:
            guard let level = TLSLevel(rawValue: name) else {
                throw TLSPolicyError(reason: "there is no TLS level `\(word)`")
            }
            requirement.level = level
        }
        for attribute in words.dropFirst() { try read(attribute) }
        if requirement.level == .fingerprint, requirement.fingerprints.isEmpty {
            throw TLSPolicyError(reason: "the TLS level `fingerprint` needs `match=` with SHA-256 fingerprints")
        }
    }

    private mutating func read(_ attribute: String) throws(TLSPolicyError) {
        let parts = attribute.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = parts.first else {
            throw TLSPolicyError(reason: "`\(attribute)` is not `name=value`")
        }
        let value = String(parts[1])
        switch name.lowercased() {
        case "match":
            if requirement.level == .fingerprint {
                requirement.fingerprints += try value.split(separator: "|").map(Self.fingerprint)
            } else {
                // `nexthop`, `dot-nexthop` and `hostname` are understood where the names are known.
                requirement.match += value.split(separator: ":").map { $0.lowercased() }
            }
        case "tafile": requirement.caFile = value
        case "servername": requirement.serverName = value == "hostname" ? nil : value
        case "ciphers", "protocols", "exclude", "connection_reuse", "enable_rpk":
            remarks.append("`\(name)` has no effect")
        default: throw TLSPolicyError(reason: "there is no attribute `\(name)`")
        }
    }

    private static func fingerprint(_ text: Substring) throws(TLSPolicyError) -> String {
        let digits = text.lowercased().filter { $0 != ":" }
        guard digits.utf8.count == 64, digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { throw TLSPolicyError(reason: "`\(text)` is not a SHA-256 fingerprint of 64 hexadecimal digits") }
        return digits
    }
}
