import IMAPCore
import NetTransport

/// Why a session ends before its client says LOGOUT.
enum SessionEnd: Error {
    /// The connection is gone; nothing can be said any more.
    case connectionLost
    /// Say BYE with this text and close; the last word is for the record.
    case bye(IMAPResponseCode?, String, String)

    /// The framer and the session disagree about what comes next, which must not become a command.
    static let outOfStep = SessionEnd.bye(.serverBug, "Protocol out of step.", "protocol")

    /// How the session ends when something other than a frame comes.
    init(event: ConnectionEvent<IMAPFrame>) {
        switch event {
        case .deadlineReached(.total): self = .bye(nil, "Login took too long.", "timeout")
        // RFC 3501 §5.4
        case .deadlineReached(.idle): self = .bye(nil, "Disconnected for inactivity.", "timeout")
        case .shuttingDown: self = .bye(.unavailable, "Server shutting down.", "shutdown")
        case .tlsFailed, .inputClosed, .closed, .frame, .tlsEstablished, .woken: self = .connectionLost
        }
    }

    /// What is said, if anything can be.
    var bye: IMAPStatus? {
        switch self {
        case .connectionLost: nil
        case .bye(let code, let text, _): IMAPStatus(.bye, code, text)
        }
    }

    /// A closed word for the record.
    var reason: String {
        switch self {
        case .connectionLost: "peer-closed"
        case .bye(_, _, let reason): reason
        }
    }
}

/// A command that cannot be carried out; becomes its tagged answer.
struct CommandRefusal: Error {
    let status: IMAPStatus

    static func no(_ code: IMAPResponseCode?, _ text: String) -> CommandRefusal {
        CommandRefusal(status: IMAPStatus(.no, code, text))
    }

    static func bad(_ code: IMAPResponseCode?, _ text: String) -> CommandRefusal {
        CommandRefusal(status: IMAPStatus(.bad, code, text))
    }
}

/// How a command went: its tagged answer, and what may be announced before it.
struct Completion {
    /// Which changes of the mailbox may be told before the tagged answer.
    enum Announcement {
        /// EXPUNGE too.
        case everything
        /// RFC 3501 §7.4.1: no EXPUNGE while answering FETCH, STORE or SEARCH, since their numbers would shift
        case withoutExpunges
        /// The command has announced what there was, or there is nothing to announce to.
        case nothing
    }

    let status: IMAPStatus
    let announce: Announcement

    init(_ condition: IMAPStatus.Condition, _ code: IMAPResponseCode?, _ text: String, announce: Announcement) {
        status = IMAPStatus(condition, code, text)
        self.announce = announce
    }

    init(_ status: IMAPStatus, announce: Announcement) {
        self.status = status
        self.announce = announce
    }

    static func ok(_ text: String, announce: Announcement = .everything) -> Completion {
        Completion(.ok, nil, text, announce: announce)
    }

    static func ok(_ code: IMAPResponseCode?, _ text: String, announce: Announcement = .everything) -> Completion {
        Completion(.ok, code, text, announce: announce)
    }
}
