import DNSCore
import MailSyntax

extension SPFMechanism {
    /// The name it is about, where one is written.
    var target: SPFMacroString? {
        switch self {
        case .all, .network: nil
        case .include(let target), .exists(let target): target
        case .a(let target, _), .mx(let target, _), .ptr(let target): target
        }
    }
}

// MARK: Counted questions

extension SPFEvaluation {
    /// Counts a term that asks the DNS. // RFC 7208 §4.6.4
    mutating func count(_ term: @autoclosure () -> String) throws(Stop) {
        lookups += 1
        guard lookups <= limits.lookups else {
            throw .permanent("more than \(limits.lookups) terms ask the DNS: \(term())")
        }
    }

    /// The records of a name; none where there are none, which is counted.
    ///
    /// - Throws: when nobody knows.
    mutating func records(_ name: String, _ type: DNSRecordType) async throws(Stop) -> [DNSRecord] {
        switch await resolver.resolve(name, type) {
        case .success(let answer): return answer.records
        case .failure(.invalidName): return []
        case .failure(let failure) where failure.isAbsence:
            try countVoid("\(name) \(type)")
            return []
        // RFC 7208 §5
        case .failure(let failure):
            trace.note(0, "\(name) \(type): \(failure)")
            throw .temporary("\(name) \(type): \(failure)")
        }
    }

    private mutating func countVoid(_ question: String) throws(Stop) {
        voidLookups += 1
        guard voidLookups <= limits.voidLookups else {
            throw .permanent("more than \(limits.voidLookups) lookups without an answer: \(question)")
        }
    }

    mutating func addresses(_ name: String, _ type: DNSRecordType) async throws(Stop) -> [IPAddress] {
        try await records(name, type).compactMap { record in
            if case .address(let address) = record { return address }
            return nil
        }
    }

    /// Writes down whether a mechanism matches.
    mutating func answer(_ matches: Bool, _ directive: SPFDirective, _ depth: Int) -> Bool {
        if case .network = directive.mechanism, !matches {
            trace.pass(depth, directive.text, context.client)
        } else {
            trace.note(depth, "\(directive.text): \(matches ? "matches" : "does not match")")
        }
        return matches
    }

    static func list(_ addresses: [IPAddress]) -> String {
        guard !addresses.isEmpty else { return "none" }
        let shown = addresses.prefix(12).map(\.description).joined(separator: ", ")
        return addresses.count > 12 ? "\(shown) and \(addresses.count - 12) more" : shown
    }

    /// Whether two addresses of one kind agree in their first bits.
    static func isEqual(_ one: [UInt8], _ other: [UInt8], bits: Int) -> Bool {
        guard one.count == other.count else { return false }
        for (index, (a, b)) in zip(one, other).enumerated() {
            let left = bits - index * 8
            guard left > 0 else { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
            guard a & mask == b & mask else { return false }
        }
        return true
    }
}

// MARK: Names that macros make

extension SPFEvaluation {
    /// A local part that can't stand in a name makes terms that hold it match nothing. // RFC 8616 §4
    func canExpand(_ text: SPFMacroString) -> Bool {
        !context.hasInternationalLocalPart || !text.holds(\.holdsLocalPart)
    }

    /// The name that a term is about: the domain itself where none is written.
    ///
    /// - Returns: nil when what the macros made is no name. // RFC 7208 §4.8
    mutating func name(_ spec: SPFMacroString?, _ domain: SPFName) async throws(Stop) -> SPFName? {
        guard let spec else { return domain }
        if !isOver, reverse == nil, spec.holds({ $0 == .validatedName }) {
            // RFC 7208 §4.6.4: asking for the client's names counts, in a macro as in a mechanism.
            try count("%{p} of \(domain.text)")
        }
        return SPFName(expanded: spec.suffix(await values(for: spec, domain), limit: SPFName.expansionLimit))
    }

    mutating func values(for text: SPFMacroString, _ domain: SPFName) async -> SPFMacroValues {
        var values = SPFMacroValues(context: context, domain: domain.octets)
        if text.holds({ $0 == .validatedName }), let name = await validatedName(for: domain) {
            values.validatedName = Array(name.utf8)
        }
        return values
    }

    // MARK: The client's names

    /// RFC 7208 §5.5
    mutating func hasName(in target: SPFName, _ depth: Int) async throws(Stop) -> Bool {
        let names = await reverseNames()
        if names.isEmpty { trace.note(depth, "\(context.client) has no name") }
        if reverse?.isVoid ?? false { try countVoid("\(context.client.reverseName) PTR") }
        // Others could not match, whether they are the client's or not.
        for name in names where target.holds(name) {
            let isValid = await isValid(name)
            trace.note(depth, "\(context.client) is called \(name), which \(isValid ? "is true" : "is not confirmed")")
            if isValid { return true }
        }
        return false
    }

    /// The domain's own name goes before names below it, and those before others. // RFC 7208 §7.3
    private mutating func validatedName(for domain: SPFName) async -> String? {
        let names = await reverseNames()
        let order =
            names.filter { $0 == domain.text } + names.filter { $0 != domain.text && domain.holds($0) }
            + names.filter { !domain.holds($0) }
        for name in order where await isValid(name) { return name }
        return nil
    }

    /// Errors here are nobody's fault: there are no names then. // RFC 7208 §5.5
    private mutating func reverseNames() async -> [String] {
        if let reverse { return reverse.names }
        var found = ReverseNames()
        switch await resolver.resolve(context.client.reverseName, .ptr) {
        case .success(let answer):
            found.names = answer.names.prefix(limits.reverseNames).map { name in
                let name = name.lowercased()
                return name.hasSuffix(".") ? String(name.dropLast()) : name
            }
        case .failure(let failure):
            found.isVoid = failure.isAbsence
            isCancelled = isCancelled || failure == .cancelled
        }
        reverse = found
        return found.names
    }

    private mutating func isValid(_ name: String) async -> Bool {
        if let known = reverse?.valid[name] { return known }
        var isValid = false
        switch await resolver.resolve(name, context.client.isV6 ? .aaaa : .a) {
        case .success(let answer): isValid = answer.addresses.contains(context.client)
        case .failure(let failure): isCancelled = isCancelled || failure == .cancelled
        }
        reverse?.valid[name] = isValid
        return isValid
    }

    // MARK: Explanations

    /// The text of an explanation; whatever goes wrong, there is none. // RFC 7208 §6.2
    mutating func explanation(_ spec: SPFMacroString, domain: SPFName) async -> String? {
        isOver = true
        guard canExpand(spec), let target = try? await name(spec, domain) else { return nil }
        guard case .success(let answer) = await resolver.resolve(target.text, .txt), answer.texts.count == 1,
            let bytes = answer.texts.first,
            let text = try? SPFMacroString(parsing: bytes[...], in: .explanation), canExpand(text)
        else {
            trace.note(0, "no explanation at \(target.text)")
            return nil
        }
        let octets = text.prefix(await values(for: text, domain), limit: limits.explanationSize)
        // RFC 7208 §6.2, §11.5.2: what a sender wrote may be in it.
        guard !octets.isEmpty, octets.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        let explanation = String(decoding: octets, as: UTF8.self)
        trace.note(0, "\(domain.text) explains: \(explanation)")
        return explanation
    }
}
