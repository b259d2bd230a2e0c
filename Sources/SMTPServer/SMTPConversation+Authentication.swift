import Directory
import MailConfig
import MailPolicy
import MailSyntax
import NIOCore
import NetTransport
import SASLCore
import SMTPCore
import Telemetry

// AUTH. // RFC 4954 §4
extension SMTPConversation {
    private enum Exchange {
        case ended(SMTPReply)
        case credentials(SASLCredentials)
        case judged(LoginReport, login: String)
        /// The connection went away, or its time was up.
        case lost(SMTPReply?)
    }

    mutating func authenticate(_ name: String, _ initialResponse: [UInt8]?) async -> Bool {
        guard let mechanism = SASLMechanism(name: name) else {
            return await perform(session.authenticationEnded(.unknownMechanism, login: nil))
        }
        switch await exchange(mechanism, initialResponse) {
        case .ended(let reply):
            return await perform(session.authenticationEnded(reply, login: nil))
        case .lost(let reply):
            guard let reply else { return false }
            return await leave(reply)
        case .credentials(let credentials):
            return await check(credentials, mechanism)
        case .judged(let report, let login):
            let (found, refusal) = Self.answer(to: report)
            return await conclude(found, refusal, user: login, mechanism)
        }
    }

    /// What the TLS connection is known by; nil where it doesn't matter.
    var channelBinding: ChannelBinding? { context.settings.logins.binding(endPoint: tls?.endPoint) }

    /// TLS is on: some mechanisms depend on it.
    mutating func offerMechanisms() {
        let mechanisms = context.settings.logins.mechanisms(isSecure: true, binding: channelBinding)
        session.mechanisms = mechanisms.map(\.rawValue)
    }

    private mutating func exchange(_ mechanism: SASLMechanism, _ initialResponse: [UInt8]?) async -> Exchange {
        var server = LoginExchange(
            mechanism, authenticator: context.backend.authenticator, client: info.remote, binding: channelBinding)
        var step: LoginExchange.Step
        if let initialResponse {
            guard case .response(let message) = SASLLine(initialResponse: initialResponse) else {
                return .ended(.badBase64)
            }
            step = await server.start(initialResponse: message)
        } else {
            step = await server.start(initialResponse: nil)
        }
        while true {
            switch step {
            case .credentials(let credentials): return .credentials(credentials)
            case .judged(let report, let login): return .judged(report, login: login)
            case .failed(.authorizationDenied): return .ended(.badCredentials)
            case .failed(.channelBinding), .failed(.downgrade), .failed(.unsupportedChannelBinding):
                // RFC 4954 §6: the credentials are right or wrong, they are not for this connection
                return .ended(.badCredentials)
            case .failed: return .ended(SMTPReply(501, .init(5, 5, 2), "Malformed authentication response"))
            case .challenge(let challenge):
                let line = SMTPReply(334, nil, SASLLine.encode(challenge))
                line.render(into: &output)
                await send([.bytes(takeOutput()), .expect(.authResponse)])
                switch await nextResponse() {
                case .success(.response(let message)): step = await server.respond(message)
                case .success(.cancel): return .ended(.authenticationCancelled)
                case .success(.malformed): return .ended(.badBase64)
                case .failure(let interruption): return interruption.exchange
                }
            }
        }
    }

    private struct Interruption: Error {
        var exchange: Exchange
    }

    private mutating func nextResponse() async -> Result<SASLLine, Interruption> {
        while true {
            let event = await stream.next()
            // Each line of an exchange pauses the framer, whatever is wrong with it.
            isFramerPaused = true
            switch event {
            case .frame(.line(let line, _)): return .success(SASLLine(continuation: line))
            case .frame(.lineTooLong): return .failure(Interruption(exchange: .ended(.authenticationLineTooLong)))
            case .frame: return .failure(Interruption(exchange: .ended(.bareLineEnding)))
            case .deadlineReached:
                end = .timeout
                return .failure(Interruption(exchange: .lost(.timeout)))
            case .shuttingDown:
                end = .shutdown
                return .failure(Interruption(exchange: .lost(.shuttingDown)))
            case .woken: continue
            case .inputClosed, .closed, .tlsEstablished, .tlsFailed:
                return .failure(Interruption(exchange: .lost(nil)))
            }
        }
    }

    private mutating func check(_ credentials: SASLCredentials, _ mechanism: SASLMechanism) async -> Bool {
        let attempt = LoginAttempt(credentials: credentials, protocol: .smtp, client: info.remote)
        let rules = context.settings.rules
        let (found, refusal) =
            if let device = rules.device(username: credentials.login) {
                await judge(attempt, device, rules)
            } else {
                await judge(attempt)
            }
        return await conclude(found, refusal, user: credentials.login, mechanism)
    }

    private mutating func conclude(
        _ found: LoginFacts?, _ refusal: Refusal?, user: String, _ mechanism: SASLMechanism
    ) async -> Bool {
        if let found { login = found }
        let (reply, reason) = refusal ?? (.authenticated, nil)
        context.events.record(
            .login(
                .init(
                    outcome: reason.map { .failure(reason: $0) } ?? .success,
                    service: "smtp",
                    peer: peer,
                    user: user,
                    mechanism: mechanism.rawValue
                )
            )
        )
        if reason != nil {
            // Guessing is made slow; a delay holds nothing but this session.
            let factor = min(session.failedLogins + 1, 5)
            try? await Task.sleep(for: context.settings.failedLoginDelay * factor)
        }
        return await perform(session.authenticationEnded(reply, login: found?.name))
    }

    /// A reply, and its reason for the log.
    private typealias Refusal = (reply: SMTPReply, reason: String?)

    private static let throttled: Refusal = (
        SMTPReply(454, .init(4, 7, 0), "Too many failed logins, try later"), "throttled"
    )

    private func judge(_ attempt: LoginAttempt) async -> (LoginFacts?, Refusal?) {
        Self.answer(to: await context.backend.authenticate(attempt))
    }

    private static func answer(to report: LoginReport) -> (LoginFacts?, Refusal?) {
        switch report.outcome {
        case .success(let account): (LoginFacts(account: account.id.rawValue, address: account.address), nil)
        case .invalidCredentials: (nil, (.badCredentials, "invalid-credentials"))
        case .disabled: (nil, (SMTPReply(535, .init(5, 7, 13), "Account disabled"), "disabled"))
        case .throttled: (nil, Self.throttled)
        case .temporaryFailure: (nil, (.authenticationFailedTemporarily, "temporary"))
        }
    }

    /// A device's password is right only where the device may be.
    private func judge(
        _ attempt: LoginAttempt, _ device: Manifest.Device, _ rules: PolicyRules
    ) async -> (LoginFacts?, Refusal?) {
        let isAtHome = device.networks.isEmpty || device.networks.contains { $0.contains(attempt.client) }
        switch await context.backend.authenticate(attempt, device: device.name, isAllowed: isAtHome) {
        case .right:
            guard let facts = rules.login(of: device) else {
                return (nil, (.authenticationFailedTemporarily, "temporary"))
            }
            return (facts, nil)
        case .wrong: return (nil, (.badCredentials, isAtHome ? "invalid-credentials" : "device-network"))
        case .throttled: return (nil, Self.throttled)
        case .unavailable: return (nil, (.authenticationFailedTemporarily, "temporary"))
        }
    }
}
