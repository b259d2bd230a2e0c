package import MailSyntax

extension DKIMVerifier {
    /// What became of the ARC chain; `none` when it was not asked for. CPU-heavy: call after ``finishBody()``.
    /// - Parameter answers: as for ``results(answers:now:)``.
    package func arcChain(answers: [String: DKIMKeyLookup], now: Timestamp) -> ARCChain {
        guard let chain else { return ARCChain(status: .none) }
        if let failure = chain.failure { return ARCChain(status: .fail, reason: failure) }
        guard let newest = chain.links.last else { return ARCChain(status: .none) }
        let links = chain.links.map(Self.describe)
        func failed(_ what: String, _ result: DKIMResult) -> ARCChain {
            var isTemporary = false
            if case .temporaryError = result { isTemporary = true }
            return ARCChain(
                status: .fail, reason: "\(what): \(result.reason ?? result.keyword)", isTemporary: isTemporary,
                links: links)
        }
        // RFC 8617 §5.2 (4)
        let message = messageSignature(newest, answers, now: now)
        guard message == .pass else { return failed("message signature \(links.count)", message) }
        // RFC 8617 §5.2 (6)
        for (index, link) in chain.links.enumerated().reversed() {
            let seal = sealResult(link, answers)
            guard seal == .pass else { return failed("seal \(index + 1)", seal) }
        }
        return ARCChain(status: .pass, links: links, oldestPass: oldestPass(chain, answers, now: now))
    }

    // RFC 8617 §5.2 (5)
    private func oldestPass(_ chain: ARCCandidate, _ answers: [String: DKIMKeyLookup], now: Timestamp) -> Int? {
        guard chain.links.count <= ARCCandidate.maximumMessageSignatures else { return nil }
        for (index, link) in chain.links.enumerated().dropLast().reversed() {
            guard messageSignature(link, answers, now: now) == .pass else { return index + 2 }
        }
        return 0
    }

    private func messageSignature(
        _ link: ARCCandidate.Link,
        _ answers: [String: DKIMKeyLookup],
        now: Timestamp
    ) -> DKIMResult {
        let signature = link.signature
        if let refusal = Self.refusal(signature, now: now, rules: rules) { return refusal }
        guard let body = hashes[BodyHashes.Key(signature)] else { return .temporaryError("body not hashed") }
        if let mismatch = Self.mismatch(signature, body) { return mismatch }
        if let limit = signature.bodyLimit, body.octets > limit, !rules.acceptsPartialBody {
            return .policy("l= leaves \(body.octets - limit) octets of the body unsigned")
        }
        let check = SignatureCheck(
            algorithm: signature.algorithm, signature: signature.signature, digest: link.signatureDigest,
            usesSubdomain: false, rules: rules)
        return check.evaluate(answers[signature.keyName] ?? .temporaryFailure("key not looked up")).result
    }

    private func sealResult(_ link: ARCCandidate.Link, _ answers: [String: DKIMKeyLookup]) -> DKIMResult {
        let check = SignatureCheck(
            algorithm: link.seal.algorithm, signature: link.seal.signature, digest: link.sealDigest,
            usesSubdomain: false, rules: rules)
        return check.evaluate(answers[link.seal.keyName] ?? .temporaryFailure("key not looked up")).result
    }

    private static func describe(_ link: ARCCandidate.Link) -> ARCChain.Link {
        let rest = ARCInstance.leading(link.results)?.rest
        return ARCChain.Link(
            instance: link.seal.instance, sealDomain: link.seal.domain, sealSelector: link.seal.selector,
            status: link.seal.status, results: rest.flatMap { AuthenticationResults(parsing: $0) })
    }
}
