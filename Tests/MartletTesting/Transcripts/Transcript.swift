import MailSyntax

/// A dialogue of one client with a server, from a file of Tests/Fixtures/Transcripts (docs/testing.md, "Transcripts").
package struct Transcript: Sendable {
    /// One line of the file.
    package struct Step: Sendable {
        package enum Kind: Sendable {
            /// The client says these octets, CRLF included; words are not filled in yet.
            case client(String)
            /// The server's next line.
            case server(TranscriptPattern)
            /// The first line of the server's that fits; those before it are passed over.
            case serverEventually(TranscriptPattern)
            /// STARTTLS or STLS was agreed on: the handshake.
            case tls
            /// The server closes.
            case close
        }

        package var line: Int
        package var text: String
        package var kind: Kind
    }

    /// The file's name, or another for messages.
    package var name: String
    /// In which states of a connection it is played.
    package var states: [String]
    /// What the client says at a time must arrive in one piece.
    package var isWhole = false
    package var steps: [Step] = []

    /// The dialogue by which a state is reached, which may be none at all.
    init(opening text: String, name: String) throws(TranscriptError) {
        self.name = name
        states = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            try read(line, number: index + 1)
        }
    }

    /// - Throws: ``TranscriptError`` with the line that is no step, or when nothing is expected of the server.
    package init(name: String, parsing text: String) throws(TranscriptError) {
        try self.init(opening: text, name: name)
        guard !states.isEmpty else { throw TranscriptError(name, 1, "no states are named: # states: …") }
        let expects = steps.contains { step in
            switch step.kind {
            case .client, .tls: false
            case .server, .serverEventually, .close: true
            }
        }
        guard expects else { throw TranscriptError(name, 1, "nothing is expected of the server") }
    }

    /// What the client says in a step; nothing where it says nothing.
    package static func octets(of step: Step, _ words: TranscriptWords) -> [UInt8] {
        guard case .client(let text) = step.kind else { return [] }
        return TranscriptOctets(words.fill(text)).octets
    }

    private mutating func read(_ line: Substring, number: Int) throws(TranscriptError) {
        let rest = String(line.dropFirst(3))
        let kind: Step.Kind
        switch line.prefix(2) {
        case "C:": kind = .client(rest + "\\r\\n")
        case "C-": kind = .client(rest)
        case "S:": kind = .server(try pattern(rest, number))
        case "S*": kind = .serverEventually(try pattern(rest, number))
        case "# ":
            guard let directive = try directive(line.dropFirst(2), number) else { return }
            kind = directive
        default: throw TranscriptError(name, number, "not a step: \(line)")
        }
        steps.append(Step(line: number, text: String(line), kind: kind))
    }

    private mutating func directive(_ line: Substring, _ number: Int) throws(TranscriptError) -> Step.Kind? {
        if line == "close" { return .close }
        if line == "tls" { return .tls }
        if line.hasPrefix("states: ") {
            states = line.dropFirst(8).split(separator: " ").map(String.init)
        } else if line.hasPrefix("whole: ") {
            isWhole = true
        } else if line.first?.isLowercase != false {
            // A comment begins with a capital, so that a directive with a slip in it is not taken for one.
            throw TranscriptError(name, number, "no such directive: # \(line)")
        }
        return nil
    }

    private func pattern(_ text: String, _ number: Int) throws(TranscriptError) -> TranscriptPattern {
        do {
            return try TranscriptPattern(text)
        } catch {
            throw TranscriptError(name, number, "\(text): \(error)")
        }
    }
}

/// What is wrong with a transcript, or where a dialogue left it.
package struct TranscriptError: Error, CustomStringConvertible {
    package let description: String

    package init(_ name: String, _ line: Int, _ problem: String) {
        description = "\(name):\(line): \(problem)"
    }
}

/// What stands for itself in transcripts of one server: `ACCOUNT`, `PASSWORD` and the like, and what was captured.
package struct TranscriptWords: Sendable {
    /// The access token that is the account's, where tokens are taken.
    package static let token = "a-good-token"

    private var values: [String: String]

    package init(_ values: [String: String] = [:]) {
        self.values = values
    }

    /// The words that every server has.
    ///
    /// - Parameter unknown: an address in a domain of the server's that nobody has.
    package init(account: String, password: String, unknown: String) {
        func encoded(_ text: String) -> String { Base64.encode(Array(text.utf8)) }
        self.init([
            "ACCOUNT": account, "PASSWORD": password, "UNKNOWN": unknown,
            "PLAIN64": encoded("\0\(account)\0\(password)"), "USER64": encoded(account), "PASS64": encoded(password),
            // RFC 7628 §3.1
            "BEARER64": encoded("n,a=\(account),\u{1}auth=Bearer \(Self.token)\u{1}\u{1}"),
            "XOAUTH64": encoded("user=\(account)\u{1}auth=Bearer \(Self.token)\u{1}\u{1}"),
        ])
    }

    package mutating func set(_ name: String, _ value: String) { values[name] = value }

    func fill(_ text: String) -> String {
        // The longest first, so that a word within another does no harm.
        values.sorted { $0.key.utf8.count > $1.key.utf8.count }.reduce(text) { $0.replacing($1.key, with: $1.value) }
    }
}
