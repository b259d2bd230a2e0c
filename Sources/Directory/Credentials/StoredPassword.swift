import MailSyntax
import SASLCore

/// A stored password as Dovecot writes it, taken apart: `{SCHEME}data`, `{SCHEME.HEX}data`, or a bare crypt hash.
enum StoredPassword: Sendable, Equatable {
    /// A `crypt(3)` string that begins with its `$id$`.
    case crypt(String)
    case digest(DigestAlgorithm, digest: [UInt8], salt: [UInt8])
    case pbkdf2(salt: String, rounds: Int, digest: [UInt8])
    case argon2(String, Argon2Variant)
    case plain([UInt8])
    case scramSHA256(SCRAMVerifier)
    case scramSHA1(iterations: Int, salt: [UInt8], storedKey: [UInt8])

    enum DigestAlgorithm: Sendable {
        case sha1
        case sha256
        case sha512

        var length: Int {
            switch self {
            case .sha1: 20
            case .sha256: 32
            case .sha512: 64
            }
        }
    }

    enum Argon2Variant: Sendable {
        case i
        case id
    }

    /// Reads the stored text.
    init(parsing stored: String) throws(PasswordHashError) {
        let label = try SchemeLabel(stored)
        switch label.name {
        case "CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT", "MD5-CRYPT", "MD5":
            self = .crypt(try Self.cryptText(label))
        case "SHA", "SHA1": self = try Self.digest(label, .sha1, .unsalted)
        case "SHA256": self = try Self.digest(label, .sha256, .unsalted)
        case "SHA512": self = try Self.digest(label, .sha512, .unsalted)
        case "SSHA": self = try Self.digest(label, .sha1, .salted)
        case "SSHA256": self = try Self.digest(label, .sha256, .salted)
        case "SSHA512": self = try Self.digest(label, .sha512, .salted)
        case "PBKDF2": self = try Self.pbkdf2(label)
        case "ARGON2I": self = .argon2(try Self.argon2Text(label, prefix: "$argon2i$"), .i)
        case "ARGON2ID": self = .argon2(try Self.argon2Text(label, prefix: "$argon2id$"), .id)
        case "PLAIN", "CLEAR", "CLEARTEXT": self = .plain(try label.octets())
        case "SCRAM-SHA-256": self = try Self.scramSHA256(label)
        case "SCRAM-SHA-1": self = try Self.scramSHA1(label)
        default: throw .unsupportedScheme(label.name, remedy: label.remedy)
        }
    }
}

extension StoredPassword {
    private enum Salting {
        case salted
        case unsalted
    }

    private static func cryptText(_ label: SchemeLabel) throws(PasswordHashError) -> String {
        let text = try label.text()
        // crypt(3) of $1$ MD5, $2…$ bcrypt, $5$ and $6$ SHA-2, $7$ scrypt, $y$ yescrypt, $gy$ gost-yescrypt
        let known = ["$1$", "$2a$", "$2b$", "$2x$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$"]
        guard known.contains(where: text.hasPrefix) else {
            if text.hasPrefix("$") || text.isEmpty { throw .damaged(scheme: label.name) }
            throw .unsupportedScheme("DES-CRYPT", remedy: SchemeLabel.weak)
        }
        guard !text.utf8.contains(0), text.utf8.count < CryptHash.longestSetting else {
            throw .damaged(scheme: label.name)
        }
        return text
    }

    private static func digest(
        _ label: SchemeLabel,
        _ algorithm: DigestAlgorithm,
        _ salting: Salting
    ) throws(PasswordHashError) -> StoredPassword {
        let octets = try label.digestOctets(length: algorithm.length)
        switch salting {
        case .unsalted: guard octets.count == algorithm.length else { throw .damaged(scheme: label.name) }
        case .salted: guard octets.count > algorithm.length else { throw .damaged(scheme: label.name) }
        }
        return .digest(
            algorithm,
            digest: Array(octets.prefix(algorithm.length)),
            salt: Array(octets.dropFirst(algorithm.length))
        )
    }

    /// Dovecot's own form: `$1$salt$rounds$digest`, HMAC-SHA1, the salt as it stands and the digest in hexadecimal.
    private static func pbkdf2(_ label: SchemeLabel) throws(PasswordHashError) -> StoredPassword {
        let parts = try label.text().split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "1", let rounds = Int(parts[3]),
            (1...SCRAMVerifier.maximumIterations).contains(rounds), let digest = Hexadecimal.decode(parts[4]),
            digest.count == 20
        else { throw .damaged(scheme: label.name) }
        return .pbkdf2(salt: String(parts[2]), rounds: rounds, digest: digest)
    }

    private static func argon2Text(_ label: SchemeLabel, prefix: String) throws(PasswordHashError) -> String {
        let text = try label.text()
        guard text.hasPrefix(prefix), text.utf8.count <= 1024, !text.utf8.contains(0) else {
            throw .damaged(scheme: label.name)
        }
        return text
    }

    private static func scramSHA256(_ label: SchemeLabel) throws(PasswordHashError) -> StoredPassword {
        guard let verifier = SCRAMVerifier(parsing: try label.text()) else { throw .damaged(scheme: label.name) }
        return .scramSHA256(verifier)
    }

    private static func scramSHA1(_ label: SchemeLabel) throws(PasswordHashError) -> StoredPassword {
        guard let fields = SCRAMFields(try label.text(), digestLength: 20) else { throw .damaged(scheme: label.name) }
        return .scramSHA1(iterations: fields.iterations, salt: fields.salt, storedKey: fields.storedKey)
    }
}
