package import MailSyntax

/// One attempt for one recipient, as it is kept with the message's history.
package struct QueueAttempt: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case delivered
        case deferred
        case bounced
        case expired
        /// Kept by a route until an operator releases it.
        case held
        /// Thrown away by a route.
        case discarded
    }

    package var recipientID: RecipientID
    package var recipient: String
    /// Which attempt for this recipient it was, from 1.
    package var number: Int
    package var at: Timestamp
    package var outcome: Outcome
    /// The route's name.
    package var route: String
    /// The host that decided, with address and port; nil when none was reached for.
    package var host: String?
    /// Version, cipher, and whether the certificate was found valid; nil for a connection in clear.
    package var tls: String?
    /// The user name of our login at the host.
    package var login: String?
    package var reply: DeliveryReply
    package var nextAttemptAt: Timestamp?
    /// What was done to the message on its way out: a JSON list of steps, in the form of the history's; nil for nothing.
    package var steps: String?

    package init(
        recipientID: RecipientID, recipient: String, number: Int, at: Timestamp, outcome: Outcome, route: String,
        host: String? = nil, tls: String? = nil, login: String? = nil, reply: DeliveryReply,
        nextAttemptAt: Timestamp? = nil, steps: String? = nil
    ) {
        self.recipientID = recipientID
        self.recipient = recipient
        self.number = number
        self.at = at
        self.outcome = outcome
        self.route = route
        self.host = host
        self.tls = tls
        self.login = login
        self.reply = reply
        self.nextAttemptAt = nextAttemptAt
        self.steps = steps
    }

    /// The first attempts are kept, then the newest.
    static let firstKept = 20
    static let newestKept = 80

    /// Where the attempt is kept: one of a recipient's 100 slots.
    var slot: Int {
        number <= Self.firstKept ? number : Self.firstKept + 1 + (number - Self.firstKept - 1) % Self.newestKept
    }
}
