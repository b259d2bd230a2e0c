import MailSyntax
import SASLCore

/// A session with another IMAP server. Belongs to one task.
struct RemoteIMAP {
    /// What came while a command was under way.
    struct Untagged {
        var values: [IMAPValue]
        var name: String { values.first?.text?.uppercased() ?? "" }
        /// Of `* 12 FETCH (…)`: the 12 and what follows.
        var numbered: (number: UInt32, name: String, rest: [IMAPValue])? {
            guard values.count >= 2, let number = values[0].text.flatMap({ UInt32($0) }),
                let name = values[1].text?.uppercased()
            else { return nil }
            return (number, name, Array(values.dropFirst(2)))
        }
    }

    var wire: RemoteWire
    let remote: RemoteHost
    private(set) var capabilities: Set<String> = []
    private var count = 0

    init(_ wire: RemoteWire, remote: RemoteHost) {
        self.wire = wire
        self.remote = remote
    }

    // MARK: Opening

    /// Greeting, TLS, login. RFC 3501 §6.2
    mutating func open(_ login: RemoteLogin, connector: RemoteConnector) async throws {
        let greeting = PeerText.clean(try await wire.line())
        guard greeting.uppercased().hasPrefix("* OK") || greeting.uppercased().hasPrefix("* PREAUTH") else {
            throw RemoteFailure(.refused, "\(remote.shown) greets with \"\(greeting)\"")
        }
        try await askCapabilities()
        if remote.security == .starttls {
            guard capabilities.contains("STARTTLS") else {
                throw RemoteFailure(
                    .tls, "\(remote.shown) does not offer STARTTLS", remedy: "use its port for TLS from the start")
            }
            _ = try await command("STARTTLS")
            try await wire.startTLS(try connector.tls(remote))
            try await askCapabilities()
        }
        guard !greeting.uppercased().hasPrefix("* PREAUTH") else { return }
        try await logIn(login)
        try await askCapabilities()
    }

    private mutating func askCapabilities() async throws {
        var found: Set<String> = []
        _ = try await command("CAPABILITY") { untagged in
            guard untagged.name == "CAPABILITY" else { return }
            found.formUnion(untagged.values.dropFirst().compactMap { $0.text?.uppercased() })
        }
        capabilities = found
    }

    private mutating func logIn(_ login: RemoteLogin) async throws {
        let mayReveal = wire.hasTLS || !remote.verifies
        let offered = capabilities.compactMap { $0.hasPrefix("AUTH=") ? String($0.dropFirst(5)) : nil }.sorted()
        if let mechanism = RemoteSASL.mechanism(login, offered: offered, mayReveal: mayReveal) {
            return try await authenticate(mechanism, login)
        }
        // RFC 3501 §6.2.3
        guard !login.isToken, mayReveal, !capabilities.contains("LOGINDISABLED") else {
            throw RemoteSASL.noMechanism(remote, offered, login)
        }
        let secret = String(decoding: login.secret.bytes, as: UTF8.self)
        do {
            _ = try await command("LOGIN \(Self.quoted(login.user)) \(Self.quoted(secret))", shown: "LOGIN")
        } catch let failure as RemoteFailure where failure.kind == .refused {
            throw RemoteFailure(.login, failure.text)
        }
    }

    // RFC 3501 §6.2.2, RFC 4959 §3
    private mutating func authenticate(_ mechanism: SASLClientMechanism, _ login: RemoteLogin) async throws {
        var client = RemoteSASL.client(mechanism, login, remote)
        count += 1
        let tag = "m\(count)"
        var line = "\(tag) AUTHENTICATE \(mechanism.rawValue)"
        if capabilities.contains("SASL-IR"), let first = client.initialResponse() {
            line += " " + (first.isEmpty ? "=" : Base64.encode(first))
        }
        try await wire.send(line)
        var problem: String?
        while true {
            let answer = try await wire.line()
            if answer.first == UInt8(ascii: "+") {
                let (next, response, failure) = await RemoteSASL.respond(
                    client, to: Array(answer.dropFirst().drop { $0 == 0x20 }))
                client = next
                problem = failure ?? problem
                try await wire.send(response ?? "*")
                continue
            }
            guard answer.starts(with: "\(tag) ".utf8) else { continue }
            let text = PeerText.clean(Array(answer.dropFirst(tag.utf8.count + 1)))
            guard text.uppercased().hasPrefix("OK"), client.isComplete, problem == nil else {
                let why = problem ?? client.complaint ?? text
                throw RemoteFailure(
                    .login, "\(remote.shown) refuses the login of \(login.user): \(PeerText.clean(why))")
            }
            return
        }
    }

    // MARK: Commands

    /// Sends a command without waiting; returns its tag.
    mutating func begin(_ line: String) async throws -> String {
        count += 1
        let tag = "m\(count)"
        try await wire.send("\(tag) \(line)")
        return tag
    }

    /// Sends a command and waits for its end.
    ///
    /// - Parameters:
    ///   - shown: what is told of it in errors.
    ///   - each: is handed what comes untagged.
    /// - Returns: the text of the tagged response.
    @discardableResult
    mutating func command(
        _ line: String, shown: String? = nil, each: (Untagged) throws -> Void = { _ in }
    ) async throws -> String {
        let tag = try await begin(line)
        return try await finish(tag, shown: shown ?? line, each: each)
    }

    /// Waits for the end of a command.
    @discardableResult
    mutating func finish(
        _ tag: String, shown: String, each: (Untagged) throws -> Void = { _ in }
    ) async throws -> String {
        while true {
            let response = try await self.response()
            if let text = try tagged(response, tag, shown: shown) { return text }
            if let untagged = try untagged(response) { try each(untagged) }
        }
    }

    /// The text of the tagged response that ends a command; nil for any other line.
    func tagged(_ response: IMAPResponseText, _ tag: String, shown: String) throws -> String? {
        guard response.head.starts(with: "\(tag) ".utf8) else { return nil }
        let text = PeerText.clean(Array(response.head.dropFirst(tag.utf8.count + 1)))
        guard text.uppercased().hasPrefix("OK") else {
            throw RemoteFailure(.refused, "\(remote.shown) answers \(PeerText.clean(shown, limit: 60)) with: \(text)")
        }
        return text
    }

    func untagged(_ response: IMAPResponseText) throws -> Untagged? {
        guard response.head.starts(with: "* ".utf8) else { return nil }
        if response.head.starts(with: "* BYE".utf8) {
            throw RemoteFailure(.lost, "\(remote.shown) ends the session: \(PeerText.clean(response.head))")
        }
        return Untagged(values: Array(response.values().dropFirst()))
    }

    /// The next response, held in memory as a whole.
    mutating func response() async throws -> IMAPResponseText {
        try await response(streams: false) { _ in }
    }

    /// The next response; a message's literal goes to `body`, piece by piece.
    mutating func response(
        streaming body: ([UInt8]) async throws -> Void
    ) async throws -> IMAPResponseText {
        try await response(streams: true, body)
    }

    private mutating func response(
        streams: Bool, _ body: ([UInt8]) async throws -> Void
    ) async throws -> IMAPResponseText {
        var result = IMAPResponseText()
        var size = 0
        while true {
            let line = try await wire.line()
            result.pieces.append(.text(line))
            guard let length = Self.literal(line) else { return result }
            if streams, Self.endsInBody(line) {
                try await wire.stream(length, body)
                result.pieces.append(.streamed)
            } else {
                size += line.count
                let (total, isOver) = size.addingReportingOverflow(length)
                guard !isOver, total <= wire.limits.literal * 4 else {
                    throw RemoteFailure(.malformed, "\(remote.shown) sent a response without an end")
                }
                size = total
                result.pieces.append(.literal(try await wire.octets(length)))
            }
        }
    }

    /// The octets that a line announces at its end: `{123}`. RFC 3501 §4.3
    static func literal(_ line: [UInt8]) -> Int? {
        guard line.last == UInt8(ascii: "}"), let open = line.lastIndex(of: UInt8(ascii: "{")) else { return nil }
        let digits = line[(open + 1)..<(line.count - 1)]
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func endsInBody(_ line: [UInt8]) -> Bool {
        guard let open = line.lastIndex(of: UInt8(ascii: "{")) else { return false }
        let before = String(decoding: line[..<open].suffix(16), as: UTF8.self).uppercased()
        return before.hasSuffix("BODY[] ") || before.hasSuffix("RFC822 ")
    }

    // RFC 3501 §9
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    mutating func logOut() async {
        _ = try? await command("LOGOUT")
    }
}
