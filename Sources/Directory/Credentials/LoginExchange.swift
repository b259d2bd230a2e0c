package import MailSyntax
package import SASLCore

/// One SASL exchange of a session, from AUTH to its verdict, whatever the mechanism.
///
/// The protocol sends challenges and hands in what the client answers; a password comes back to be judged by the protocol,
/// which may know other names than accounts; SCRAM and tokens are judged here, with the throttle of all logins.
package struct LoginExchange: Sendable {
    /// What the protocol does next.
    package enum Step: Sendable {
        /// Send these octets (base64 on the wire) and hand the answer to `respond`.
        case challenge([UInt8])
        /// Judge this password and report; the exchange is over.
        case credentials(SASLCredentials)
        /// The exchange is over with this verdict; `login` is what the client called itself, as far as it is known.
        case judged(LoginReport, login: String)
        /// The exchange is over: what came is not to be understood, or was not allowed.
        case failed(SASLFailure)
    }

    package let mechanism: SASLMechanism
    private let authenticator: Authenticator?
    private let client: IPAddress
    private var server: SASLServer
    private var subject: ProofSubject?
    private var refusal: (report: LoginReport, login: String)?

    /// - Parameters:
    ///   - mechanism: one that was offered.
    ///   - authenticator: nil serves passwords alone.
    ///   - client: for the throttle.
    ///   - binding: what the TLS connection is known by; nil where SCRAM-SHA-256-PLUS was not offered.
    package init(
        _ mechanism: SASLMechanism, authenticator: Authenticator?, client: IPAddress, binding: ChannelBinding?
    ) {
        self.mechanism = mechanism
        self.authenticator = authenticator
        self.client = client
        server = SASLServer(mechanism, nonce: Self.nonce(), binding: binding)
    }

    /// Begins. `initialResponse` is nil when the client sent none.
    package mutating func start(initialResponse: [UInt8]?) async -> Step {
        await follow(server.start(initialResponse: initialResponse))
    }

    /// Takes the client's next message, decoded from base64.
    package mutating func respond(_ message: [UInt8]) async -> Step {
        await follow(server.respond(message))
    }

    private mutating func follow(_ first: SASLStep) async -> Step {
        var step = first
        while true {
            switch step {
            case .challenge(let challenge): return .challenge(challenge)
            case .credentials(let credentials): return .credentials(credentials)
            case .verifier(let login):
                guard let authenticator else { return .failed(.exchangeOver) }
                switch await authenticator.proofSubject(login, client: client) {
                case .failure(let refusal): return .judged(refusal.report, login: login)
                case .success(let found):
                    subject = found
                    step = server.provide(found.verifier)
                }
            case .proven: return conclude(isProven: true)
            case .failed(.wrongProof): return conclude(isProven: false)
            case .token(let token):
                guard let authenticator else { return .failed(.exchangeOver) }
                let (report, login, explanation) = await authenticator.judge(token, mechanism, client: client)
                guard let explanation else { return .judged(report, login: login) }
                refusal = (report, login)
                step = server.refuseToken(explanation)
            case .failed(.tokenRefused):
                guard let refusal else { return .failed(.tokenRefused) }
                return .judged(refusal.report, login: refusal.login)
            case .failed(let failure): return .failed(failure)
            }
        }
    }

    private func conclude(isProven: Bool) -> Step {
        guard let subject, let authenticator else { return .failed(.exchangeOver) }
        return .judged(authenticator.conclude(subject, isProven: isProven, client: client), login: subject.login)
    }

    private static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
