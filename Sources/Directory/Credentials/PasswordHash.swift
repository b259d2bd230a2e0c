package import SASLCore

/// Making and verifying stored passwords. The work is done on the threads of a `HashingPool`.
package enum PasswordHash {
    /// In octets. The system's library takes one less than 512.
    package static let longestPassword = 511

    /// Hashes a password with yescrypt, as `{CRYPT}$y$…`.
    ///
    /// - Parameter cost: 0 is the library's default (5 in libxcrypt 4.4, 16 MiB); each step above doubles time and memory.
    /// - Throws: `unusablePassword`; `busy`; `libraryFailure`.
    package static func make(
        _ password: Secret,
        cost: UInt = 0,
        on pool: HashingPool = .shared
    ) async throws(PasswordHashError) -> String {
        guard let prepared = password.withBytes({ OpaqueString.prepare($0) }), prepared.count <= longestPassword else {
            throw .unusablePassword
        }
        let secret = Secret(prepared)
        return try await pool.run { scratch throws(PasswordHashError) in
            guard let setting = CryptHash.yescryptSetting(cost: cost) else { throw .libraryFailure("crypt_gensalt_rn") }
            let hash = secret.withBytes { CryptHash.hash($0, setting: setting, scratch: scratch) }
            guard let hash else { throw .libraryFailure("crypt_rn") }
            return "{CRYPT}" + hash
        }
    }

    /// Whether the password is the stored one.
    ///
    /// - Parameter stored: `{SCHEME}…` as Dovecot and docker-mailserver write it, or a bare crypt hash.
    /// - Throws: `unsupportedScheme`, `damaged`; `busy`; `libraryFailure`.
    package static func verify(
        _ password: Secret,
        stored: String,
        on pool: HashingPool = .shared
    ) async throws(PasswordHashError) -> Bool {
        let parsed = try StoredPassword(parsing: stored)
        return try await pool.run { scratch throws(PasswordHashError) in
            try PasswordCheck.matches(password, parsed, scratch: scratch)
        }
    }

    enum Verification: Sendable {
        case verified(Bool)
        case known(Bool)
    }

    /// Like `verify`, but asks once more whether the answer is known when a thread is there: of many clients that come with
    /// one password at once, most wait for a thread and find that the first ones have been judged.
    ///
    /// - Parameter matched: runs on the pool's thread, before it takes the next job, when the password is right.
    static func verify(
        _ password: Secret,
        stored: String,
        on pool: HashingPool,
        unless known: @escaping @Sendable () -> Bool?,
        matched: @escaping @Sendable () -> Void
    ) async throws(PasswordHashError) -> Verification {
        let parsed = try StoredPassword(parsing: stored)
        return try await pool.run { scratch throws(PasswordHashError) in
            if let verdict = known() { return .known(verdict) }
            let isRight = try PasswordCheck.matches(password, parsed, scratch: scratch)
            if isRight { matched() }
            return .verified(isRight)
        }
    }

    /// Whether a stored password can be verified; says what to do when it cannot. Cheap.
    package static func check(stored: String) throws(PasswordHashError) {
        _ = try StoredPassword(parsing: stored)
    }

    /// Derives a SCRAM-SHA-256 verifier with a fresh salt.
    package static func makeSCRAMVerifier(
        _ password: Secret,
        iterations: Int = SCRAMVerifier.minimumIterations,
        on pool: HashingPool = .shared
    ) async throws(PasswordHashError) -> SCRAMVerifier {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return try await pool.run { _ throws(PasswordHashError) in
            SCRAMVerifier(password: password, salt: salt, iterations: iterations)
        }
    }
}
