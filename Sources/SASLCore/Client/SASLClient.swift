/// What the client does after a challenge of the server.
package enum SASLClientStep: Sendable, Equatable {
    /// Send these octets, base64 on the wire. They hold the password in some steps: never log them.
    case response([UInt8])
    /// The server broke the rules, or is not who it says: cancel with `*`.
    case failed(SASLClientFailure)
}

/// Why a client gives an exchange up. The text is for the operator.
package enum SASLClientFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The challenge has not the shape that the mechanism asks for.
    case malformed(SASLClientMechanism)
    /// A challenge came when nothing was left to say.
    case exchangeOver
    /// SCRAM: fewer iterations than RFC 7677 §4 allows, or so many that they are an attack.
    case iterations(Int)
    /// SCRAM: the server has answered with a nonce that is not ours.
    case foreignNonce
    /// SCRAM: the server doesn't know the password either.
    case impostor
    /// SCRAM: the server says what it doesn't like.
    case refused(String)

    package var description: String {
        switch self {
        case .malformed(let mechanism): "the host's \(mechanism.rawValue) challenge is malformed"
        case .exchangeOver: "the host asks for more than the mechanism has"
        case .iterations(let count): "the host asks for \(count) SCRAM iterations"
        case .foreignNonce: "the host answers with a nonce that is not ours"
        case .impostor: "the host does not know the password: its SCRAM signature is wrong"
        case .refused(let reason): "the host refuses the SCRAM exchange: \(reason)"
        }
    }
}

/// Who logs in, and where.
package struct SASLClientIdentity: Sendable {
    package var login: String
    /// A password, or an access token for the mechanisms that take one.
    package var secret: Secret
    /// The host's name and port, which OAUTHBEARER sends along.
    package var host: String
    package var port: Int

    package init(login: String, secret: Secret, host: String = "", port: Int = 0) {
        self.login = login
        self.secret = secret
        self.host = host
        self.port = port
    }
}

/// The client's side of one exchange.
///
/// The surrounding protocol owns base64, the `*` that cancels, and the final reply. Begin with ``initialResponse()``, or
/// where none can be sent with the first challenge. A positive final reply counts only when ``isComplete``.
package struct SASLClient: Sendable {
    private enum State {
        case idle
        case sendPassword
        case scram(SCRAMClient)
        /// The token was sent: a challenge now is an error.
        case tokenSent
        case over
    }

    package let mechanism: SASLClientMechanism
    private let identity: SASLClientIdentity
    private let nonce: String
    private var state = State.idle
    /// What a server said of a token before it refused it, in words.
    package private(set) var complaint: String?

    /// - Parameter nonce: 18 or more random printable characters without a comma, used once; for SCRAM.
    package init(_ mechanism: SASLClientMechanism, identity: SASLClientIdentity, nonce: String) {
        self.mechanism = mechanism
        self.identity = identity
        self.nonce = nonce
    }

    /// False while the client can't know that the exchange succeeded, whatever the server says: before everything was
    /// sent and, with SCRAM, before the server has proven itself too.
    package var isComplete: Bool {
        switch state {
        case .idle, .sendPassword: false
        case .scram(let scram): scram.isVerified
        case .tokenSent: complaint == nil
        case .over: true
        }
    }

    /// What to send along with the mechanism's name, or nil when the server speaks first.
    ///
    /// Where it is too long for the command line, or the protocol has none, don't call it and give the first, empty
    /// challenge to ``respond(to:)``.
    package mutating func initialResponse() -> [UInt8]? {
        guard case .idle = state else { return nil }
        switch mechanism {
        case .login, .cramMD5: return nil
        case .plain, .scramSHA256, .oauthBearer, .xoauth2: return first()
        }
    }

    /// Answers a challenge, already decoded from base64. SCRAM's costs as many hashes as the server asks for, up to
    /// seconds: off event loops.
    package mutating func respond(to challenge: [UInt8]) -> SASLClientStep {
        switch state {
        case .idle:
            if mechanism == .cramMD5 { return cramMD5(challenge) }
            return .response(first())
        case .sendPassword:
            state = .over
            return .response(identity.secret.bytes)
        case .scram(var scram):
            let step = scram.respond(to: challenge, password: identity.secret)
            state = .scram(scram)
            return step
        case .tokenSent:
            guard complaint == nil else { return .failed(.exchangeOver) }
            complaint = BearerComplaint(challenge).description
            // RFC 7628 §3.2.3: a lone ^A; XOAUTH2 wants an empty line. The refusal follows.
            return .response(mechanism == .oauthBearer ? [1] : [])
        case .over:
            return .failed(.exchangeOver)
        }
    }

    private mutating func first() -> [UInt8] {
        switch mechanism {
        case .plain:
            state = .over
            // RFC 4616 §2
            return [0] + Array(identity.login.utf8) + [0] + identity.secret.bytes
        case .login, .cramMD5:
            // The prompts are not standardised and not read: the name comes first everywhere.
            state = .sendPassword
            return Array(identity.login.utf8)
        case .scramSHA256:
            let scram = SCRAMClient(login: identity.login, nonce: nonce)
            state = .scram(scram)
            return scram.firstMessage
        case .xoauth2:
            state = .tokenSent
            return Array("user=\(identity.login)\u{1}auth=Bearer ".utf8) + identity.secret.bytes + [1, 1]
        case .oauthBearer:
            state = .tokenSent
            // RFC 7628 §3.1
            let name = SCRAMClient.escape(Array(identity.login.utf8))
            let head = Array("n,a=".utf8) + name
            let place = ",\u{1}host=\(identity.host)\u{1}port=\(identity.port)\u{1}auth=Bearer "
            return head + Array(place.utf8) + identity.secret.bytes + [1, 1]
        }
    }

    // RFC 2195 §2
    private mutating func cramMD5(_ challenge: [UInt8]) -> SASLClientStep {
        guard !challenge.isEmpty else { return .failed(.malformed(.cramMD5)) }
        state = .over
        return .response(Array("\(identity.login) ".utf8) + CRAMMD5.digest(challenge, identity.secret))
    }
}
