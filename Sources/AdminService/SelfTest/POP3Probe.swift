import NetTransport

/// Speaks POP3 as a client of the self-test.
struct POP3Probe {
    private var wire: WireClient

    init(_ wire: WireClient) async throws {
        self.wire = wire
        try await ok("the greeting")
    }

    mutating func startTLS(_ tls: ClientTLS) async throws {
        try await command("STLS")
        try await wire.startTLS(tls)
    }

    mutating func login(_ login: String, _ password: String) async throws {
        try await command("USER \(login)")
        try await command("PASS \(password)", shown: "PASS")
    }

    /// The number of messages.
    mutating func messageCount() async throws -> Int {
        let answer = try await command("STAT")
        guard let count = answer.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw ProbeFailure("STAT was answered with \(answer)")
        }
        return count
    }

    mutating func retrieve(_ number: Int) async throws -> [UInt8] {
        try await command("RETR \(number)")
        var message: [UInt8] = []
        while true {
            let line = try await wire.line()
            if line == "." { return message }
            message.append(contentsOf: (line.hasPrefix(".") ? line.dropFirst() : line[...]).utf8)
            message.append(contentsOf: [0x0D, 0x0A])
            guard message.count < 8 << 20 else { throw ProbeFailure("a message has no end") }
        }
    }

    @discardableResult
    mutating func command(_ line: String, shown: String? = nil) async throws -> String {
        try await wire.send(line)
        return try await ok(shown ?? line)
    }

    @discardableResult
    private mutating func ok(_ what: String) async throws -> String {
        let line = try await wire.line()
        guard line.hasPrefix("+OK") else { throw ProbeFailure("\(what) was answered with \(line)") }
        return line
    }
}
