import SASLCore

enum SASLCoreFuzz {
    static let entries = [FuzzEntry("sasl", exchange)]

    /// The server's and the client's side, fed with lines as they stand on the wire.
    static func exchange(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let mechanism: SASLMechanism = flags & 1 == 0 ? .plain : .login
        var server = SASLServer(mechanism)
        let initial = flags & 2 == 0 ? nil : response(SASLLine(initialResponse: input.line()))
        var step = server.start(initialResponse: initial)
        while case .challenge = step, !input.isEmpty {
            guard let message = response(SASLLine(continuation: input.line())) else { return }
            step = server.respond(message)
        }
        guard case .credentials(let credentials) = step else { return }
        precondition(!credentials.login.isEmpty && !credentials.password.isEmpty, "empty credentials")
        precondition(credentials.login.utf8.allSatisfy { $0 >= 32 && $0 != 127 }, "control characters in a login")
        // Prepared credentials must survive the way through our own client and server.
        var client = SASLClient(mechanism, credentials: credentials)
        var again = SASLServer(mechanism)
        var answer = again.start(initialResponse: client.initialResponse())
        while case .challenge(let challenge) = answer {
            guard case .response(let message) = client.respond(to: challenge) else { return }
            answer = again.respond(message)
        }
        guard credentials.login.utf8.count <= SASLLimits.field else { return }
        precondition(answer == .credentials(credentials), "credentials differ after a round trip")
    }

    private static func response(_ line: SASLLine) -> [UInt8]? {
        if case .response(let message) = line { message } else { nil }
    }
}
