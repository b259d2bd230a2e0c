import Crypto
import MailSyntax

/// The client's side of SCRAM-SHA-256, without channel binding. // RFC 5802 §5, RFC 7677
struct SCRAMClient: Sendable {
    private enum State {
        case awaitingServerFirst
        case awaitingServerFinal(signature: [UInt8])
        case verified
        case failed
    }

    // RFC 7677 §4: 4096 at least. The upper bound is about a second of work.
    static let iterations = 4096...1_000_000
    private static let longestSalt = 1024

    private let nonce: String
    private let firstBare: [UInt8]
    private var state = State.awaitingServerFirst

    init(login: String, nonce: String) {
        self.nonce = nonce
        let octets = Array(login.utf8)
        firstBare = Array("n=".utf8) + Self.escape(OpaqueString.prepare(octets) ?? octets) + Array(",r=\(nonce)".utf8)
    }

    /// The server has proven that it knows the password.
    var isVerified: Bool {
        if case .verified = state { true } else { false }
    }

    /// `n,,`: neither channel binding nor another identity.
    var firstMessage: [UInt8] { Array("n,,".utf8) + firstBare }

    mutating func respond(to challenge: [UInt8], password: Secret) -> SASLClientStep {
        switch state {
        case .awaitingServerFirst: return serverFirst(challenge, password)
        case .awaitingServerFinal(let signature): return serverFinal(challenge, signature)
        case .verified, .failed: return fail(.exchangeOver)
        }
    }

    private mutating func serverFirst(_ message: [UInt8], _ password: Secret) -> SASLClientStep {
        let fields = Self.fields(message)
        if let error = fields.first, error.name == UInt8(ascii: "e") {
            return fail(.refused(Self.printable(error.value)))
        }
        // RFC 5802 §5.1: "m=" is an extension that has to be understood, and there is none.
        guard fields.count >= 3, fields[0].name == UInt8(ascii: "r"), fields[1].name == UInt8(ascii: "s"),
            fields[2].name == UInt8(ascii: "i"), let salt = Base64.decode(fields[1].value), !salt.isEmpty,
            salt.count <= Self.longestSalt, let count = Int(String(decoding: fields[2].value, as: UTF8.self))
        else { return fail(.malformed(.scramSHA256)) }
        guard Self.iterations.contains(count) else { return fail(.iterations(count)) }
        let whole = fields[0].value
        guard whole.starts(with: nonce.utf8), whole.count > nonce.utf8.count else { return fail(.foreignNonce) }
        let finalBare = Array("c=biws,r=".utf8) + whole
        let authMessage = firstBare + [0x2C] + message + [0x2C] + finalBare
        let salted = SCRAM<SHA256>.saltedPassword(password, salt: salt, iterations: count)
        let proof = SCRAM<SHA256>.clientProof(salted, authMessage: authMessage)
        state = .awaitingServerFinal(
            signature: SCRAM<SHA256>.hmac(key: SCRAM<SHA256>.serverKey(salted), authMessage))
        return .response(finalBare + Array(",p=\(Base64.encode(proof))".utf8))
    }

    private mutating func serverFinal(_ message: [UInt8], _ signature: [UInt8]) -> SASLClientStep {
        guard let field = Self.fields(message).first else { return fail(.malformed(.scramSHA256)) }
        if field.name == UInt8(ascii: "e") { return fail(.refused(Self.printable(field.value))) }
        guard field.name == UInt8(ascii: "v"), let given = Base64.decode(field.value) else {
            return fail(.malformed(.scramSHA256))
        }
        guard constantTimeEqual(given, signature) else { return fail(.impostor) }
        state = .verified
        return .response([])
    }

    private mutating func fail(_ failure: SASLClientFailure) -> SASLClientStep {
        state = .failed
        return .failed(failure)
    }

    /// `r=…,s=…`: a letter, an equals sign, a value without commas.
    private static func fields(_ message: [UInt8]) -> [(name: UInt8, value: ArraySlice<UInt8>)] {
        var fields: [(name: UInt8, value: ArraySlice<UInt8>)] = []
        for part in message.split(separator: 0x2C, maxSplits: 16, omittingEmptySubsequences: false) {
            guard part.count >= 2, let name = part.first, part.dropFirst().first == 0x3D else { return [] }
            fields.append((name, part.dropFirst(2)))
        }
        return fields
    }

    /// A saslname. // RFC 5802 §5.1
    static func escape(_ name: [UInt8]) -> [UInt8] {
        name.flatMap { octet -> [UInt8] in
            switch octet {
            case 0x2C: Array("=2C".utf8)
            case 0x3D: Array("=3D".utf8)
            default: [octet]
            }
        }
    }

    static func printable(_ octets: some Sequence<UInt8>) -> String {
        BearerComplaint.printable(String(decoding: Array(octets), as: UTF8.self))
    }
}
