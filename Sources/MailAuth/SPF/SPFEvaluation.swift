import DNSCore
import MailSyntax

/// One run of `check_host()`: counts what it asks, and writes down what it finds. // RFC 7208 §4
struct SPFEvaluation {
    /// What ends a run before its records do.
    enum Stop: Error {
        case temporary(String)
        case permanent(String)
    }

    struct Outcome {
        var verdict: SPFVerdict
        var reason: String?
        var mechanism: String?
        /// The domain whose record decided.
        var domain: SPFName?
        /// Where the explanation of a failure is.
        var explanation: SPFMacroString?
    }

    /// The names that the client's address says it has.
    struct ReverseNames {
        /// As the DNS writes them, lower-cased; no more than the limit.
        var names: [String] = []
        /// The DNS says surely that there are none.
        var isVoid = false
        /// Those that were asked for, and whether the address is theirs.
        var valid: [String: Bool] = [:]
    }

    /// Names and terms can be long; a header field is no place for that.
    private static let reasonSize = 250

    let context: SPFContext
    let resolver: any DNSResolver
    let limits: SPFLimits
    var lookups = 0
    var voidLookups = 0
    var trace = SPFTrace()
    var reverse: ReverseNames?
    /// Explanations are made after the verdict and cost nothing. // RFC 7208 §4.6.4
    var isOver = false
    /// The caller's time was up while errors were being passed over.
    var isCancelled = false

    init(_ context: SPFContext, resolver: any DNSResolver, limits: SPFLimits) {
        self.context = context
        self.resolver = resolver
        self.limits = limits
        trace.limit = limits.steps
    }

    /// Checks a domain, and finds the explanation of a failure.
    mutating func run(_ domain: SPFName, as identity: SPFIdentity, name: DomainName) async -> SPFResult {
        var outcome: Outcome
        do throws(Stop) {
            outcome = try await evaluate(domain, depth: 0)
            // RFC 7208 §4.6.4: a limit of time that is exceeded is a temporary error.
            if isCancelled { throw .temporary("\(DNSFailure.cancelled)") }
        } catch {
            switch error {
            case .temporary(let reason): outcome = Outcome(verdict: .temperror, reason: reason)
            case .permanent(let reason): outcome = Outcome(verdict: .permerror, reason: reason)
            }
        }
        outcome.reason = outcome.reason.map { SPFText.printable($0.utf8, limit: Self.reasonSize) }
        let words = [outcome.verdict.rawValue, outcome.reason].compactMap { $0 }
        trace.note(0, words.joined(separator: ": "))
        var result = SPFResult(
            verdict: outcome.verdict, reason: outcome.reason, identity: identity, domain: name,
            mechanism: outcome.mechanism, recordDomain: outcome.domain?.text, lookups: lookups,
            voidLookups: voidLookups, trace: [])
        if outcome.verdict == .fail, let target = outcome.explanation, let domain = outcome.domain {
            result.explanation = await explanation(target, domain: domain)
        }
        result.trace = trace.steps
        return result
    }

    // MARK: A record

    // RFC 7208 §4.3–§4.7
    private mutating func evaluate(_ domain: SPFName, depth: Int) async throws(Stop) -> Outcome {
        guard domain.labels > 1 else {
            return Outcome(verdict: .none, reason: "\(domain.text) is not a domain of several labels")
        }
        guard let record = try await record(of: domain, depth: depth) else {
            return Outcome(verdict: .none, reason: "\(domain.text) publishes no SPF record")
        }
        for directive in record.directives where try await matches(directive, domain, depth) {
            let verdict = directive.qualifier.verdict
            let reason = "\(context.client) matches \(directive.text) of \(domain.text)"
            return Outcome(
                verdict: verdict, reason: reason, mechanism: directive.text, domain: domain,
                explanation: record.explanation)
        }
        if let redirect = record.redirect, !record.matchesAll {
            if let outcome = try await follow(redirect, domain, depth) { return outcome }
        }
        trace.note(depth, "no mechanism of \(domain.text) matches")
        return Outcome(
            verdict: .neutral, reason: "\(context.client) matches nothing of \(domain.text)", domain: domain)
    }

    /// nil when the domain publishes none.
    private mutating func record(of domain: SPFName, depth: Int) async throws(Stop) -> SPFRecord? {
        let texts: [[UInt8]]
        switch await resolver.resolve(domain.text, .txt) {
        case .success(let answer): texts = answer.texts.filter { SPFRecord.isSPF($0) }
        // RFC 7208 §4.3, §4.4
        case .failure(let failure) where failure.isTemporary:
            trace.note(depth, "\(domain.text) TXT: \(failure)")
            throw .temporary("\(domain.text) TXT: \(failure)")
        case .failure(let failure):
            trace.note(depth, "\(domain.text) TXT: \(failure)")
            return nil
        }
        guard let text = texts.first else {
            trace.note(depth, "\(domain.text) has no SPF record")
            return nil
        }
        trace.note(depth, "\(domain.text): \(SPFText.printable(text, limit: 1000))")
        // RFC 7208 §4.5
        guard texts.count == 1 else { throw .permanent("\(domain.text) has \(texts.count) SPF records") }
        do throws(SPFSyntaxError) {
            return try SPFRecord(parsing: text, limit: limits.recordSize)
        } catch {
            throw .permanent("the record of \(domain.text): \(error)")
        }
    }

    // RFC 7208 §6.1
    private mutating func follow(
        _ redirect: SPFMacroString, _ domain: SPFName, _ depth: Int
    ) async throws(Stop) -> Outcome? {
        guard canExpand(redirect) else {
            trace.note(depth, "redirect is not followed: the sender's local part is not ASCII")
            return nil
        }
        try count("redirect of \(domain.text)")
        guard let target = try await name(redirect, domain) else {
            throw .permanent("redirect of \(domain.text) leads to no name")
        }
        trace.note(depth, "redirect to \(target.text)")
        let outcome = try await evaluate(target, depth: depth + 1)
        guard outcome.verdict != .none else {
            throw .permanent("redirect of \(domain.text) leads to \(target.text), which publishes no SPF record")
        }
        return outcome
    }

    // MARK: Mechanisms

    private mutating func matches(
        _ directive: SPFDirective, _ domain: SPFName, _ depth: Int
    ) async throws(Stop) -> Bool {
        if let spec = directive.mechanism.target, !canExpand(spec) {
            trace.note(depth, "\(directive.text): does not match: the sender's local part is not ASCII")
            return false
        }
        if directive.mechanism.asksDNS { try count("\(directive.text) of \(domain.text)") }
        switch directive.mechanism {
        case .all: return answer(true, directive, depth)
        case .network(let octets, let length):
            return answer(Self.isEqual(context.client.bytes, octets, bits: length), directive, depth)
        case .include(let spec): return try await include(spec, directive, domain, depth)
        case .ptr(let spec):
            guard let target = try await name(spec, domain) else { return answer(false, directive, depth) }
            return answer(try await hasName(in: target, depth), directive, depth)
        case .exists(let spec):
            guard let target = try await name(spec, domain) else { return answer(false, directive, depth) }
            // Whatever the client's kind of address is. // RFC 7208 §5.7
            let found = try await addresses(target.text, .a)
            trace.note(depth, "\(target.text) A: \(Self.list(found))")
            return answer(!found.isEmpty, directive, depth)
        case .a(let spec, let lengths):
            guard let target = try await name(spec, domain) else { return answer(false, directive, depth) }
            return answer(try await isAddress(of: target.text, lengths, depth), directive, depth)
        case .mx(let spec, let lengths):
            guard let target = try await name(spec, domain) else { return answer(false, directive, depth) }
            return answer(try await isExchange(of: target, lengths, depth), directive, depth)
        }
    }

    // RFC 7208 §5.2
    private mutating func include(
        _ spec: SPFMacroString, _ directive: SPFDirective, _ domain: SPFName, _ depth: Int
    ) async throws(Stop) -> Bool {
        guard let target = try await name(spec, domain) else {
            throw .permanent("\(directive.text) of \(domain.text) leads to no name")
        }
        let outcome = try await evaluate(target, depth: depth + 1)
        switch outcome.verdict {
        case .pass: return answer(true, directive, depth)
        case .none:
            throw .permanent("\(directive.text) of \(domain.text): \(target.text) publishes no SPF record")
        case .fail, .softfail, .neutral, .temperror, .permerror: return answer(false, directive, depth)
        }
    }

    /// RFC 7208 §5.3
    private mutating func isAddress(
        of host: String, _ lengths: SPFPrefixLengths, _ depth: Int
    ) async throws(Stop) -> Bool {
        let found = try await addresses(host, context.client.isV6 ? .aaaa : .a)
        trace.note(depth, "\(host) \(context.client.isV6 ? "AAAA" : "A"): \(Self.list(found))")
        let bits = context.client.isV6 ? lengths.v6 : lengths.v4
        return found.contains { Self.isEqual(context.client.bytes, $0.bytes, bits: bits) }
    }

    /// No exchanges are no exchanges: the name's own addresses don't stand in for them. // RFC 7208 §5.4
    private mutating func isExchange(
        of target: SPFName, _ lengths: SPFPrefixLengths, _ depth: Int
    ) async throws(Stop) -> Bool {
        let exchanges = try await records(target.text, .mx).compactMap { record -> MailExchange? in
            if case .mailExchange(let exchange) = record { return exchange }
            return nil
        }
        let hosts = exchanges.prefix(12).map(\.host).joined(separator: ", ")
        trace.note(depth, "\(target.text) MX: \(exchanges.isEmpty ? "none" : hosts)")
        guard exchanges.count <= limits.exchanges else {
            throw .permanent("\(target.text) has \(exchanges.count) MX records, and \(limits.exchanges) are looked at")
        }
        let order = exchanges.filter { !$0.isNull }.sorted { ($0.preference, $0.host) < ($1.preference, $1.host) }
        for exchange in order where try await isAddress(of: exchange.host, lengths, depth) { return true }
        return false
    }
}
