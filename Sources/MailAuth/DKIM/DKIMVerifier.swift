import Crypto
import CryptoExtras
import FoundationEssentials
package import MailSyntax

/// What the DNS says about a key's name.
package enum DKIMKeyLookup: Sendable, Hashable {
    /// TXT records, each with its strings joined.
    case records([[UInt8]])
    /// The name does not exist, or has no TXT record.
    case absent
    /// Nobody knows for now.
    case temporaryFailure(String)
}

/// What became of one signature. The words are those of RFC 8601 §2.7.1.
package enum DKIMResult: Sendable, Hashable {
    case pass
    case fail(String)
    case temporaryError(String)
    case permanentError(String)

    package var keyword: String {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .temporaryError: "temperror"
        case .permanentError: "permerror"
        }
    }

    package var reason: String? {
        switch self {
        case .pass: nil
        case .fail(let reason), .temporaryError(let reason), .permanentError(let reason): reason
        }
    }
}

/// One signature's result.
package struct VerifiedDKIMSignature: Sendable, Hashable {
    /// nil when the field could not be read.
    package let signature: DKIMSignature?
    package let result: DKIMResult
    /// The key's domain is only testing.
    package let isTesting: Bool
}

/// Verifies the signatures of one message: give it the header, then the body in pieces, then the answers to its
/// questions. Signatures beyond a bound are not looked at.
package struct DKIMVerifier {
    /// Each signature costs the reader a lookup and an RSA operation. // RFC 6376 §8.4
    package static let maximumSignatures = 10

    private struct HashKey: Hashable {
        var canonicalization: DKIMCanonicalization
        var limit: Int?
    }

    private struct Candidate {
        var signature: DKIMSignature
        /// The canonicalised fields and the signature's own field.
        var signedData: [UInt8]
    }

    private var candidates: [Result<Candidate, DKIMSyntaxError>] = []
    private var hashers: [HashKey: DKIMBodyHasher] = [:]
    private var hashes: [HashKey: (hash: [UInt8], octets: Int)] = [:]

    /// - Parameter header: the header block, with or without the empty line that ends it.
    package init(header: [UInt8]) {
        let raw = RawHeader(header)
        for field in raw.fields.filter({ $0.name == "dkim-signature" }).prefix(Self.maximumSignatures) {
            do throws(DKIMSyntaxError) {
                let signature = try DKIMSignature(parsing: field.value)
                let data = Self.signedData(signature, field: field, header: raw)
                candidates.append(.success(Candidate(signature: signature, signedData: data)))
                let key = Self.hashKey(signature)
                hashers[key] = DKIMBodyHasher(key.canonicalization, limit: key.limit)
            } catch {
                candidates.append(.failure(error))
            }
        }
    }

    /// Whether there is anything to verify; without it the body need not be given.
    package var hasSignatures: Bool { !candidates.isEmpty }

    /// The names whose TXT records are needed.
    package var keyNames: Set<String> {
        Set(candidates.compactMap { try? $0.get().signature.keyName })
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for key in hashers.keys { hashers[key]?.update(bytes) }
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the body.
    package mutating func finishBody() {
        for (key, hasher) in hashers {
            var hasher = hasher
            let hash = hasher.finish()
            hashes[key] = (hash, hasher.canonicalOctets)
        }
        hashers = [:]
    }

    /// The results in the order of the fields. CPU-heavy with RSA. Call after ``finishBody()``.
    /// - Parameter answers: by the names of ``keyNames``; a name without an answer is a temporary error.
    package func results(answers: [String: DKIMKeyLookup], now: Timestamp) -> [VerifiedDKIMSignature] {
        candidates.map { candidate in
            switch candidate {
            case .failure(let error):
                return VerifiedDKIMSignature(
                    signature: nil,
                    result: .permanentError(error.description),
                    isTesting: false
                )
            case .success(let candidate):
                let answer = answers[candidate.signature.keyName] ?? .temporaryFailure("key not looked up")
                return evaluate(candidate, answer: answer, now: now)
            }
        }
    }

    private func evaluate(_ candidate: Candidate, answer: DKIMKeyLookup, now: Timestamp) -> VerifiedDKIMSignature {
        let signature = candidate.signature
        var isTesting = false
        let result: DKIMResult
        switch answer {
        case .temporaryFailure(let reason):
            result = .temporaryError(reason)
        case .absent:
            result = .permanentError("no key for signature")
        case .records(let texts):
            let records = texts.compactMap { DKIMKeyRecord(parsing: $0) }
            // RFC 6376 §6.1.2: with several records any may be used; unreadable ones are passed over.
            let record = records.first { $0.keyType == signature.algorithm.keyType } ?? records.first
            isTesting = record?.isTesting ?? false
            result = record.map { check(candidate, key: $0, now: now) } ?? .permanentError("no valid key record")
        }
        return VerifiedDKIMSignature(signature: signature, result: result, isTesting: isTesting)
    }

    // RFC 6376 §6.1
    private func check(_ candidate: Candidate, key: DKIMKeyRecord, now: Timestamp) -> DKIMResult {
        let signature = candidate.signature
        guard key.keyType == signature.algorithm.keyType else { return .permanentError("inappropriate key algorithm") }
        guard key.hashAlgorithms?.contains("sha256") ?? true else {
            return .permanentError("inappropriate hash algorithm")
        }
        guard key.serviceTypes.contains(where: { $0 == "*" || $0 == "email" }) else {
            return .permanentError("key is not for mail")
        }
        guard !key.publicKey.isEmpty else { return .permanentError("key revoked") }
        if key.forbidsSubdomains, signature.identityDomain != signature.domain {
            return .permanentError("key does not allow subdomains")
        }
        if let expiry = signature.expiresAt, expiry < now { return .permanentError("signature expired") }
        guard let body = hashes[Self.hashKey(signature)] else { return .temporaryError("body not hashed") }
        if let limit = signature.bodyLimit, limit > body.octets {
            return .permanentError("body is shorter than the l= tag")
        }
        guard body.hash == signature.bodyHash else { return .fail("body hash did not verify") }
        return Self.isValid(candidate, key: key.publicKey)
    }

    private static func isValid(_ candidate: Candidate, key: [UInt8]) -> DKIMResult {
        let digest = SHA256.hash(data: candidate.signedData)
        let isValid: Bool
        switch candidate.signature.algorithm {
        case .rsaSHA256:
            // RFC 8301 §3.2: keys below 1024 bits must not be used; above 4096 need not.
            guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: key), key.keySizeInBits <= 8192 else {
                return .permanentError("unusable RSA key")
            }
            let signature = _RSA.Signing.RSASignature(rawRepresentation: candidate.signature.signature)
            isValid = key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5)
        case .ed25519SHA256:
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key) else {
                return .permanentError("unusable Ed25519 key")
            }
            isValid = key.isValidSignature(candidate.signature.signature, for: Array(digest))
        }
        return isValid ? .pass : .fail("signature did not verify")
    }

    private static func hashKey(_ signature: DKIMSignature) -> HashKey {
        HashKey(canonicalization: signature.bodyCanonicalization, limit: signature.bodyLimit)
    }

    // RFC 6376 §3.7
    private static func signedData(
        _ signature: DKIMSignature,
        field: RawHeader.Field,
        header: RawHeader
    ) -> [UInt8] {
        var data: [UInt8] = []
        for selected in header.selection(signature.signedFields) {
            data += signature.headerCanonicalization.header(selected.bytes)
        }
        var own = Array(field.bytes.droppingFinalBreak)
        if let tag = DKIMTagList(field.value)?["b"] {
            let shift = field.bytes.startIndex
            let upper = min(tag.range.upperBound - shift, own.count)
            let lower = min(tag.range.lowerBound - shift, upper)
            own.removeSubrange(lower..<upper)
        }
        data += signature.headerCanonicalization.header(own[...]).dropLast(2)
        return data
    }
}
