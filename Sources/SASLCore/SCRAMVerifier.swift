import Crypto
import MailSyntax

/// What a server keeps to check SCRAM-SHA-256 without keeping the password, and the arithmetic of the exchange.
///
/// The text form is the one Dovecot writes: `{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey` with base64 fields.
package struct SCRAMVerifier: Sendable, Equatable {
    package let iterations: Int
    package let salt: [UInt8]
    package let storedKey: [UInt8]
    package let serverKey: [UInt8]

    /// The name that the text form carries in braces.
    package static let scheme = "SCRAM-SHA-256"
    // RFC 7677 §4: at least 4096
    package static let minimumIterations = 4096
    /// An upper bound for stored values, so that a foreign row cannot hold a worker for minutes.
    package static let maximumIterations = 10_000_000

    /// Derives a verifier; costs `iterations` HMACs, so keep it off event loops.
    ///
    /// - Parameter salt: 16 or more random octets.
    package init(password: Secret, salt: [UInt8], iterations: Int = SCRAMVerifier.minimumIterations) {
        let salted = SCRAM<SHA256>.saltedPassword(password, salt: salt, iterations: iterations)
        self.init(saltedPassword: salted, salt: salt, iterations: iterations)
    }

    /// Takes the values as they are.
    package init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    private init(saltedPassword: SymmetricKey, salt: [UInt8], iterations: Int) {
        self.iterations = iterations
        self.salt = salt
        storedKey = SCRAM<SHA256>.storedKey(clientKey: SCRAM<SHA256>.clientKey(saltedPassword))
        serverKey = SCRAM<SHA256>.serverKey(saltedPassword)
    }

    /// Reads the text form, with or without the name in braces; nil when it is damaged or has fewer than 4096 iterations.
    package init?(parsing text: some StringProtocol) {
        let prefix = "{\(Self.scheme)}"
        let body = text.uppercased().hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : String(text)
        guard let fields = SCRAMFields(body, digestLength: SHA256.byteCount),
            fields.iterations >= Self.minimumIterations
        else { return nil }
        iterations = fields.iterations
        salt = fields.salt
        storedKey = fields.storedKey
        serverKey = fields.serverKey
    }

    package var text: String {
        "{\(Self.scheme)}\(iterations),\(Base64.encode(salt)),\(Base64.encode(storedKey)),\(Base64.encode(serverKey))"
    }

    /// Whether this verifier was made of that password; costs as much as making one.
    package func matches(_ password: Secret) -> Bool {
        let other = SCRAMVerifier(password: password, salt: salt, iterations: iterations)
        return constantTimeEqual(other.storedKey, storedKey)
    }

    /// Whether the proof in the client's final message belongs to the password behind this verifier.
    package func accepts(clientProof: [UInt8], authMessage: [UInt8]) -> Bool {
        let signature = SCRAM<SHA256>.hmac(key: storedKey, authMessage)
        guard clientProof.count == signature.count else { return false }
        // RFC 5802 §3: ClientKey := ClientProof XOR ClientSignature, then H(ClientKey) is compared
        let clientKey = zip(clientProof, signature).map { $0 ^ $1 }
        return constantTimeEqual(SCRAM<SHA256>.storedKey(clientKey: clientKey), storedKey)
    }

    /// The proof that a client sends in its final message.
    package static func clientProof(
        password: Secret, salt: [UInt8], iterations: Int, authMessage: [UInt8]
    ) -> [UInt8] {
        let salted = SCRAM<SHA256>.saltedPassword(password, salt: salt, iterations: iterations)
        return SCRAM<SHA256>.clientProof(salted, authMessage: authMessage)
    }

    /// The signature that proves to the client that the server knows the verifier.
    package func serverSignature(authMessage: [UInt8]) -> [UInt8] {
        SCRAM<SHA256>.hmac(key: serverKey, authMessage)
    }
}

extension SCRAMVerifier: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "\(Self.scheme) verifier, \(iterations) iterations" }
    package var debugDescription: String { description }
}

/// The fields of a stored SCRAM verifier, for any hash.
package struct SCRAMFields: Sendable {
    package let iterations: Int
    package let salt: [UInt8]
    package let storedKey: [UInt8]
    package let serverKey: [UInt8]

    /// Reads `iterations,salt,StoredKey,ServerKey`; nil when a field is missing, not base64 or of the wrong length.
    package init?(_ text: String, digestLength: Int) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 4, let count = Int(parts[0]), (1...SCRAMVerifier.maximumIterations).contains(count),
            let salt = Base64.decode(parts[1].utf8), !salt.isEmpty,
            let stored = Base64.decode(parts[2].utf8), stored.count == digestLength,
            let server = Base64.decode(parts[3].utf8), server.count == digestLength
        else { return nil }
        iterations = count
        self.salt = salt
        storedKey = stored
        serverKey = server
    }
}
