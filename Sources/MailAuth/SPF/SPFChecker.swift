package import DNSCore
package import MailSyntax

/// Checks whether a client may use the names of its session. // RFC 7208
///
/// The time that a check may take is the caller's to limit: cancel it, and take `temperror` for the answer.
/// RFC 7208 §4.6.4
package enum SPFChecker {
    /// Both identities of a session.
    package struct Identities: Sendable, Hashable {
        package var helo: SPFResult
        package var mailFrom: SPFResult
    }

    /// Checks MAIL FROM; where the reverse path is null, the greeting stands in for it. // RFC 7208 §2.4
    ///
    /// - Parameters:
    ///   - helo: the parameter of HELO or EHLO as it was given.
    ///   - receiver: this server's name, for macros.
    ///   - now: for macros.
    package static func check(
        client: IPAddress, helo: String, sender: ReversePath, resolver: any DNSResolver,
        limits: SPFLimits = SPFLimits(), receiver: String = "unknown", now: Timestamp
    ) async -> SPFResult {
        guard case .address(let address) = sender else {
            return await checkHELO(
                client: client, helo: helo, resolver: resolver, limits: limits, receiver: receiver, now: now)
        }
        guard let domain = address.domain else {
            return nothing(.mailFrom, "the sender has no domain but \(address.hostText)")
        }
        var context = SPFContext(client: client, helo: helo, receiver: receiver, now: now)
        if !address.localPart.isEmpty { context.localPart = Array(address.localPart.utf8) }  // RFC 7208 §4.3
        return await check(domain, as: .mailFrom, context, resolver, limits)
    }

    /// Checks MAIL FROM as somebody writes it who need not keep to the rules of addresses: without a local part, or with
    /// one that no session would take.
    ///
    /// - Parameter sender: an address, `@domain` or a domain; empty for the null reverse path.
    package static func check(
        client: IPAddress, helo: String, writtenSender sender: String, resolver: any DNSResolver,
        limits: SPFLimits = SPFLimits(), receiver: String = "unknown", now: Timestamp
    ) async -> SPFResult {
        guard !sender.isEmpty else {
            return await checkHELO(
                client: client, helo: helo, resolver: resolver, limits: limits, receiver: receiver, now: now)
        }
        let at = sender.lastIndex(of: "@")
        let written = at.map { sender[sender.index(after: $0)...] } ?? sender[...]
        // RFC 7208 §4.3
        guard let domain = DomainName(written) else { return nothing(.mailFrom, "the sender has no domain name") }
        var context = SPFContext(client: client, helo: helo, receiver: receiver, now: now)
        if let at, at > sender.startIndex { context.localPart = Array(sender[..<at].utf8) }
        return await check(domain, as: .mailFrom, context, resolver, limits)
    }

    /// Checks the name in HELO or EHLO. // RFC 7208 §2.3
    package static func checkHELO(
        client: IPAddress, helo: String, resolver: any DNSResolver, limits: SPFLimits = SPFLimits(),
        receiver: String = "unknown", now: Timestamp
    ) async -> SPFResult {
        // RFC 7208 §2.3: a literal, a number or anything malformed can't be checked.
        guard IPAddress(helo) == nil, let domain = DomainName(helo) else {
            return nothing(.helo, "the greeting is not a domain name")
        }
        let context = SPFContext(client: client, helo: helo, receiver: receiver, now: now)
        return await check(domain, as: .helo, context, resolver, limits)
    }

    /// Checks both identities, the greeting once where the reverse path is null.
    package static func checkBoth(
        client: IPAddress, helo: String, sender: ReversePath, resolver: any DNSResolver,
        limits: SPFLimits = SPFLimits(), receiver: String = "unknown", now: Timestamp
    ) async -> Identities {
        let greeting = await checkHELO(
            client: client, helo: helo, resolver: resolver, limits: limits, receiver: receiver, now: now)
        guard sender != .null else { return Identities(helo: greeting, mailFrom: greeting) }
        let path = await check(
            client: client, helo: helo, sender: sender, resolver: resolver, limits: limits, receiver: receiver, now: now
        )
        return Identities(helo: greeting, mailFrom: path)
    }

    private static func check(
        _ domain: DomainName, as identity: SPFIdentity, _ context: SPFContext, _ resolver: any DNSResolver,
        _ limits: SPFLimits
    ) async -> SPFResult {
        var context = context
        context.senderDomain = Array(domain.ascii.utf8)
        // RFC 7208 §4.3
        guard domain.labels.count > 1 else {
            return nothing(identity, "\(domain) is not a domain of several labels", domain: domain)
        }
        var evaluation = SPFEvaluation(context, resolver: resolver, limits: limits)
        return await evaluation.run(SPFName(domain), as: identity, name: domain)
    }

    /// There was nothing to ask the DNS for.
    private static func nothing(_ identity: SPFIdentity, _ reason: String, domain: DomainName? = nil) -> SPFResult {
        SPFResult(
            verdict: .none, reason: reason, identity: identity, domain: domain, lookups: 0, voidLookups: 0,
            trace: [SPFStep(depth: 0, text: "none: \(reason)")])
    }
}
