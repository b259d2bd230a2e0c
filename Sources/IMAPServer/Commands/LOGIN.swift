import Directory
import IMAPCore
import Logging
import MailSyntax
import NetTransport
import SASLCore
import Telemetry

// LOGIN, AUTHENTICATE, STARTTLS. RFC 3501 §6.2
extension IMAPSession {
    func login(_ command: LoginCommand) async throws -> Completion {
        try checkLoginAllowed()
        guard let user = String(validating: command.user, as: UTF8.self) else {
            return try await refuseLogin("", .no(.authenticationFailed, "Authentication failed."))
        }
        let credentials = SASLCredentials(login: user, password: Secret(command.password))
        return try await logIn(credentials, mechanism: "LOGIN command")
    }

    func authenticate(_ command: AuthenticateCommand) async throws -> Completion {
        try checkLoginAllowed()
        guard let mechanism = SASLMechanism(name: command.mechanism), mechanisms.contains(mechanism) else {
            throw CommandRefusal.no(.cannot, "Unsupported authentication mechanism.")
        }
        var initial: [UInt8]?
        if let text = command.initialResponse {
            // RFC 4959 §3
            initial = try decoded(text.isEmpty ? .response([]) : SASLLine(initialResponse: text))
        }
        var exchange = LoginExchange(
            mechanism, authenticator: service.authenticator, client: connection.info.remote, binding: channelBinding)
        var step = await exchange.start(initialResponse: initial)
        while true {
            switch step {
            case .challenge(let octets):
                step = await exchange.respond(try await response(to: octets))
            case .credentials(let credentials):
                return try await logIn(credentials, mechanism: mechanism.rawValue)
            case .judged(let report, let login):
                return try await conclude(report, login: login, mechanism: mechanism.rawValue)
            case .failed(let failure):
                return try await refuseLogin("", .no(.authenticationFailed, "Authentication failed: \(failure)."))
            }
        }
    }

    /// Sends a challenge and takes the answer.
    private func response(to challenge: [UInt8]) async throws -> [UInt8] {
        encoder.continuation(SASLLine.encode(challenge))
        try await control(.expect(.authentication))
        switch try await nextFrame() {
        case .line(let line): return try decoded(SASLLine(continuation: line))
        case .fatal(let problem): throw SessionEnd.bye(.limit, problem.text, "protocol")
        default: throw CommandRefusal.bad(nil, "Authentication exchange expected.")
        }
    }

    private func decoded(_ line: SASLLine) throws(CommandRefusal) -> [UInt8] {
        switch line {
        case .response(let octets): return octets
        // RFC 3501 §6.2.2
        case .cancel: throw .bad(nil, "Authentication cancelled by client.")
        case .malformed: throw .bad(nil, "Invalid base64 data in authentication.")
        }
    }

    private func checkLoginAllowed() throws(CommandRefusal) {
        if case .authenticated = phase { throw .bad(.clientBug, "Already logged in.") }
        guard tls != nil || service.settings.allowsPlaintextLogin else {
            // RFC 3501 §6.2.3, RFC 5530 §3
            throw .no(.privacyRequired, "Logging in needs TLS; use STARTTLS or the TLS port.")
        }
    }

    private func logIn(_ credentials: SASLCredentials, mechanism: String) async throws -> Completion {
        let attempt = LoginAttempt(credentials: credentials, protocol: .imap, client: connection.info.remote)
        let report = await service.authenticator.judge(attempt)
        return try await conclude(report, login: credentials.login, mechanism: mechanism)
    }

    private func conclude(_ report: LoginReport, login: String, mechanism: String) async throws -> Completion {
        record(login: login, mechanism: mechanism, report: report)
        switch report.outcome {
        case .success(let account):
            return try await loggedIn(account)
        case .invalidCredentials:
            return try await refuseLogin(login, .no(.authenticationFailed, "Authentication failed."))
        case .disabled:
            return try await refuseLogin(login, .no(.authorizationFailed, "Account is disabled."))
        case .throttled:
            return try await refuseLogin(login, .no(.unavailable, "Too many failed logins, try later."))
        case .temporaryFailure(let text):
            throw CommandRefusal.no(.unavailable, "Temporary authentication failure: \(text)")
        }
    }

    private func loggedIn(_ account: Account) async throws -> Completion {
        phase = .authenticated(account)
        loginFailures = 0
        try await control(.totalDeadline(nil))
        try await control(.deadline(service.settings.inactivityDeadline))
        // RFC 3501 §6.2.2, §6.2.3: the capabilities change, so they are said
        return .ok(.capability(IMAPCapabilities.keywords(capabilityState)), "Logged in", announce: .nothing)
    }

    /// Holds the answer back, and ends the session of a client that only guesses.
    private func refuseLogin(_ login: String, _ refusal: CommandRefusal) async throws -> Completion {
        loginFailures += 1
        if service.settings.loginFailureDelay > .zero {
            try await Task.sleep(for: service.settings.loginFailureDelay)
        }
        if loginFailures >= service.settings.maximumLoginFailures {
            throw SessionEnd.bye(refusal.status.code, "Too many failed logins.", "errors")
        }
        return Completion(refusal.status, announce: .nothing)
    }

    // RFC 3501 §6.2.1
    func startTLS(tag: String) async throws -> Completion {
        guard tls == nil else { throw CommandRefusal.bad(.clientBug, "TLS is already active.") }
        guard case .notAuthenticated = phase, capabilityState.canStartTLS else {
            throw CommandRefusal.bad(nil, "STARTTLS is not available here.")
        }
        tagged(tag, IMAPStatus(.ok, nil, "Begin TLS negotiation now."))
        let reply = encoder.take()
        try await control(.upgradeTLS(reply: reply))
        switch await nextEvent() {
        case .tlsEstablished(let info):
            tls = info
            throw CommandAnswered()
        case .tlsFailed(.plaintextAfterUpgrade):
            // RFC 3501 §6.2.1: what stood behind STARTTLS was not protected and may be anybody's
            logger.notice("plaintext after STARTTLS")
            throw SessionEnd.bye(.clientBug, "Commands after STARTTLS before TLS.", "protocol")
        case .tlsFailed(.unavailable):
            throw CommandRefusal.no(.unavailable, "TLS is not available now.")
        case .tlsFailed(.handshake(let reason)):
            logger.info("TLS handshake failed", metadata: [LogKey.error: "\(reason)"])
            throw SessionEnd.connectionLost
        case let other:
            throw SessionEnd(event: other)
        }
    }
}

/// The command has had its tagged answer.
struct CommandAnswered: Error {
}
