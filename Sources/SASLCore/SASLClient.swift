/// What the client does after a challenge of the server.
package enum SASLClientStep: Sendable, Equatable {
    /// Send these octets, base64 on the wire. They hold the password in some steps: never log them.
    case response([UInt8])
    /// The server asked for more than the mechanism has: cancel with `*`.
    case failed(SASLFailure)
}

/// The client's side of PLAIN and LOGIN, for smarthosts.
package struct SASLClient: Sendable {
    private enum State {
        case idle
        case sendPassword
        case over
    }

    package let mechanism: SASLMechanism
    private let credentials: SASLCredentials
    private var state = State.idle

    package init(_ mechanism: SASLMechanism, credentials: SASLCredentials) {
        self.mechanism = mechanism
        self.credentials = credentials
    }

    /// The best mechanism of those that the server offers (names in any case); nil when there is none in common.
    package static func choose(offered: some Sequence<some StringProtocol>) -> SASLMechanism? {
        let known = Set(offered.compactMap { SASLMechanism(name: $0) })
        return SASLMechanism.allCases.first { known.contains($0) }
    }

    /// What to send along with the mechanism's name, or nil when the server speaks first.
    ///
    /// Where the surrounding protocol has no initial response, send none and give the first, empty challenge to `respond`.
    package mutating func initialResponse() -> [UInt8]? {
        guard case .idle = state, mechanism == .plain else { return nil }
        state = .over
        return plainMessage
    }

    /// Answers a challenge, already decoded from base64.
    package mutating func respond(to challenge: [UInt8]) -> SASLClientStep {
        switch (mechanism, state) {
        case (.plain, .idle):
            state = .over
            return .response(plainMessage)
        case (.login, .idle):
            // The prompts are not standardised and not read: the name comes first everywhere.
            state = .sendPassword
            return .response(Array(credentials.login.utf8))
        case (.login, .sendPassword):
            state = .over
            return .response(credentials.password.bytes)
        case (.plain, .sendPassword), (_, .over):
            return .failed(.exchangeOver)
        }
    }

    // RFC 4616 §2
    private var plainMessage: [UInt8] {
        Array((credentials.authorization ?? "").utf8) + [0] + Array(credentials.login.utf8) + [0]
            + credentials.password.bytes
    }
}
