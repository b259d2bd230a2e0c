import NetTransport

/// Speaks IMAP as a client of the self-test.
struct IMAPProbe {
    /// A response line with its literals taken out.
    struct Response {
        var text: String
        var literals: [[UInt8]]
    }

    private var wire: WireClient
    private var count = 0

    init(_ wire: WireClient) async throws {
        self.wire = wire
        let greeting = try await self.wire.line()
        guard greeting.hasPrefix("* OK") else { throw ProbeFailure("the greeting is \"\(greeting)\"") }
    }

    mutating func startTLS(_ tls: ClientTLS) async throws {
        try await command("STARTTLS")
        try await wire.startTLS(tls)
    }

    mutating func login(_ login: String, _ password: String) async throws {
        try await command("LOGIN \(Self.quoted(login)) \(Self.quoted(password))", shown: "LOGIN")
    }

    /// The UIDs that a search finds, in the selected mailbox.
    mutating func search(_ criteria: String) async throws -> [Int] {
        let responses = try await command("UID SEARCH \(criteria)")
        for response in responses where response.text.hasPrefix("* SEARCH") {
            return response.text.split(separator: " ").dropFirst(2).compactMap { Int($0) }
        }
        return []
    }

    /// One section of a message.
    mutating func fetch(uid: Int, section: String) async throws -> [UInt8] {
        let responses = try await command("UID FETCH \(uid) (UID BODY.PEEK[\(section)])")
        for response in responses where response.text.contains("FETCH") {
            if let literal = response.literals.first { return literal }
        }
        throw ProbeFailure("FETCH returned no BODY[\(section)]")
    }

    @discardableResult
    mutating func command(_ line: String, shown: String? = nil) async throws -> [Response] {
        count += 1
        let tag = "t\(count)"
        try await wire.send("\(tag) \(line)")
        var responses: [Response] = []
        while true {
            let response = try await response()
            if response.text.hasPrefix("\(tag) ") {
                guard response.text.hasPrefix("\(tag) OK") else {
                    throw ProbeFailure("\(shown ?? line) was answered with \(response.text.dropFirst(tag.count + 1))")
                }
                return responses
            }
            responses.append(response)
            guard responses.count < 10_000 else { throw ProbeFailure("an answer has no end") }
        }
    }

    private mutating func response() async throws -> Response {
        var response = Response(text: try await wire.line(), literals: [])
        while let length = Self.literalLength(response.text) {
            response.literals.append(try await wire.octets(length))
            response.text += " " + (try await wire.line())
        }
        return response
    }

    private static func literalLength(_ line: String) -> Int? {
        guard line.hasSuffix("}"), let open = line.lastIndex(of: "{") else { return nil }
        return Int(line[line.index(after: open)...].dropLast())
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
