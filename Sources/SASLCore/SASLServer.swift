/// What the server does after a message of the client.
package enum SASLStep: Sendable, Equatable {
    /// Send these octets (base64 on the wire) and hand the answer to `respond`.
    case challenge([UInt8])
    /// The exchange is complete; the caller checks the credentials and reports.
    case credentials(SASLCredentials)
    /// The exchange is over without credentials.
    case failed(SASLFailure)
}

/// The server's side of PLAIN and LOGIN.
///
/// The surrounding protocol owns base64 (`SASLLine`), the `*` that cancels, and the final reply. Call `start` once, then
/// `respond` for each further message until the step is not `.challenge`.
package struct SASLServer: Sendable {
    private enum State {
        case idle(SASLMechanism)
        case awaitingPlainMessage
        case awaitingLoginName
        case awaitingLoginPassword(login: String)
        case over
    }

    private var state: State

    package init(_ mechanism: SASLMechanism) {
        state = .idle(mechanism)
    }

    /// Begins the exchange. `initialResponse` is nil when the client sent none; an empty one was sent as `=`.
    package mutating func start(initialResponse: [UInt8]?) -> SASLStep {
        guard case .idle(let mechanism) = state else { return finish(.failed(.exchangeOver)) }
        switch mechanism {
        case .plain: state = .awaitingPlainMessage
        case .login: state = .awaitingLoginName
        }
        if let initialResponse { return respond(initialResponse) }
        switch mechanism {
        case .plain: return .challenge([])
        case .login: return .challenge(Array("Username:".utf8))
        }
    }

    /// Takes the client's next message, already decoded from base64.
    package mutating func respond(_ message: [UInt8]) -> SASLStep {
        switch state {
        case .idle, .over:
            return finish(.failed(.exchangeOver))
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

    private static func identity(_ bytes: ArraySlice<UInt8>) -> Result<String, SASLFailure> {
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
