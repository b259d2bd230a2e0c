import SASLCore

enum SASLCoreFuzz {
    static let entries = [FuzzEntry("sasl", exchange), FuzzEntry("sasl-client", challenges)]

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
        let identity = SASLClientIdentity(login: credentials.login, secret: credentials.password)
        var client = SASLClient(flags & 1 == 0 ? .plain : .login, identity: identity, nonce: "n")
        var again = SASLServer(mechanism)
        var answer = again.start(initialResponse: client.initialResponse())
        while case .challenge(let challenge) = answer {
            guard case .response(let message) = client.respond(to: challenge) else { return }
            answer = again.respond(message)
        }
        guard credentials.login.utf8.count <= SASLLimits.field else { return }
        precondition(answer == .credentials(credentials), "credentials differ after a round trip")
    }

    /// A client of any mechanism, fed with a server's challenges; SCRAM's many iterations are left out.
    static func challenges(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let mechanisms = SASLClientMechanism.allCases
        let mechanism = mechanisms[Int(flags >> 1) % mechanisms.count]
        let identity = SASLClientIdentity(login: "user", secret: Secret("pencils"), host: "host", port: 25)
        var client = SASLClient(mechanism, identity: identity, nonce: "rOprNGfwEbeRWgbNEkqO")
        if flags & 1 == 1 { _ = client.initialResponse() }
        for _ in 0..<6 where !input.isEmpty {
            let challenge = input.line()
            let isCheap = mechanism != .scramSHA256 || String(decoding: challenge, as: UTF8.self).contains("i=4096")
            guard isCheap || !challenge.contains(UInt8(ascii: "i")) else { return }
            guard case .response = client.respond(to: Array(challenge)) else { break }
        }
        if let complaint = client.complaint {
            precondition(complaint.utf8.count < 4096, "a complaint without end")
            precondition(complaint.utf8.allSatisfy { $0 >= 32 && $0 != 127 }, "control characters in a complaint")
        }
        precondition(mechanism != .scramSHA256 || !client.isComplete, "a signature that nobody can know")
    }

    private static func response(_ line: SASLLine) -> [UInt8]? {
        if case .response(let message) = line { message } else { nil }
    }
}
