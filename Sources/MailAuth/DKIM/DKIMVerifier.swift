import Crypto
package import MailSyntax

/// Verifies the signatures of one message: give it the header, then the body in pieces, then the answers to its
/// questions. Signatures beyond a bound are not looked at.
///
/// When asked to, it validates the ARC chain as well (see `arcChain(answers:now:)`), so that the body is hashed once
/// for both.
package struct DKIMVerifier {
    private struct Candidate {
        var claim: DKIMClaim
        var outcome: Result<DKIMSignature, DKIMSyntaxError>
        /// The digest of the canonicalised fields and the signature's own field.
        var digest: SHA256Digest?
    }

    package let rules: DKIMRules
    /// Signatures that the bound left out.
    package let ignoredSignatures: Int
    private var candidates: [Candidate] = []
    /// From fields in the header.
    private let authorFields: Int
    var hashes = BodyHashes()
    var chain: ARCCandidate?

    /// - Parameters:
    ///   - header: the header block, with or without the empty line that ends it.
    ///   - withARC: validate the ARC chain too.
    package init(header: [UInt8], rules: DKIMRules = DKIMRules(), withARC: Bool = false) {
        self.rules = rules
        let raw = RawHeader(header)
        let places = raw.indices(of: "dkim-signature")
        ignoredSignatures = max(0, places.count - rules.maximumSignatures)
        authorFields = raw.count(of: "from")
        for place in places.prefix(rules.maximumSignatures) {
            candidates.append(Self.candidate(raw, at: place))
            if case .success(let signature) = candidates.last?.outcome { hashes.want(BodyHashes.Key(signature)) }
        }
        if withARC {
            let chain = ARCCandidate(raw)
            for signature in chain.messageSignatures { hashes.want(BodyHashes.Key(signature)) }
            self.chain = chain
        }
    }

    private static func candidate(_ header: RawHeader, at place: Int) -> Candidate {
        let field = header.fields[place]
        guard field.value.count <= DKIMSignature.maximumOctets else {
            return Candidate(claim: DKIMClaim(nil), outcome: .failure(DKIMSyntaxError("signature field too long")))
        }
        guard let tags = DKIMTagList(field.value) else {
            return Candidate(claim: DKIMClaim(nil), outcome: .failure(DKIMSyntaxError("malformed tag list")))
        }
        let claim = DKIMClaim(tags)
        do throws(DKIMSyntaxError) {
            let signature = try DKIMSignature(tags, kind: .dkim)
            let digest = SignedData.digest(signature, tags: tags, at: place, in: header)
            return Candidate(claim: claim, outcome: .success(signature), digest: digest)
        } catch {
            return Candidate(claim: claim, outcome: .failure(error))
        }
    }

    /// Whether there is anything to tell of; without it the body need not be given.
    package var hasSignatures: Bool { !candidates.isEmpty || !(chain?.isNone ?? true) }

    /// The names whose TXT records are needed.
    package var keyNames: Set<String> {
        var names = Set(candidates.compactMap { try? $0.outcome.get().keyName })
        if let chain { names.formUnion(chain.keyNames) }
        return names
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hashes.update(bytes)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the body.
    package mutating func finishBody() {
        hashes.finish()
    }

    /// The results in the order of the fields. CPU-heavy with RSA. Call after ``finishBody()``.
    /// - Parameter answers: by the names of ``keyNames``; a name without an answer is a temporary error.
    package func results(answers: [String: DKIMKeyLookup], now: Timestamp) -> [VerifiedDKIMSignature] {
        candidates.map { candidate in
            switch candidate.outcome {
            case .failure(let error):
                return VerifiedDKIMSignature(
                    signature: nil, claim: candidate.claim, result: .permanentError(error.description),
                    isTesting: false, keyBits: nil, isKeySecure: false, unsignedBodyOctets: 0)
            case .success(let signature):
                let answer = answers[signature.keyName] ?? .temporaryFailure("key not looked up")
                return evaluate(signature, candidate, answer: answer, now: now)
            }
        }
    }

    private func evaluate(
        _ signature: DKIMSignature,
        _ candidate: Candidate,
        answer: DKIMKeyLookup,
        now: Timestamp
    ) -> VerifiedDKIMSignature {
        let body = hashes[BodyHashes.Key(signature)]
        let unsigned = signature.bodyLimit.map { max(0, (body?.octets ?? 0) - $0) } ?? 0
        func verified(_ outcome: SignatureCheck.Outcome) -> VerifiedDKIMSignature {
            VerifiedDKIMSignature(
                signature: signature, claim: candidate.claim, result: outcome.result, isTesting: outcome.isTesting,
                keyBits: outcome.keyBits, isKeySecure: outcome.isSecure, unsignedBodyOctets: unsigned)
        }
        if let refusal = Self.refusal(signature, now: now, rules: rules) {
            return verified(SignatureCheck.Outcome(result: refusal))
        }
        guard let body, let digest = candidate.digest else {
            return verified(SignatureCheck.Outcome(result: .temporaryError("body not hashed")))
        }
        let check = SignatureCheck(
            algorithm: signature.algorithm, signature: signature.signature, digest: digest,
            usesSubdomain: signature.identityDomain != signature.domain, rules: rules)
        var outcome = check.evaluate(answer)
        if case .fail = outcome.result {} else if outcome.result != .pass { return verified(outcome) }
        if let mismatch = Self.mismatch(signature, body) {
            outcome.result = mismatch
        } else if outcome.result == .pass {
            outcome.result = policy(signature, unsigned: unsigned)
        }
        return verified(outcome)
    }

    /// Why a signature is not worth a calculation. // RFC 6376 §3.5 (t=, x=)
    static func refusal(_ signature: DKIMSignature, now: Timestamp, rules: DKIMRules) -> DKIMResult? {
        if let expiry = signature.expiresAt, expiry < now { return .permanentError("signature expired") }
        if let time = signature.signedAt, time > now.adding(rules.clockSkew) {
            return .permanentError("signature is from the future")
        }
        return nil
    }

    /// What is wrong between the body and what the signature says of it. // RFC 6376 §6.1.3
    static func mismatch(_ signature: DKIMSignature, _ body: BodyHashes.Value) -> DKIMResult? {
        if let limit = signature.bodyLimit, limit > body.octets {
            return .permanentError("body is shorter than the l= tag")
        }
        return body.hash == signature.bodyHash ? nil : .fail("body hash did not verify")
    }

    /// What a right signature may still lack.
    private func policy(_ signature: DKIMSignature, unsigned: Int) -> DKIMResult {
        if unsigned > 0, !rules.acceptsPartialBody {
            return .policy("l= leaves \(unsigned) octets of the body unsigned")
        }
        // RFC 5322 §3.6 has one From field, but readers show what they find.
        let signed = signature.signedFields.count { $0 == "from" }
        if authorFields > signed, !rules.acceptsUnsignedFrom {
            return .policy("a From field is not signed")
        }
        return .pass
    }
}

/// What a signature in a header field covers, hashed.
enum SignedData {
    /// The digest of the fields that `h=` names and of the signature's own. // RFC 6376 §3.7
    static func digest(
        _ signature: DKIMSignature,
        tags: DKIMTagList,
        at place: Int,
        in header: RawHeader
    ) -> SHA256Digest {
        var data = signature.headerCanonicalization.headers(header.selection(signature.signedFields, except: place))
        data += own(header.fields[place], tags: tags, signature.headerCanonicalization)
        return SHA256.hash(data: data)
    }

    /// A signature's own field with an empty `b=` tag and without the final CRLF.
    static func own(
        _ field: RawHeader.Field,
        tags: DKIMTagList,
        _ canonicalization: DKIMCanonicalization
    ) -> ArraySlice<UInt8> {
        let whole = field.bytes.droppingFinalBreak
        guard let tag = tags["b"] else { return canonicalization.header(whole).dropLast(2) }
        let lower = min(tag.range.lowerBound, whole.endIndex)
        let upper = min(tag.range.upperBound, whole.endIndex)
        let own = Array(whole[..<lower]) + whole[upper...]
        return canonicalization.header(own[...]).dropLast(2)
    }
}
