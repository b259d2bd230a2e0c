import CArgon2
import Crypto
import CryptoExtras
import SASLCore

/// Verification of a stored password: blocking and CPU-heavy, for worker threads only.
enum PasswordCheck {
    /// Whether the password, as sent or in its prepared form, is the stored one.
    static func matches(
        _ password: Secret,
        _ stored: StoredPassword,
        scratch: borrowing HashScratch
    ) throws(PasswordHashError) -> Bool {
        let sent = password.bytes
        if try matches(octets: sent, stored, scratch: scratch) { return true }
        // Hashes made here are over the prepared form; those made elsewhere over whatever the client sent.
        guard let prepared = OpaqueString.prepare(sent), prepared != sent else { return false }
        return try matches(octets: prepared, stored, scratch: scratch)
    }

    private static func matches(
        octets: [UInt8],
        _ stored: StoredPassword,
        scratch: borrowing HashScratch
    ) throws(PasswordHashError) -> Bool {
        switch stored {
        case .crypt(let text):
            guard let hash = CryptHash.hash(octets, setting: text, scratch: scratch) else { return false }
            return constantTimeEqual(hash.utf8, text.utf8)
        case .digest(let algorithm, let digest, let salt):
            return constantTimeEqual(hash(algorithm, octets + salt), digest)
        case .pbkdf2(let salt, let rounds, let digest):
            return constantTimeEqual(try pbkdf2(octets, salt: salt, rounds: rounds), digest)
        case .argon2(let encoded, let variant):
            return try argon2(octets, encoded, variant)
        case .plain(let expected):
            // Hashing first makes the time independent of where and in what length they differ.
            return constantTimeEqual(hash(.sha256, octets), hash(.sha256, expected))
        case .scramSHA256(let verifier):
            return verifier.matches(Secret(octets))
        case .scramSHA1(let iterations, let salt, let storedKey):
            typealias SHA1SCRAM = SCRAM<Insecure.SHA1>
            let salted = SHA1SCRAM.saltedPassword(Secret(octets), salt: salt, iterations: iterations)
            return constantTimeEqual(SHA1SCRAM.storedKey(clientKey: SHA1SCRAM.clientKey(salted)), storedKey)
        }
    }

    private static func hash(_ algorithm: StoredPassword.DigestAlgorithm, _ octets: [UInt8]) -> [UInt8] {
        switch algorithm {
        case .sha1: Array(Insecure.SHA1.hash(data: octets))
        case .sha256: Array(SHA256.hash(data: octets))
        case .sha512: Array(SHA512.hash(data: octets))
        }
    }

    private static func pbkdf2(
        _ octets: [UInt8], salt: String, rounds: Int
    ) throws(PasswordHashError) -> [UInt8] {
        do {
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: octets,
                salt: Array(salt.utf8),
                using: .insecureSHA1,
                outputByteCount: 20,
                unsafeUncheckedRounds: rounds
            )
            return key.withUnsafeBytes { Array($0) }
        } catch {
            throw .libraryFailure("PBKDF2")
        }
    }

    private static func argon2(
        _ octets: [UInt8], _ encoded: String, _ variant: StoredPassword.Argon2Variant
    ) throws(PasswordHashError) -> Bool {
        let code = octets.withUnsafeBytes { password in
            argon2_verify(encoded, password.baseAddress, password.count, variant == .i ? Argon2_i : Argon2_id)
        }
        switch code {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        case ARGON2_MEMORY_ALLOCATION_ERROR.rawValue, ARGON2_THREAD_FAIL.rawValue:
            throw .libraryFailure("argon2_verify")
        default: throw .damaged(scheme: variant == .i ? "ARGON2I" : "ARGON2ID")
        }
    }
}
