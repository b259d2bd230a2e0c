extension MailEvent {
    /// One recipient of a message and what became of it.
    package struct Attempt: Sendable, Equatable {
        /// The message's id as text; it is the queue id.
        package var id: String
        package var from: String
        package var to: String
        /// How: `local`, `mx`, `smarthost`, `lmtp`.
        package var via: String
        /// The name of the route that it took; nil for `local`.
        package var route: String?
        /// The mailbox (local) or the host that answered, with its address.
        package var destination: String?
        package var address: String?
        package var code: Int?
        package var enhanced: String?
        /// The text of the reply, or what went wrong when there was none.
        package var reason: String?
        /// Attempts so far, this one included.
        package var attempts: Int?
        /// Milliseconds since the message was accepted.
        package var delay: Int?
        /// Seconds until the next attempt.
        package var retryIn: Int?
        package var tls: String?
        package var size: Int?

        package init(
            id: String,
            from: String,
            to: String,
            via: String,
            route: String? = nil,
            destination: String? = nil,
            address: String? = nil,
            code: Int? = nil,
            enhanced: String? = nil,
            reason: String? = nil,
            attempts: Int? = nil,
            delay: Int? = nil,
            retryIn: Int? = nil,
            tls: String? = nil,
            size: Int? = nil
        ) {
            self.id = id
            self.from = from
            self.to = to
            self.via = via
            self.route = route
            self.destination = destination
            self.address = address
            self.code = code
            self.enhanced = enhanced
            self.reason = reason
            self.attempts = attempts
            self.delay = delay
            self.retryIn = retryIn
            self.tls = tls
            self.size = size
        }

        var fields: [EventField] {
            var fields = EventFields()
            fields.add("id", id)
            fields.add("from", from)
            fields.add("to", to)
            fields.add("via", via)
            fields.add("route", route)
            fields.add("destination", destination)
            fields.add("address", address)
            fields.add("code", code)
            fields.add("enhanced", enhanced)
            fields.add("reason", reason)
            fields.add("attempts", attempts)
            fields.add("delay_ms", delay)
            fields.add("retry_in", retryIn)
            fields.add("tls", tls)
            fields.add("size", size)
            return fields.fields
        }
    }

    /// An attempt to log in.
    package struct Login: Sendable, Equatable {
        /// How it went; the reason is a closed word such as `invalid-credentials`, `disabled`, `throttled`, `temporary`.
        package enum Outcome: Sendable, Equatable {
            case success
            case failure(reason: String)
        }

        package var outcome: Outcome
        /// `smtp`, `imap` or `pop3`.
        package var service: String
        package var peer: Peer
        /// What the client gave as its name; never the password.
        package var user: String
        /// The mechanism, such as `PLAIN`, or `LOGIN command` and `USER` for the commands of that name.
        package var mechanism: String

        package init(outcome: Outcome, service: String, peer: Peer, user: String, mechanism: String) {
            self.outcome = outcome
            self.service = service
            self.peer = peer
            self.user = user
            self.mechanism = mechanism
        }

        var fields: [EventField] {
            var fields = EventFields()
            switch outcome {
            case .success: fields.add("outcome", "success")
            case .failure(let reason):
                fields.add("outcome", "failure")
                fields.add("reason", reason)
            }
            fields.add("service", service)
            fields.add("user", user)
            fields.add("mechanism", mechanism)
            peer.add(to: &fields)
            return fields.fields
        }
    }

    /// The end of a session, with what it did.
    package struct Disconnected: Sendable, Equatable {
        package var service: String
        package var peer: Peer
        /// A closed word: `quit`, `peer-closed`, `timeout`, `errors`, `shutdown`, `protocol`, `disabled`,
        /// `mailbox-deleted`.
        package var reason: String
        /// Messages accepted, fetched or retrieved.
        package var messages: Int
        /// Milliseconds since the session began.
        package var duration: Int

        package init(service: String, peer: Peer, reason: String, messages: Int, duration: Int) {
            self.service = service
            self.peer = peer
            self.reason = reason
            self.messages = messages
            self.duration = duration
        }

        var fields: [EventField] {
            var fields = EventFields()
            fields.add("service", service)
            peer.add(to: &fields)
            fields.add("reason", reason)
            fields.add("messages", messages)
            fields.add("duration_ms", duration)
            return fields.fields
        }
    }
}
