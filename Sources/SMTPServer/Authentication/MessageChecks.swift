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
        async let early = sender.findings(within: limit * 2 / 3)
        let verified = await verify(verifier, within: limit * 2 / 3)
        var findings = MessageFindings(
            sender: await early, signatures: verified.signatures, chain: verified.chain)
        let authors = strictest(of: DMARCAuthors(header))
        guard judges(authors) else { return findings }
        let identifiers = findings.identifiers
        var late = DMARCEvaluation(.temporaryError("no answer in time"), author: authors.domains.first)
        late.hasUnclearAuthor = authors.isUnclear
        findings.dmarc = await withinLimit(
            limit / 3,
            { [resolver] in await DMARCEvaluator.evaluate(authors, identifiers, resolver: resolver) }, otherwise: late)
        return findings
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
        let keys = await withinLimit(
            limit, { [resolver] in await DKIMKeyLookup.ask(verifier.keyNames, of: resolver) }, otherwise: [:])
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
