package import MailSyntax

/// What a remote server said, or what stands for it when there was no reply.
package struct DeliveryReply: Sendable, Hashable {
    /// The SMTP reply code; nil when nothing was received.
    package var code: Int?
    /// From the reply, or chosen by us. // RFC 3463
    package var status: EnhancedStatusCode
    /// One line, without code and status.
    package var text: String
    /// The host that spoke or failed, such as `mx.example.org[192.0.2.1]`; nil when none was reached for.
    package var host: String?

    package init(code: Int? = nil, status: EnhancedStatusCode, text: String, host: String? = nil) {
        self.code = code
        self.status = status
        self.text = text
        self.host = host
    }
}

/// Why a delivery attempt did not succeed.
package struct DeliveryFailure: Error, Sendable, Hashable {
    /// What the failure says something about.
    package enum Scope: Sendable, Hashable, CaseIterable {
        /// This recipient; others of the message may fare better.
        case recipient
        /// The message, whoever it is for.
        case message
        /// This message and this host; another host of the destination may be fit for it.
        case messageAtHost
        /// This host; another host of the destination may take the message.
        case host
        /// The whole destination: its name, its hosts' names, its policy.
        case destination
    }

    package enum Permanence: Sendable, Hashable, CaseIterable {
        case temporary
        case permanent
    }

    package var scope: Scope
    package var permanence: Permanence
    package var reply: DeliveryReply

    package init(_ scope: Scope, _ permanence: Permanence, _ reply: DeliveryReply) {
        self.scope = scope
        self.permanence = permanence
        self.reply = reply
    }
}

/// What to do about a failure.
package enum FailureAction: Sendable, Hashable {
    case nextHost
    case retry(at: Timestamp)
    /// Given up on the peer's word.
    case bounce
    /// Given up because the time is over.
    case expire
}

/// The one place where a failure becomes an action.
package struct FailurePolicy: Sendable, Hashable {
    package var schedule: RetrySchedule

    package init(schedule: RetrySchedule = RetrySchedule()) {
        self.schedule = schedule
    }

    /// - Parameters:
    ///   - hasMoreHosts: another host of the destination has not been tried yet.
    ///   - since: when the message could first be tried.
    ///   - jitter: 0 up to 1.
    package func action(
        for failure: DeliveryFailure,
        hasMoreHosts: Bool,
        since: Timestamp,
        now: Timestamp,
        expiresAt: Timestamp,
        jitter: Double
    ) -> FailureAction {
        switch (failure.scope, failure.permanence) {
        case (.recipient, .permanent), (.message, .permanent), (.destination, .permanent):
            return .bounce
        // RFC 5321 §5.1: a host that can't be used, or refuses for now, is followed by the next. A host that refuses
        // everybody (a 5xx greeting, a 5xx to EHLO) says nothing about the recipient, so it is tried again later.
        case (.host, _), (.recipient, .temporary), (.message, .temporary), (.messageAtHost, .temporary):
            if hasMoreHosts { return .nextHost }
        case (.messageAtHost, .permanent):
            return hasMoreHosts ? .nextHost : .bounce
        case (.destination, .temporary):
            break
        }
        let next = schedule.nextAttempt(since: since, at: now, expiresAt: expiresAt, jitter: jitter)
        return next.map(FailureAction.retry) ?? .expire
    }
}
