import MailSyntax
import NetTransport

/// Speaks SMTP as a client of the self-test.
struct SMTPProbe {
    struct Reply {
        var code: Int
        var lines: [String]

        var text: String { "\(code) \(lines.joined(separator: " / "))" }
    }

    private var wire: WireClient
    private(set) var extensions: [String] = []

    /// Takes the connection and reads the greeting.
    init(_ wire: WireClient) async throws {
        self.wire = wire
        try await expect(220, "the greeting", of: reply())
    }

    mutating func hello(_ name: String) async throws {
        let reply = try await command("EHLO \(name)", expecting: 250)
        extensions = reply.lines.dropFirst().map { $0.uppercased() }
    }

    mutating func startTLS(_ tls: ClientTLS, name: String) async throws {
        guard extensions.contains("STARTTLS") else { throw ProbeFailure("STARTTLS is not offered") }
        guard !extensions.contains(where: { $0.hasPrefix("AUTH") }) else {
            throw ProbeFailure("AUTH is offered before TLS")
        }
        try await command("STARTTLS", expecting: 220)
        try await wire.startTLS(tls)
        try await hello(name)
    }

    // RFC 4616 §2
    mutating func authenticate(_ login: String, _ password: String) async throws {
        let token = Base64.encode([0] + Array(login.utf8) + [0] + Array(password.utf8))
        try await command("AUTH PLAIN \(token)", shown: "AUTH PLAIN", expecting: 235)
    }

    /// Sends a message whose lines end in CRLF.
    mutating func send(from: String, to recipients: [String], message: [UInt8]) async throws {
        try await command("MAIL FROM:<\(from)>", expecting: 250)
        for recipient in recipients { try await command("RCPT TO:<\(recipient)>", expecting: 250) }
        try await command("DATA", expecting: 354)
        try await wire.send(Self.stuffed(message) + Array(".\r\n".utf8))
        try await expect(250, "the end of data", of: reply())
    }

    mutating func quit() async throws {
        try await command("QUIT", expecting: 221)
    }

    @discardableResult
    mutating func command(_ line: String, shown: String? = nil, expecting code: Int) async throws -> Reply {
        try await wire.send(line)
        let reply = try await reply()
        try expect(code, shown ?? line, of: reply)
        return reply
    }

    private func expect(_ code: Int, _ what: String, of reply: Reply) throws {
        guard reply.code == code else { throw ProbeFailure("\(what) was answered with \(reply.text)") }
    }

    private mutating func reply() async throws -> Reply {
        var lines: [String] = []
        while true {
            let line = try await wire.line()
            guard let code = Int(line.prefix(3)), line.utf8.count >= 3 else {
                throw ProbeFailure("\"\(line)\" is not an SMTP reply")
            }
            lines.append(String(line.dropFirst(4)))
            guard line.dropFirst(3).first == "-" else { return Reply(code: code, lines: lines) }
            guard lines.count < 200 else { throw ProbeFailure("a reply has no end") }
        }
    }

    // RFC 5321 §4.5.2
    private static func stuffed(_ message: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(message.count + 64)
        var atLineStart = true
        for byte in message {
            if atLineStart, byte == 0x2E { out.append(0x2E) }
            out.append(byte)
            atLineStart = byte == 0x0A
        }
        return out
    }
}
