import Crypto
import CryptoExtras
import MailAuth
import MailSyntax

/// Verifying and signing, each in alternation with what the library needs for RSA and SHA-256 alone, with a key that it
/// has decoded already.
enum Signatures {
    private static let rounds = 25
    private static let timesARound = 200

    static func verification() throws {
        let specimen = try Specimen(octets: 10_240)
        let signed = specimen.signature + specimen.header
        let answers = [specimen.author.keyName: DKIMKeyLookup.records([Array(specimen.author.key.publicRecord.utf8)])]
        let library = try Library(specimen)
        try compare(
            "verification",
            {
                var verifier = DKIMVerifier(header: signed)
                verifier.update(specimen.body)
                verifier.finishBody()
                return verifier.results(answers: answers, now: specimen.now).first?.result == .pass
            }, { library.verifies(specimen.body) })
    }

    static func signing() throws {
        let specimen = try Specimen(octets: 10_240)
        let library = try Library(specimen)
        let signer = specimen.author.signer
        try compare(
            "signing",
            {
                var hasher = signer.bodyHasher
                hasher.update(specimen.body)
                let hash = hasher.finish()
                return (try? signer.sign(header: specimen.header, bodyHash: hash, at: specimen.now))?.isEmpty == false
            }, { library.signs(specimen.body) })
    }

    /// Prints both in microseconds, each the least of its rounds, and their ratio.
    private static func compare(_ name: String, _ ours: () -> Bool, _ bare: () -> Bool) throws {
        var (least, leastBare) = (Double.infinity, Double.infinity)
        for _ in 0..<rounds {
            least = min(least, try microseconds(name, ours))
            leastBare = min(leastBare, try microseconds(name, bare))
        }
        print("\(name).microseconds \(least)")
        print("\(name).bare \(leastBare)")
        print("\(name).ratio \(least / leastBare)")
    }

    private static func microseconds(_ name: String, _ work: () -> Bool) throws -> Double {
        let start = Stopwatch.seconds(.thread)
        for _ in 0..<timesARound {
            guard work() else { throw BenchError(description: "\(name) failed") }
        }
        return (Stopwatch.seconds(.thread) - start) / Double(timesARound) * 1e6
    }
}

/// The arithmetic alone.
private struct Library {
    private let secret: _RSA.Signing.PrivateKey
    private let signature: _RSA.Signing.RSASignature
    private let digest: SHA256Digest
    private let key: _RSA.Signing.PublicKey

    init(_ specimen: Specimen) throws {
        secret = try _RSA.Signing.PrivateKey(pemRepresentation: specimen.author.key.pem)
        key = secret.publicKey
        digest = SHA256.hash(data: specimen.header)
        signature = try secret.signature(for: digest, padding: .insecurePKCS1v1_5)
    }

    func verifies(_ body: [UInt8]) -> Bool {
        var hash = SHA256()
        body.withUnsafeBytes { hash.update(bufferPointer: $0) }
        _ = hash.finalize()
        return key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5)
    }

    func signs(_ body: [UInt8]) -> Bool {
        var hash = SHA256()
        body.withUnsafeBytes { hash.update(bufferPointer: $0) }
        _ = hash.finalize()
        return (try? secret.signature(for: digest, padding: .insecurePKCS1v1_5)) != nil
    }
}
