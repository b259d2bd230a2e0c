import Crypto
import CryptoExtras
import FoundationEssentials
import MailSyntax

/// Whether a key that the DNS gave has made a signature: what DKIM and ARC have in common.
struct SignatureCheck {
    /// What came of it, and what is known of the key.
    struct Outcome {
        var result: DKIMResult
        var isTesting = false
        var keyBits: Int?
        var isSecure = false
    }

    /// Records under one name that are tried; a name should have one.
    static let maximumRecords = 3

    let algorithm: DKIMAlgorithm
    let signature: [UInt8]
    /// The digest of what was signed.
    let digest: SHA256Digest
    /// The `i=` domain is not the `d=` domain itself.
    let usesSubdomain: Bool
    let rules: DKIMRules

    /// The best that any of the records gives. // RFC 6376 §6.1.2
    func evaluate(_ answer: DKIMKeyLookup) -> Outcome {
        switch answer {
        case .temporaryFailure(let reason):
            return Outcome(result: .temporaryError(reason))
        case .absent:
            return Outcome(result: .permanentError("no key for signature"))
        case .records(let texts, let secure):
            var best: Outcome?
            var tried = 0
            // With several records any may be used; unreadable ones are passed over.
            for text in texts.prefix(100) where tried < Self.maximumRecords {
                guard let record = DKIMKeyRecord(parsing: text) else { continue }
                tried += 1
                var outcome = check(record)
                outcome.isSecure = secure
                outcome.isTesting = record.isTesting
                if outcome.result == .pass { return outcome }
                if best == nil || record.keyType == algorithm.keyType { best = outcome }
            }
            return best ?? Outcome(result: .permanentError("no valid key record"), isSecure: secure)
        }
    }

    // RFC 6376 §6.1.2
    private func check(_ key: DKIMKeyRecord) -> Outcome {
        guard key.keyType == algorithm.keyType else {
            return Outcome(result: .permanentError("inappropriate key algorithm"))
        }
        guard key.hashAlgorithms?.contains("sha256") ?? true else {
            return Outcome(result: .permanentError("inappropriate hash algorithm"))
        }
        guard key.serviceTypes.contains(where: { $0 == "*" || $0 == "email" }) else {
            return Outcome(result: .permanentError("key is not for mail"))
        }
        guard !key.publicKey.isEmpty else { return Outcome(result: .permanentError("key revoked")) }
        if key.forbidsSubdomains, usesSubdomain {
            return Outcome(result: .permanentError("key does not allow subdomains"))
        }
        switch algorithm {
        case .rsaSHA256: return checkRSA(key.publicKey)
        case .ed25519SHA256: return checkEd25519(key.publicKey)
        }
    }

    private func checkRSA(_ octets: [UInt8]) -> Outcome {
        guard let bits = RSAKeyShape.bits(octets) else {
            return Outcome(result: .permanentError("unusable RSA key"))
        }
        guard bits >= rules.minimumRSABits else {
            return Outcome(result: .permanentError("RSA key of \(bits) bits is too short"), keyBits: bits)
        }
        guard bits <= rules.maximumRSABits else {
            return Outcome(result: .permanentError("RSA key of \(bits) bits is too long"), keyBits: bits)
        }
        guard let key = RSAKeyShape.usualKey(octets) ?? (try? .init(unsafeDERRepresentation: octets)) else {
            return Outcome(result: .permanentError("unusable RSA key"), keyBits: bits)
        }
        let isValid = key.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
        return Outcome(result: isValid ? .pass : .fail("signature did not verify"), keyBits: bits)
    }

    // RFC 8463 §3, §4: the key is 32 octets without further structure, and the hash is what is signed.
    private func checkEd25519(_ octets: [UInt8]) -> Outcome {
        guard octets.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: octets) else {
            return Outcome(result: .permanentError("unusable Ed25519 key"))
        }
        let isValid = key.isValidSignature(signature, for: Array(digest))
        return Outcome(result: isValid ? .pass : .fail("signature did not verify"))
    }
}

/// Just enough DER to know the size of an RSA key before anything is calculated with it.
enum RSAKeyShape {
    /// Bits of the modulus in a SubjectPublicKeyInfo or an RSAPublicKey; nil when it is neither.
    static func bits(_ octets: [UInt8]) -> Int? {
        var outer = DERCursor(octets[...])
        guard var inside = outer.read(0x30) else { return nil }
        if inside.peek == 0x30 {  // AlgorithmIdentifier, then a BIT STRING that holds the key
            guard inside.read(0x30) != nil, var string = inside.read(0x03), string.skip(), var key = string.read(0x30)
            else { return nil }
            return modulusBits(&key)
        }
        return modulusBits(&inside)
    }

    /// A key as nearly all are written: 2048 bits, 65537 for the exponent. The library's own reader makes a tree of any
    /// key first, which takes longer than the rest of its decoding.
    static func usualKey(_ octets: [UInt8]) -> _RSA.Signing.PublicKey? {
        guard octets.count == usualStart.count + 256 + usualEnd.count, octets.starts(with: usualStart),
            octets.suffix(usualEnd.count).elementsEqual(usualEnd)
        else { return nil }
        let modulus = Array(octets[usualStart.count..<(usualStart.count + 256)])
        guard let first = modulus.first, first >= 0x80 else { return nil }
        return try? _RSA.Signing.PublicKey(n: modulus, e: [1, 0, 1] as [UInt8])
    }

    /// SubjectPublicKeyInfo with rsaEncryption, up to the modulus, whose first octet is 0 to keep it positive.
    private static let usualStart: [UInt8] = [
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05,
        0x00, 0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
    ]
    private static let usualEnd: [UInt8] = [0x02, 0x03, 0x01, 0x00, 0x01]

    private static func modulusBits(_ key: inout DERCursor) -> Int? {
        guard let modulus = key.read(0x02) else { return nil }
        let digits = modulus.rest.drop { $0 == 0 }
        guard let first = digits.first else { return nil }
        return digits.count * 8 - first.leadingZeroBitCount
    }
}

private struct DERCursor {
    private(set) var rest: ArraySlice<UInt8>

    init(_ octets: ArraySlice<UInt8>) { rest = octets }

    var peek: UInt8? { rest.first }

    mutating func skip() -> Bool { rest.popFirst() != nil }

    /// The content of the next element when it has this tag; lengths of at most two octets.
    mutating func read(_ tag: UInt8) -> DERCursor? {
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            guard (0x81...0x82).contains(first) else { return nil }
            length = 0
            for _ in 0..<(first & 0x7F) {
                guard let octet = rest.popFirst() else { return nil }
                length = length << 8 | Int(octet)
            }
        }
        guard length <= rest.count else { return nil }
        defer { rest = rest.dropFirst(length) }
        return DERCursor(rest.prefix(length))
    }
}
