import Crypto
import CryptoExtras
import FoundationEssentials
import MailSyntax

/// Why a key can't be used.
package enum DKIMKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    case notPEM
    case encrypted
    /// Neither an RSA key of 1024 bits or more nor an Ed25519 key.
    case unsupportedKey
    case generationFailed
    case signingFailed

    package var description: String {
        switch self {
        case .notPEM: "the key is not in PEM form"
        case .encrypted: "the key is encrypted (write it without a password: openssl pkey -in FILE -out NEWFILE)"
        case .unsupportedKey: "the key is neither RSA with at least 1024 bits nor Ed25519"
        case .generationFailed: "the key could not be made"
        case .signingFailed: "the key could not sign"
        }
    }
}

/// A private key for DKIM. Its description shows nothing of the key.
package struct DKIMSigningKey: Sendable, CustomStringConvertible {
    private enum Material: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    private let material: Material

    package var algorithm: DKIMAlgorithm {
        switch material {
        case .rsa: .rsaSHA256
        case .ed25519: .ed25519SHA256
        }
    }

    /// Of the modulus; nil for a kind whose keys are all of one size.
    package var bits: Int? {
        if case .rsa(let key) = material { key.keySizeInBits } else { nil }
    }

    /// What every verifier has to take. // RFC 8301 §3.2
    package static let mostBits = 4096

    package var description: String { "\(algorithm.keyType) •••" }

    /// Makes a new key. CPU-heavy for RSA. // RFC 8301 §3.2
    /// - Parameter rsaBits: 2048 to 4096.
    package static func generate(
        _ algorithm: DKIMAlgorithm,
        rsaBits: Int = 2048
    ) throws(DKIMKeyError) -> DKIMSigningKey {
        switch algorithm {
        case .ed25519SHA256:
            return DKIMSigningKey(material: .ed25519(Curve25519.Signing.PrivateKey()))
        case .rsaSHA256:
            guard (2048...4096).contains(rsaBits), rsaBits.isMultiple(of: 8),
                let key = try? _RSA.Signing.PrivateKey(keySize: .init(bitCount: rsaBits))
            else {
                throw DKIMKeyError.generationFailed
            }
            return DKIMSigningKey(material: .rsa(key))
        }
    }

    private init(material: Material) {
        self.material = material
    }

    /// Reads PKCS #8 (both kinds) or PKCS #1 (RSA).
    package init(pem: String) throws(DKIMKeyError) {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.trimmingSpaces }
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN ") }),
            let end = lines[begin...].firstIndex(where: { $0.hasPrefix("-----END ") })
        else { throw DKIMKeyError.notPEM }
        // In the PKCS #1 form OpenSSL still writes a line `Proc-Type: 4,ENCRYPTED`.
        guard !lines[begin].contains("ENCRYPTED"), !lines[begin..<end].contains(where: { $0.hasSuffix(",ENCRYPTED") })
        else { throw DKIMKeyError.encrypted }
        guard let der = Base64.decode(Array(lines[(begin + 1)..<end].joined().utf8))
        else { throw DKIMKeyError.notPEM }
        try self.init(der: der)
    }

    /// The same without PEM's lines around it, in base64: as a key table may hold it.
    package init(base64 text: some StringProtocol) throws(DKIMKeyError) {
        guard let der = Base64.decode(Array(text.utf8)) else { throw DKIMKeyError.notPEM }
        try self.init(der: der)
    }

    private init(der: [UInt8]) throws(DKIMKeyError) {
        if let seed = Self.ed25519Seed(der), let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) {
            material = .ed25519(key)
        } else if let key = try? _RSA.Signing.PrivateKey(unsafeDERRepresentation: der) {
            material = .rsa(key)
        } else {
            throw DKIMKeyError.unsupportedKey
        }
    }

    /// An Ed25519 key from its 32 octets.
    package init(ed25519Seed seed: [UInt8]) throws(DKIMKeyError) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            throw DKIMKeyError.unsupportedKey
        }
        material = .ed25519(key)
    }

    /// PKCS #8.
    package var pem: String {
        switch material {
        case .rsa(let key):
            return key.pkcs8PEMRepresentation + (key.pkcs8PEMRepresentation.hasSuffix("\n") ? "" : "\n")
        case .ed25519(let key):
            let der: [UInt8] = Self.ed25519Version + Self.ed25519Marker + Array(key.rawRepresentation)
            return "-----BEGIN PRIVATE KEY-----\n\(Base64.encode(der))\n-----END PRIVATE KEY-----\n"
        }
    }

    /// The text of the TXT record that publishes the key. // RFC 6376 §3.6.1, RFC 8463 §4
    package var publicRecord: String {
        "v=DKIM1; k=\(algorithm.keyType); p=\(Base64.encode(publicKey))"
    }

    /// SubjectPublicKeyInfo for RSA, 32 octets for Ed25519.
    package var publicKey: [UInt8] {
        switch material {
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        case .ed25519(let key): Array(key.publicKey.rawRepresentation)
        }
    }

    /// Signs the SHA-256 of `data`. CPU-heavy for RSA.
    func signature(of data: [UInt8]) throws(DKIMKeyError) -> [UInt8] {
        let digest = SHA256.hash(data: data)
        switch material {
        case .rsa(let key):
            guard let signature = try? key.signature(for: digest, padding: .insecurePKCS1v1_5) else {
                throw DKIMKeyError.signingFailed
            }
            return Array(signature.rawRepresentation)
        case .ed25519(let key):  // RFC 8463 §3: PureEdDSA over the hash
            guard let signature = try? key.signature(for: Array(digest)) else { throw DKIMKeyError.signingFailed }
            return Array(signature)
        }
    }

    // RFC 8410 §7: PrivateKeyInfo with the algorithm and an OCTET STRING within an OCTET STRING
    private static let ed25519Version: [UInt8] = [0x30, 0x2E, 0x02, 0x01, 0x00]
    private static let ed25519Marker: [UInt8] = [
        0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    private static func ed25519Seed(_ der: [UInt8]) -> [UInt8]? {
        let offset = ed25519Version.count
        guard der.count >= offset + ed25519Marker.count + 32, der.dropFirst(offset).starts(with: ed25519Marker)
        else { return nil }
        return Array(der.dropFirst(offset + ed25519Marker.count).prefix(32))
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self.drop(while: \.isWhitespace)
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return text
    }
}
