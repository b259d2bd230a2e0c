package import MailSyntax

/// What this server accepts of signatures, beyond what the standard lets it choose.
package struct DKIMRules: Sendable, Hashable {
    /// Signatures looked at, from the top of the header. Each costs the reader a question to the DNS and a
    /// calculation. // RFC 6376 §8.4
    package var maximumSignatures = 10
    /// RFC 8301 §3.2: keys below 1024 bits must not be used; such a signature is a permanent error.
    package var minimumRSABits = 1024
    /// A larger key is not worth its time.
    package var maximumRSABits = 8192
    /// Whether a signature whose `l=` leaves octets of the body unsigned may pass. What follows may be anybody's, so
    /// that the result is `policy` otherwise. // RFC 6376 §8.2
    package var acceptsPartialBody = false
    /// Whether a signature may pass that leaves a From field unsigned while it signs another. // RFC 6376 §8.15
    package var acceptsUnsignedFrom = false
    /// How far a signer's clock may be ahead.
    package var clockSkew: Duration = .seconds(300)

    package init() {}
}

/// What the DNS says about a key's name.
package enum DKIMKeyLookup: Sendable, Hashable {
    /// TXT records, each with its strings joined.
    /// - Parameter secure: DNSSEC proved them.
    case records([[UInt8]], secure: Bool = false)
    /// The name does not exist, or has no TXT record.
    case absent
    /// Nobody knows for now.
    case temporaryFailure(String)
}

/// What became of one signature. The words are those of RFC 8601 §2.7.1.
package enum DKIMResult: Sendable, Hashable {
    case pass
    case fail(String)
    /// It may be right, and is not accepted all the same.
    case policy(String)
    case temporaryError(String)
    case permanentError(String)

    package var keyword: String {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .policy: "policy"
        case .temporaryError: "temperror"
        case .permanentError: "permerror"
        }
    }

    package var reason: String? {
        switch self {
        case .pass: nil
        case .fail(let reason), .policy(let reason), .temporaryError(let reason), .permanentError(let reason): reason
        }
    }
}

/// One signature's result.
package struct VerifiedDKIMSignature: Sendable, Hashable {
    /// nil when the field could not be read.
    package let signature: DKIMSignature?
    /// What the field says of itself, readable or not.
    package let claim: DKIMClaim
    package let result: DKIMResult
    /// The key's domain is only testing.
    package let isTesting: Bool
    /// The size of the RSA key in bits; nil for Ed25519, and where no key was used.
    package let keyBits: Int?
    /// DNSSEC proved the key.
    package let isKeySecure: Bool
    /// Octets of the canonicalised body that `l=` leaves unsigned; 0 when all are signed.
    package let unsignedBodyOctets: Int

    /// The domain that answers for the message; nil unless the signature passed.
    package var passingDomain: DomainName? { result == .pass ? signature?.domain : nil }
}

/// Texts of a signature's tags, for those who report it. They are a stranger's words.
package struct DKIMClaim: Sendable, Hashable {
    package var domain: String?
    package var selector: String?
    package var algorithm: String?
    package var identity: String?
    /// The first eight digits of the signature, which tell one from another. // RFC 6008 §4
    package var signatureStart: String?

    init(_ tags: DKIMTagList?) {
        guard let tags else { return }
        domain = tags.text("d")
        selector = tags.text("s")
        algorithm = tags.text("a")
        identity = tags.text("i")
        let digits = tags["b"].map { tag in
            String(decoding: Array(tag.value.lazy.filter { !Octet.isFolding($0) }.prefix(8)), as: UTF8.self)
        }
        signatureStart = digits.flatMap { $0.isEmpty ? nil : $0 }
    }
}
