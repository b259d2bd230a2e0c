/// Which queued messages are meant: those that fit everything that is written; no filter at all means nothing but a list
/// of everything.
package struct QueueFilter: Codable, Sendable, Equatable {
    /// Ids of messages; empty means all.
    package var ids: [String] = []
    /// `user@example.org`, `example.org` or `<>`.
    package var from: String?
    package var to: String?
    /// The name of a route.
    package var route: String?
    package var isHeld = false
    /// Tried before, without success.
    package var isDeferred = false

    package init(ids: [String] = []) {
        self.ids = ids
    }

    /// It says which messages, rather than all.
    package var isSelective: Bool {
        !ids.isEmpty || from != nil || to != nil || route != nil || isHeld || isDeferred
    }
}

/// What is done to queued messages.
package enum QueueChange: Codable, Sendable, Equatable {
    case retry
    case hold
    case release
    /// Nobody is told.
    case remove
    /// The senders are told.
    case bounce
    /// `+30m` or `2026-11-21T10:00:00Z`.
    case nextAttempt(time: String)
    /// nil takes the route that is found, as at first.
    case route(name: String?)
}

package struct QueueSummary: Codable, Sendable, Equatable {
    package var id: String
    package var from: String
    package var size: Int
    /// RFC 3339, UTC.
    package var arrived: String
    package var held: Bool
    package var recipients: [QueueRecipientSummary]
}

package struct QueueRecipientSummary: Codable, Sendable, Equatable {
    package var address: String
    /// `waiting`, `active`, `held`, `delivered`, `failed`.
    package var state: String
    package var attempts: Int
    /// RFC 3339, UTC; nil when nothing is planned.
    package var nextAttempt: String?
    package var lastReply: String?
    /// The route that an operator chose, or that was found last.
    package var route: String?
    /// The destination that it waits for, which is down or has all it can take.
    package var waitsFor: String?
    /// RFC 3339, UTC: it is not tried earlier, as its sender or an operator wants it.
    package var waitsUntil: String?
    /// It is for a mailbox here.
    package var mailbox = false
}

package struct QueueDetail: Codable, Sendable, Equatable {
    package var summary: QueueSummary
    /// RFC 3339, UTC.
    package var expires: String?
    package var envelopeID: String?
    /// What its sender asks of TLS on the way: `REQUIRETLS`, `TLS-Required: No`; nil for nothing.
    package var tlsDemand: String?
    /// The message's header as text.
    package var header: String?
}

/// Recipients that wait for the same reason.
package struct DeferralSummary: Codable, Sendable, Equatable {
    package var destination: String
    /// `held`, `not tried yet`, or what was said last.
    package var reason: String
    package var recipients: Int
    /// RFC 3339, UTC: when the oldest message came, and the next attempt.
    package var oldest: String
    package var next: String?
}

package struct QueueRuleSummary: Codable, Sendable, Equatable {
    package var id: Int
    /// `hold`.
    package var kind: String
    package var from: String?
    package var to: String?
    package var route: String?
    package var created: String
    package var author: String
}
