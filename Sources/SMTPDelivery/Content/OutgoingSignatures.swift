package import MailAuth
import MailPolicy
import MailSyntax
import SQLEngine

/// What the seal of a message says.
package struct MessageSeal: Sendable {
    package var sealer: ARCSealer
    /// What was found when the message came in, as the value of Authentication-Results.
    package var results: String
    /// nil where nobody looked at the chain.
    package var chain: ARCChain.Status?

    package init(sealer: ARCSealer, results: String, chain: ARCChain.Status?) {
        self.sealer = sealer
        self.results = results
        self.chain = chain
    }
}

/// Signs and seals a message as it leaves, after every other change.
struct OutgoingSignatures: Sendable {
    let signer: DKIMSigner?
    let seal: MessageSeal?
    let clock: any WallClock
    /// The body is sent line by line, each ending in CRLF; else octet for octet.
    var hashesLines = true

    /// nil for a message that is neither signed nor sealed.
    init?(signer: DKIMSigner?, seal: MessageSeal?, clock: any WallClock) {
        guard signer != nil || seal != nil else { return nil }
        self.signer = signer
        self.seal = seal
        self.clock = clock
    }

    /// The fields to put on top, and what was done. CPU-heavy with RSA.
    ///
    /// - Parameters:
    ///   - header: with the empty line that ends it; nil: it is too long.
    ///   - body: hands out the body in pieces.
    func make(
        _ header: [UInt8]?, body: (_ take: ([UInt8]) -> Void) throws -> Void
    ) throws -> (fields: [UInt8], steps: [TraceStep]) {
        guard let header else { return ([], omissions) }
        let hashes = try hash(body)
        var normalizer = LineNormalizer()
        let whole = normalizer.normalize(header) + normalizer.finish()
        var fields: [UInt8] = []
        var steps: [TraceStep] = []
        if let signer, let hash = hashes.signer {
            fields = try signer.sign(header: whole, bodyHash: hash, at: clock.now())
            steps += signer.steps(isLeftOut: fields.isEmpty)
        }
        if let seal, let hash = hashes.seal {
            // RFC 8617 §5.1 (1): the seal is over our own signature too.
            let outcome = try seal.sealer.seal(
                header: fields + whole, bodyHash: hash, results: seal.results, status: seal.chain, at: clock.now())
            fields = outcome.fields + fields
            steps.append(.sealing(seal.sealer.domain, outcome.told(selector: seal.sealer.key.selector)))
        }
        return (fields, steps)
    }

    private func hash(
        _ body: (_ take: ([UInt8]) -> Void) throws -> Void
    ) throws -> (signer: [UInt8]?, seal: [UInt8]?) {
        var signing = signer?.bodyHasher
        // Both nearly always want the same.
        let isShared = signer?.bodyCanonicalization == .relaxed
        var sealing = isShared ? nil : seal?.sealer.bodyHasher
        var lines = LineNormalizer()
        let isWhole = hashesLines || signer != nil
        func take(_ piece: [UInt8]) {
            signing?.update(piece)
            sealing?.update(piece)
        }
        try body { piece in take(isWhole ? lines.normalize(piece) : piece) }
        if isWhole { take(lines.finish()) }
        let signed = signing?.finish()
        return (signed, isShared ? signed : sealing?.finish())
    }

    private var omissions: [TraceStep] {
        var steps: [TraceStep] = []
        if let signer { steps += signer.steps(isLeftOut: true) }
        if let seal { steps.append(.sealing(seal.sealer.domain, .omitted("the header is too long"))) }
        return steps
    }
}

extension ARCSealer.Outcome {
    fileprivate func told(selector: String) -> TraceStep.Seal {
        switch self {
        case .sealed(_, let instance, let status):
            .made(selector: selector, instance: instance, status: status.rawValue)
        case .omitted(let omission): .omitted(omission.rawValue)
        }
    }
}

extension ARCSealer {
    /// Seals with the first RSA key of a domain: few can verify others. nil where there is none.
    package init?(_ signer: DKIMSigner) {
        guard let key = signer.keys.first(where: { $0.key.algorithm == .rsaSHA256 }) else { return nil }
        self.init(domain: key.domain ?? signer.domain, key: key)
    }
}
