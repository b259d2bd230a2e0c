/// Something that happened to a message or an account, as people search for it years later.
///
/// The names of the cases and of the fields are stable: they are an interface. Each payload is a struct of plain values;
/// absent values are nil and are left out when the event is rendered. Addresses stand in their wire form without angle
/// brackets; the null reverse-path is the empty string. Codes and texts are those of the reply that was given or received.
package enum MailEvent: Sendable, Equatable {
    /// A message was taken with a 250: it is durable.
    case accepted(Accepted)
    /// A command or message was refused for good (5xx).
    case rejected(Rejected)
    /// A command was put off (4xx) on the way in.
    case refusedTemporarily(Rejected)
    /// A delivery attempt failed for now; the recipient stays in the queue.
    case deferred(Attempt)
    /// A recipient has the message: filed here or taken by the next host.
    case delivered(Attempt)
    /// A recipient failed for good.
    case bounced(Attempt)
    /// A recipient was given up because its time in the queue ran out.
    case expired(Attempt)
    /// Somebody tried to log in.
    case login(Login)
    /// A session ended.
    case disconnected(Disconnected)
    /// A client or a network is kept out from now on.
    case banned(Banned)

    /// The stable name, the value of the field `event`.
    package var name: String {
        switch self {
        case .accepted: "accepted"
        case .rejected: "rejected"
        case .refusedTemporarily: "tempfailed"
        case .deferred: "deferred"
        case .delivered: "delivered"
        case .bounced: "bounced"
        case .expired: "expired"
        case .login: "login"
        case .disconnected: "disconnected"
        case .banned: "banned"
        }
    }

    /// The fields in their stable order, without the event's name and time.
    package var fields: [EventField] {
        switch self {
        case .accepted(let payload): payload.fields
        case .rejected(let payload): payload.fields
        case .refusedTemporarily(let payload): payload.fields
        case .deferred(let payload): payload.fields
        case .delivered(let payload): payload.fields
        case .bounced(let payload): payload.fields
        case .expired(let payload): payload.fields
        case .login(let payload): payload.fields
        case .disconnected(let payload): payload.fields
        case .banned(let payload): payload.fields
        }
    }
}

extension MailEvent {
    /// Where a session comes from.
    package struct Peer: Sendable, Equatable {
        /// The session's id as text.
        package var session: String
        /// The listener's name, such as `mx` or `submission`.
        package var listener: String
        /// The client's address as text.
        package var client: String
        /// The name given with EHLO or HELO.
        package var helo: String?
        /// The address that logged in.
        package var login: String?
        /// The protocol version of TLS, such as `TLSv1.3`; nil without TLS.
        package var tls: String?

        package init(
            session: String,
            listener: String,
            client: String,
            helo: String? = nil,
            login: String? = nil,
            tls: String? = nil
        ) {
            self.session = session
            self.listener = listener
            self.client = client
            self.helo = helo
            self.login = login
            self.tls = tls
        }

        func add(to fields: inout EventFields) {
            fields.add("session", session)
            fields.add("listener", listener)
            fields.add("client", client)
            fields.add("helo", helo)
            fields.add("login", login)
            fields.add("tls", tls)
        }
    }

    /// A message that was taken.
    package struct Accepted: Sendable, Equatable {
        /// The message's id as text; it is the queue id too.
        package var id: String
        package var peer: Peer
        package var from: String
        package var to: [String]
        /// Octets as stored, header included.
        package var size: Int
        /// Recipients filed into mailboxes here.
        package var local: Int
        /// Recipients that went to the queue.
        package var remote: Int
        /// The header's Message-ID, with its angle brackets.
        package var messageID: String?
        /// What the checks of a stranger's message have found: `spf=pass dkim=pass dmarc=pass`.
        package var authentication: String?

        package init(
            id: String,
            peer: Peer,
            from: String,
            to: [String],
            size: Int,
            local: Int,
            remote: Int,
            messageID: String? = nil,
            authentication: String? = nil
        ) {
            self.id = id
            self.peer = peer
            self.from = from
            self.to = to
            self.size = size
            self.local = local
            self.remote = remote
            self.messageID = messageID
            self.authentication = authentication
        }

        var fields: [EventField] {
            var fields = EventFields()
            fields.add("id", id)
            peer.add(to: &fields)
            fields.add("from", from)
            fields.add("to", to)
            fields.add("size", size)
            fields.add("local", local)
            fields.add("remote", remote)
            fields.add("message_id", messageID)
            fields.add("authentication", authentication)
            return fields.fields
        }
    }

    /// A refusal, for good or for now.
    package struct Rejected: Sendable, Equatable {
        package var peer: Peer
        /// The command that was refused: `connect`, `helo`, `auth`, `mail`, `rcpt`, `data`.
        package var stage: String
        package var from: String?
        package var to: String?
        /// The message's id when one was given already.
        package var id: String?
        package var code: Int
        /// The enhanced status code, such as `5.1.1`.
        package var enhanced: String?
        /// The text of the reply.
        package var reason: String

        package init(
            peer: Peer,
            stage: String,
            from: String? = nil,
            to: String? = nil,
            id: String? = nil,
            code: Int,
            enhanced: String? = nil,
            reason: String
        ) {
            self.peer = peer
            self.stage = stage
            self.from = from
            self.to = to
            self.id = id
            self.code = code
            self.enhanced = enhanced
            self.reason = reason
        }

        var fields: [EventField] {
            var fields = EventFields()
            fields.add("id", id)
            peer.add(to: &fields)
            fields.add("stage", stage)
            fields.add("from", from)
            fields.add("to", to)
            fields.add("code", code)
            fields.add("enhanced", enhanced)
            fields.add("reason", reason)
            return fields.fields
        }
    }
}
