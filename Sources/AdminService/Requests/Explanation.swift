package import MailPolicy

/// What `martlet explain` asks: a message that might come. Text as typed.
package struct ExplainQuestion: Codable, Sendable, Equatable {
    /// An address, or `<>`.
    package var from: String
    package var to: [String]
    /// An IP address; nil: that of a stranger.
    package var client: String?
    /// Who has logged in: an account's address, or a device's user name.
    package var auth: String?
    /// The author in the header; nil: the sender.
    package var headerFrom: String?
    /// Octets.
    package var size: Int?
    /// The name of a listener; nil: the one that such a client would use.
    package var listener: String?
    /// The message is to go so much later: `2h`.
    package var holdFor: String?
    /// What the checks of a stranger's message are to find: `spf=fail dmarc=fail p=reject`; nil: nothing is said of it.
    package var found: String?

    package init(
        from: String, to: [String], client: String? = nil, auth: String? = nil, headerFrom: String? = nil,
        size: Int? = nil, listener: String? = nil
    ) {
        self.from = from
        self.to = to
        self.client = client
        self.auth = auth
        self.headerFrom = headerFrom
        self.size = size
        self.listener = listener
    }
}

/// What would become of a message, step by step, with the rule of each.
package struct Explanation: Codable, Sendable, Equatable {
    package struct Part: Codable, Sendable, Equatable {
        /// A command, or what is decided: `MAIL FROM:<a@example.org>`, `message`, `to x@example.net`.
        package var title: String
        package var steps: [TraceStep] = []
        /// What the client is told, where it is a command.
        package var reply: String?
        /// What it comes to, in words.
        package var result: [String] = []
    }

    package enum Outcome: String, Codable, Sendable {
        case accepted
        case refused
        case deferred
    }

    /// Who the client is taken for.
    package var client: String
    package var parts: [Part] = []
    package var outcome = Outcome.accepted
    /// The outcome in a line.
    package var summary = ""
}

extension Explanation {
    /// For a person.
    package var text: String {
        var lines = ["client: \(client)"]
        for part in parts {
            lines += ["", part.title]
            lines += part.steps.map { "  \($0.text)" }
            lines += part.result.map { "  = \($0)" }
            if let reply = part.reply { lines.append("  < \(reply)") }
        }
        lines += ["", "\(outcome.rawValue): \(summary)"]
        return lines.map { "\($0)\n" }.joined()
    }
}
