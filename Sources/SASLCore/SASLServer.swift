/// What the server does after a message of the client.
package enum SASLStep: Sendable, Equatable {
    /// Send these octets (base64 on the wire) and hand the answer to `respond`.
    case challenge([UInt8])
    /// The exchange is complete; the caller checks the credentials and reports.
    case credentials(SASLCredentials)
    /// SCRAM: fetch what is kept of this login, or something that looks like it, and hand it to `provide`.
    case verifier(login: String)
    /// SCRAM: the client has proven that it knows the password behind the verifier, and has had the server's proof.
    case proven
    /// Check this token: with a good one the exchange is complete, a bad one goes to `refuseToken`.
    case token(SASLToken)
    /// The exchange is over without credentials.
    case failed(SASLFailure)
}

/// The server's side of each mechanism.
///
/// The surrounding protocol owns base64 (`SASLLine`), the `*` that cancels, and the final reply. Call `start` once, then
/// `respond` for each further message until the step is not `.challenge`.
package struct SASLServer: Sendable {
    private enum State {
        case idle(SASLMechanism)
        case awaitingPlainMessage
        case awaitingLoginName
        case awaitingLoginPassword(login: String)
        case scram(SCRAMServer)
        case awaitingToken(SASLMechanism)
        /// The token was handed out to be checked.
        case checkingToken
        /// The client was told why its token is refused.
        case tokenRefused
        case over
    }

    private var state: State
    private let scram: SCRAMServer?

    /// - Parameters:
    ///   - mechanism: one that was offered.
    ///   - nonce: 18 or more random printable characters without a comma, used once; for SCRAM.
    ///   - binding: what this TLS connection is known by; nil where SCRAM-SHA-256-PLUS was not offered.
    package init(_ mechanism: SASLMechanism, nonce: String = "", binding: ChannelBinding? = nil) {
        state = .idle(mechanism)
        scram =
            switch mechanism {
            case .scramSHA256, .scramSHA256Plus:
                SCRAMServer(requiresBinding: mechanism == .scramSHA256Plus, binding: binding, nonce: nonce)
            case .plain, .login, .oauthBearer, .xoauth2: nil
            }
    }

    /// Begins the exchange. `initialResponse` is nil when the client sent none; an empty one was sent as `=`.
    package mutating func start(initialResponse: [UInt8]?) -> SASLStep {
        guard case .idle(let mechanism) = state else { return finish(.failed(.exchangeOver)) }
        switch mechanism {
        case .plain: state = .awaitingPlainMessage
        case .login: state = .awaitingLoginName
        case .scramSHA256, .scramSHA256Plus:
            guard let scram else { return finish(.failed(.exchangeOver)) }
            state = .scram(scram)
        case .oauthBearer, .xoauth2: state = .awaitingToken(mechanism)
        }
        if let initialResponse { return respond(initialResponse) }
        // RFC 4422 §5: where the client speaks first the challenge is empty
        return .challenge(mechanism == .login ? Array("Username:".utf8) : [])
    }

    /// Takes the client's next message, already decoded from base64.
    package mutating func respond(_ message: [UInt8]) -> SASLStep {
        switch state {
        case .idle, .over, .checkingToken:
            return finish(.failed(.exchangeOver))
        case .scram(var scram):
            let step = scram.respond(message)
            state = .scram(scram)
            return step
        case .awaitingToken(let mechanism):
            switch SASLToken.read(message, mechanism) {
            case .success(let token):
                state = .checkingToken
                return .token(token)
            case .failure(let failure): return finish(.failed(failure))
            }
        case .tokenRefused:
            // RFC 7628 §3.2.3: whatever the client answers, the exchange fails now
            return finish(.failed(.tokenRefused))
        case .awaitingPlainMessage:
            return finish(Self.plain(message))
        case .awaitingLoginName:
            switch Self.identity(message[...]) {
            case .success(let login):
                state = .awaitingLoginPassword(login: login)
                return .challenge(Array("Password:".utf8))
            case .failure(let failure): return finish(.failed(failure))
            }
        case .awaitingLoginPassword(let login):
            switch Self.password(message[...]) {
            case .success(let password): return finish(.credentials(SASLCredentials(login: login, password: password)))
            case .failure(let failure): return finish(.failed(failure))
            }
        }
    }

    /// Goes on after `.verifier`.
    package mutating func provide(_ verifier: SCRAMVerifier) -> SASLStep {
        guard case .scram(var scram) = state else { return finish(.failed(.exchangeOver)) }
        let step = scram.provide(verifier)
        state = .scram(scram)
        return step
    }

    /// Goes on after `.token` with a bad one.
    ///
    /// - Parameter explanation: the JSON of RFC 7628 §3.2.3.
    package mutating func refuseToken(_ explanation: [UInt8]) -> SASLStep {
        guard case .checkingToken = state else { return finish(.failed(.exchangeOver)) }
        state = .tokenRefused
        return .challenge(explanation)
    }

    private mutating func finish(_ step: SASLStep) -> SASLStep {
        state = .over
        return step
    }
}

extension SASLServer {
    // RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    private static func plain(_ message: [UInt8]) -> SASLStep {
        let fields = message.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, let authzid = fields.first, let passwd = fields.last else {
            return .failed(.malformed)
        }
        guard authzid.count <= SASLLimits.field else { return .failed(.tooLong) }
        let login: String
        switch identity(fields[1]) {
        case .success(let value): login = value
        case .failure(let failure): return .failed(failure)
        }
        var authorization: String?
        if !authzid.isEmpty {
            guard case .success(let value) = identity(authzid) else { return .failed(.malformed) }
            // An account acts for itself only; addresses compare without regard to case.
            guard value.lowercased() == login.lowercased() else { return .failed(.authorizationDenied) }
            authorization = value
        }
        switch password(passwd) {
        case .success(let secret):
            return .credentials(SASLCredentials(login: login, password: secret, authorization: authorization))
        case .failure(let failure): return .failed(failure)
        }
    }

    static func identity(_ bytes: ArraySlice<UInt8>) -> Result<String, SASLFailure> {
        guard bytes.count <= SASLLimits.field else { return .failure(.tooLong) }
        // RFC 4616 §2: preparation that ends in an empty string is a failure
        guard let prepared = OpaqueString.prepare(bytes) else { return .failure(.malformed) }
        return .success(String(decoding: prepared, as: UTF8.self))
    }

    /// Passwords stay the octets that were sent: hashes made elsewhere are over octets, and whoever verifies also tries the
    /// prepared form.
    private static func password(_ bytes: ArraySlice<UInt8>) -> Result<Secret, SASLFailure> {
        guard bytes.count <= SASLLimits.field else { return .failure(.tooLong) }
        guard !bytes.isEmpty, !bytes.contains(0) else { return .failure(.malformed) }
        return .success(Secret(bytes))
    }
}
