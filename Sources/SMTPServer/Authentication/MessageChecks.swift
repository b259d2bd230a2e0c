import DNSClient
import DNSCore
import MailAuth
import MailConfig
import MailMessage
import MailPolicy
import MailSyntax

/// Everything that is found out of one message.
struct MessageFindings: Sendable {
    var sender: SenderFindings
    var signatures: [VerifiedDKIMSignature] = []
    /// nil where it is not looked at.
    var chain: ARCChain?
    var dmarc: DMARCEvaluation?
}

/// The checks of a message that has come in.
struct MessageChecks: Sendable {
    let rules: AuthenticationRules
    let resolver: any DNSResolver
    let now: Timestamp

    private struct Signatures: Sendable {
        var signatures: [VerifiedDKIMSignature] = []
        var chain: ARCChain?
    }

    /// - Parameters:
    ///   - verifier: has seen the whole message; nil where signatures are not looked at.
    ///   - header: as it came.
    func run(_ sender: SenderChecks, _ verifier: DKIMVerifier?, header: HeaderBlock) async -> MessageFindings {
        // A third of the time is the policy's own, so that nobody escapes it who sends for a domain whose servers hang.
        let limit = rules.settings.timeout
        var findings = await early(sender, verifier, within: limit * 2 / 3)
        let authors = strictest(of: DMARCAuthors(header))
        guard judges(authors) else { return findings }
        let identifiers = findings.identifiers
        var late = DMARCEvaluation(.temporaryError("no answer in time"), author: authors.domains.first)
        late.hasUnclearAuthor = authors.isUnclear
        findings.dmarc = await ask(within: limit / 3, otherwise: late) {
            await DMARCEvaluator.evaluate(authors, identifiers, resolver: $0)
        }
        return findings
    }

    /// What needs no policy: the sender, and the signatures.
    private func early(
        _ sender: SenderChecks, _ verifier: DKIMVerifier?, within limit: Duration
    ) async -> MessageFindings {
        if let known = sender.finished {
            let verified = await verify(verifier, within: limit)
            return MessageFindings(sender: known, signatures: verified.signatures, chain: verified.chain)
        }
        async let found = sender.findings(within: limit)
        let verified = await verify(verifier, within: limit)
        return MessageFindings(sender: await found, signatures: verified.signatures, chain: verified.chain)
    }

    /// Does what asks the DNS: from what is known already, where that is enough, else within a limit.
    private func ask<Value: Sendable>(
        within limit: Duration, otherwise fallback: Value,
        _ work: @escaping @Sendable (any DNSResolver) async -> Value
    ) async -> Value {
        if let known = KnownAnswers(resolver) {
            let value = await work(known)
            // A timer and two tasks are saved for each.
            if !known.isIncomplete { return value }
        }
        return await withinLimit(limit, { [resolver] in await work(resolver) }, otherwise: fallback)
    }

    /// Without those whose mail is let off by an exception, where there are others: nobody is let off for their sake.
    private func strictest(of authors: DMARCAuthors) -> DMARCAuthors {
        guard authors.domains.count > 1, !rules.settings.domains.isEmpty else { return authors }
        let order: [Manifest.Authentication.Mode] = [.enforce, .observe, .off]
        let modes = authors.domains.map { rules.modes(for: $0).modes.dmarc }
        guard let strictest = order.first(where: modes.contains) else { return authors }
        var remaining = authors
        remaining.domains = zip(authors.domains, modes).filter { $0.1 == strictest }.map(\.0)
        return remaining
    }

    private func judges(_ authors: DMARCAuthors) -> Bool {
        guard !authors.domains.isEmpty else { return rules.settings.modes.dmarc != .off }
        return authors.domains.contains { rules.modes(for: $0).modes.dmarc != .off }
    }

    private func verify(_ verifier: DKIMVerifier?, within limit: Duration) async -> Signatures {
        guard let verifier, verifier.hasSignatures else { return Signatures() }
        let names = verifier.keyNames
        let keys = await ask(within: limit, otherwise: [:]) { await DKIMKeyLookup.ask(names, of: $0) }
        return await Self.results(verifier, keys, now, withARC: rules.mayCheckARC)
    }

    /// A signature takes a while to calculate: not on a connection's event loop.
    @concurrent
    private static func results(
        _ verifier: DKIMVerifier, _ keys: [String: DKIMKeyLookup], _ now: Timestamp, withARC: Bool
    ) async -> Signatures {
        Signatures(
            signatures: verifier.results(answers: keys, now: now),
            chain: withARC ? verifier.arcChain(answers: keys, now: now) : nil)
    }
}

extension MessageFindings {
    /// What DMARC may go by.
    var identifiers: [DMARCIdentifier] {
        [sender.sender.flatMap(DMARCIdentifier.init)].compactMap(\.self) + signatures.compactMap(DMARCIdentifier.init)
    }
}
