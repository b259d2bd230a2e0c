import MailSyntax
import NetTransport
import SASLCore
import SMTPCore

// AUTH. Whatever goes wrong here says something about the login and nothing about a message: it is thrown, the mail waits.
extension ClientSession {
    /// Octets of a command line with its end. // RFC 5321 §4.5.3.1.4
    private static let commandLine = 512

    // RFC 4954 §4
    mutating func logIn(_ credentials: ClientCredentials) async throws {
        let mechanisms = try candidates(credentials)
        switch credentials.proof {
        case .password(let secret): try await logIn(credentials.username, secret, mechanisms)
        case .token(let source):
            let token = try await Self.token(source)
            do {
                try await logIn(credentials.username, token, mechanisms)
            } catch SessionError.loginRefused(let answer, let complaint) where answer.isPermanent {
                await source.refused(token, reason: complaint ?? answer.text)
                // A token that was withdrawn before its time has a successor, which may be good.
                let next = try await Self.token(source)
                guard next != token else { throw SessionError.loginRefused(answer, complaint) }
                try await logIn(credentials.username, next, mechanisms)
            }
        }
    }

    private static func token(_ source: any AccessTokenSource) async throws -> Secret {
        do {
            return try await source.accessToken()
        } catch {
            try Task.checkCancellation()
            throw SessionError.tokenUnavailable("\(error)")
        }
    }

    /// What may be tried here, the strongest first.
    private func candidates(_ credentials: ClientCredentials) throws -> [SASLClientMechanism] {
        let hasToken = if case .token = credentials.proof { true } else { false }
        func possible(mayReveal: Bool) -> [SASLClientMechanism] {
            SASLClientMechanism.candidates(
                offered: capabilities.mechanisms, filter: credentials.mechanisms, hasToken: hasToken,
                mayReveal: mayReveal)
        }
        let mechanisms = possible(mayReveal: tls != nil || credentials.allowsClearText)
        guard mechanisms.isEmpty else { return mechanisms }
        // RFC 4954 §4: no plaintext password over a connection that others can read.
        guard possible(mayReveal: true).isEmpty else {
            throw SessionError.tlsUnavailable("credentials are never sent without TLS")
        }
        let offered = capabilities.mechanisms.isEmpty ? "no login" : capabilities.mechanisms.joined(separator: " ")
        throw SessionError.noMechanism(offered: offered)
    }

    private mutating func logIn(_ name: String, _ secret: Secret, _ mechanisms: [SASLClientMechanism]) async throws {
        for (index, mechanism) in mechanisms.enumerated() {
            let (answer, complaint) = try await exchange(mechanism, name, secret)
            if answer.code == 235 { return }
            // RFC 4954 §6: the mechanism is at fault, not the password.
            let isMechanism = [432, 504, 534].contains(answer.code)
            guard isMechanism, index + 1 < mechanisms.count else {
                throw SessionError.loginRefused(answer, complaint)
            }
        }
    }

    private mutating func exchange(
        _ mechanism: SASLClientMechanism, _ name: String, _ secret: Secret
    ) async throws -> (SMTPRemoteReply, complaint: String?) {
        var client = SASLClient(mechanism, identity: identity(name, secret), nonce: Self.nonce())
        let verb = "AUTH \(mechanism.rawValue)"
        var answer: SMTPRemoteReply
        var beginning = client
        // RFC 4954 §4: an initial response has to fit into the command line; an empty one is "=".
        if let first = beginning.initialResponse(), case let text = first.isEmpty ? "=" : Base64.encode(first),
            verb.utf8.count + text.utf8.count + 3 <= Self.commandLine
        {
            client = beginning
            answer = try await command("\(verb) \(text)", .auth, shown: "\(verb) …")
        } else {
            answer = try await command(verb, .auth)
        }
        while answer.code == 334 {
            guard let challenge = Self.challenge(answer, mechanism) else {
                throw try await cancelled("the host's challenge is not base64")
            }
            let answered = await Self.answer(client, to: challenge)
            client = answered.client
            switch answered.step {
            case .response(let response):
                answer = try await command(Base64.encode(response), .auth, shown: response.isEmpty ? "" : "…")
            case .failed(let failure): throw try await cancelled(failure.description)
            }
        }
        guard answer.code != 235 || client.isComplete else {
            throw SessionError.loginBroken("the host accepts the login before it has proven itself")
        }
        return (answer, client.complaint)
    }

    private func identity(_ name: String, _ secret: Secret) -> SASLClientIdentity {
        var port = 0
        if case .tcp(_, let number, _) = plan.endpoint { port = number }
        return SASLClientIdentity(login: name, secret: secret, host: plan.security.serverName, port: port)
    }

    /// SCRAM's iterations must not hold up an event loop.
    @concurrent
    private static func answer(
        _ client: SASLClient, to challenge: [UInt8]
    ) async -> (client: SASLClient, step: SASLClientStep) {
        var client = client
        let step = client.respond(to: challenge)
        return (client, step)
    }

    /// The decoded challenge. Prompts of PLAIN and LOGIN mean nothing, and some devices send them as plain text.
    private static func challenge(_ answer: SMTPRemoteReply, _ mechanism: SASLClientMechanism) -> [UInt8]? {
        let text = answer.lines.first ?? ""
        let decoded = Base64.decode(text.utf8)
        return mechanism == .plain || mechanism == .login ? decoded ?? [] : decoded
    }

    // RFC 4954 §4
    private mutating func cancelled(_ reason: String) async throws -> SessionError {
        _ = try await command("*", .auth)
        return .loginBroken(reason)
    }

    private static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<18).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
