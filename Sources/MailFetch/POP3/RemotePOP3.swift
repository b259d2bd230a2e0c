import MailSyntax
import SASLCore

/// A session with another POP3 server. Belongs to one task. RFC 1939
struct RemotePOP3 {
    var wire: RemoteWire
    let remote: RemoteHost
    private var capabilities: [String] = []

    init(_ wire: RemoteWire, remote: RemoteHost) {
        self.wire = wire
        self.remote = remote
    }

    mutating func open(_ login: RemoteLogin, connector: RemoteConnector) async throws {
        _ = try await answer("the greeting")
        try await askCapabilities()
        if remote.security == .starttls {
            // RFC 2595 §4
            guard capabilities.contains("STLS") else {
                throw RemoteFailure(
                    .tls, "\(remote.shown) does not offer STLS", remedy: "use its port for TLS from the start")
            }
            try await command("STLS")
            try await wire.startTLS(try connector.tls(remote))
            try await askCapabilities()
        }
        try await logIn(login)
    }

    /// RFC 2449 §5; a server without CAPA has none.
    private mutating func askCapabilities() async throws {
        capabilities = []
        do {
            try await command("CAPA")
        } catch let failure as RemoteFailure where failure.kind == .refused {
            return
        }
        var found: [String] = []
        try await lines { line in
            if found.count < 200 { found.append(String(decoding: line, as: UTF8.self).uppercased()) }
        }
        capabilities = found
    }

    private mutating func logIn(_ login: RemoteLogin) async throws {
        let mayReveal = wire.hasTLS || !remote.verifies
        let offered =
            capabilities.first { $0.hasPrefix("SASL ") }?.split(separator: " ").dropFirst().map(String.init) ?? []
        if let mechanism = RemoteSASL.mechanism(login, offered: offered, mayReveal: mayReveal) {
            return try await authenticate(mechanism, login)
        }
        guard !login.isToken, mayReveal, capabilities.isEmpty || capabilities.contains("USER") else {
            throw RemoteSASL.noMechanism(remote, offered, login)
        }
        let secret = String(decoding: login.secret.bytes, as: UTF8.self)
        guard !(login.user + secret).utf8.contains(where: { $0 < 0x20 }) else {
            throw RemoteFailure(.login, "user or password holds a control character")
        }
        do {
            try await command("USER \(login.user)", shown: "USER")
            try await command("PASS \(secret)", shown: "PASS")
        } catch let failure as RemoteFailure where failure.kind == .refused {
            throw RemoteFailure(.login, failure.text)
        }
    }

    // RFC 5034 §4
    private mutating func authenticate(_ mechanism: SASLClientMechanism, _ login: RemoteLogin) async throws {
        var client = RemoteSASL.client(mechanism, login, remote)
        var line = "AUTH \(mechanism.rawValue)"
        // RFC 5034 §4: 255 octets are the most that a command has.
        var held: [UInt8]?
        if let first = client.initialResponse() {
            let encoded = first.isEmpty ? "=" : Base64.encode(first)
            if line.utf8.count + encoded.utf8.count <= 250 { line += " \(encoded)" } else { held = first }
        }
        try await wire.send(line)
        var problem: String?
        while true {
            let answer = try await wire.line()
            let text = PeerText.clean(answer)
            if answer.first == UInt8(ascii: "+"), !text.uppercased().hasPrefix("+OK") {
                if let first = held {
                    held = nil
                    try await wire.send(Base64.encode(first))
                    continue
                }
                let (next, response, failure) = await RemoteSASL.respond(
                    client, to: Array(answer.dropFirst().drop { $0 == 0x20 }))
                client = next
                problem = failure ?? problem
                try await wire.send(response ?? "*")
                continue
            }
            guard text.uppercased().hasPrefix("+OK"), client.isComplete, problem == nil else {
                let why = problem ?? client.complaint ?? text
                throw RemoteFailure(
                    .login, "\(remote.shown) refuses the login of \(login.user): \(PeerText.clean(why))")
            }
            return
        }
    }

    // MARK: Commands

    /// Sends a command and reads the first line of its answer.
    @discardableResult
    mutating func command(_ line: String, shown: String? = nil) async throws -> String {
        try await wire.send(line)
        return try await answer(shown ?? line)
    }

    private mutating func answer(_ shown: String) async throws -> String {
        let text = PeerText.clean(try await wire.line())
        guard text.uppercased().hasPrefix("+OK") else {
            throw RemoteFailure(.refused, "\(remote.shown) answers \(shown) with: \(text)")
        }
        return text
    }

    /// The lines of an answer up to the dot. RFC 1939 §3
    private mutating func lines(_ body: ([UInt8]) async throws -> Void) async throws {
        while true {
            let line = try await wire.line()
            if line == [0x2E] { return }
            try await body(line.first == 0x2E ? Array(line.dropFirst()) : line)
        }
    }

    /// Numbers, identifiers and sizes of what is there.
    mutating func messages() async throws -> [(number: Int, uniqueID: String, size: Int)] {
        do {
            try await command("UIDL")
        } catch let failure as RemoteFailure where failure.kind == .refused {
            throw RemoteFailure(
                .refused, "\(remote.shown) has no UIDL, so that nobody can tell which messages came already",
                remedy: "fetch over IMAP instead")
        }
        let (limit, shown) = (wire.limits.messages, remote.shown)
        var found: [(number: Int, uniqueID: String, size: Int)] = []
        var seen: Set<String> = []
        try await lines { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            // RFC 1939 §7: 1 to 70 octets; some servers have longer ones.
            guard words.count >= 2, let number = Int(words[0]), number > 0, words[1].utf8.count <= 255 else { return }
            guard found.count < limit else { throw RemoteFailure(.malformed, "\(shown) has too many messages") }
            guard seen.insert(String(words[1])).inserted else {
                throw RemoteFailure(.malformed, "\(shown) gives two messages the same unique id")
            }
            found.append((number, String(words[1]), 0))
        }
        var sizes: [Int: Int] = [:]
        try await command("LIST")
        try await lines { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            if words.count >= 2, sizes.count < limit, let number = Int(words[0]), let size = Int(words[1]), size >= 0 {
                sizes[number] = size
            }
        }
        for index in found.indices { found[index].size = sizes[found[index].number] ?? 0 }
        return found
    }

    /// A message, in pieces with CRLF as line ends.
    mutating func retrieve(_ number: Int, _ body: ([UInt8]) async throws -> Void) async throws {
        try await command("RETR \(number)")
        var taken = 0
        let limit = wire.limits.message
        let shown = remote.shown
        var isStart = true
        while true {
            // Messages have lines of any length.
            var (octets, isLast) = try await wire.piece()
            if isStart, octets.first == UInt8(ascii: ".") {
                if isLast, octets.count == 1 { return }
                octets.removeFirst()  // RFC 1939 §3
            }
            if isLast { octets += [0x0D, 0x0A] }
            taken += octets.count
            guard taken <= limit else {
                throw RemoteFailure(.malformed, "\(shown) sends a message of more than \(limit) octets")
            }
            try await body(octets)
            isStart = isLast
        }
    }

    /// Deletions count from here on. RFC 1939 §6
    mutating func quit() async throws { try await command("QUIT") }
}
