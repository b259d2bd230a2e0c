package import MailPolicy

/// Which histories are asked for: one of the four, or what the checks have found.
package struct TraceQuery: Codable, Sendable, Equatable {
    package var id: String?
    package var messageID: String?
    package var to: String?
    package var from: String?
    /// Results by method: `spf`: `fail`. All of them have to fit.
    package var found: [String: String]?
    /// Messages at most.
    package var limit: Int

    package init(id: String? = nil, messageID: String? = nil, to: String? = nil, from: String? = nil, limit: Int = 50) {
        self.id = id
        self.messageID = messageID
        self.to = to
        self.from = from
        self.limit = limit
    }
}

/// The history of one message: how it came, what was decided and why, and each attempt to deliver it.
package struct MessageTrace: Codable, Sendable, Equatable {
    package struct Origin: Codable, Sendable, Equatable {
        package var listener: String
        package var client: String?
        package var helo: String?
        package var login: String?
        package var tls: String?
    }

    package struct Attempt: Codable, Sendable, Equatable {
        /// RFC 3339, UTC.
        package var at: String
        package var recipient: String
        /// Counted for the recipient, from 1.
        package var number: Int
        /// `delivered`, `deferred`, `bounced`, `expired`.
        package var outcome: String
        package var route: String
        /// `mx.example.org[192.0.2.1]:25`; nil when no host was reached for.
        package var host: String?
        /// Version, cipher, and what is known of the certificate; nil for a connection in clear.
        package var tls: String?
        /// The user name of our login.
        package var login: String?
        package var code: Int?
        package var status: String
        package var text: String
        package var nextAttempt: String?
        /// What was done to the message on its way out; what was done for all recipients of an attempt stands with the
        /// first of them.
        package var steps: [TraceStep]
    }

    package var id: String
    /// RFC 3339, UTC.
    package var accepted: String
    package var from: String
    package var recipients: [String]
    package var messageID: String?
    /// Octets.
    package var size: Int
    package var origin: Origin
    package var steps: [TraceStep]
    package var attempts: [Attempt]
    /// Recipients that are still in the queue.
    package var queued: [QueueRecipientSummary]
}
