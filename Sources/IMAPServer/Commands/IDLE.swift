import Directory
import IMAPCore
import MailStore
import NetTransport

/// A session between IDLE and DONE; ends with its last reference.
final class Idling {
    /// The tag of IDLE.
    let tag: String
    /// Nil where nothing can change that would be told, and where NOTIFY listens.
    let changes: ChangeListener?
    private let keepalives: IdleKeepalives?
    private let member: IdleKeepalives.Member?

    init(tag: String, changes: ChangeListener?, keepalives: IdleKeepalives?, _ connection: Connection<IMAPFramer>) {
        self.tag = tag
        self.changes = changes
        self.keepalives = keepalives
        member = keepalives?.add(connection)
    }

    deinit {
        if let member { keepalives?.remove(member) }
    }

    /// Whether it is time to say something, whatever happens; true once each time.
    func takeDue() -> Bool { member?.takeDue() == true }
}

// RFC 2177 §3
extension IMAPSession {
    /// Begins to idle; DONE is answered by `takeIdling`.
    func idle(tag: String) async throws -> Completion {
        encoder.continuation("idling")
        try await control(.expect(.idle))
        let waker = connection.waker
        var changes: ChangeListener?
        if notification == nil, let selection {
            let interest = ChangeInterest(kinds: .messages, mailboxes: [selection.mailbox])
            changes = service.store.changeFeed.listen([selection.account: interest]) { waker.wake() }
        }
        idling = Idling(tag: tag, changes: changes, keepalives: service.keepalives, connection)
        // What came before it began to listen. RFC 5465 §4: the same events as outside IDLE
        try await notifyIfAsked(expungesMayBeTold: true)
        try await announceIfPossible(.everything)
        try await flush()
        throw CommandAnswered()
    }

    /// Takes what comes while the client idles.
    func takeIdling(_ event: ConnectionEvent<IMAPFrame>) async throws {
        guard let idling else { throw SessionEnd.outOfStep }
        switch event {
        case .woken:
            try requireOpen(try login())
            // Before the store is asked: what happens from here on wakes again.
            _ = idling.changes?.take()
            if notification != nil {
                try await notifyIfAsked(expungesMayBeTold: true)
            } else {
                try await announceIfPossible(.everything)
            }
            if idling.takeDue() { untagged(.ok, nil, "Still here") }
            try await flush()
        case .frame(.line(let line)):
            self.idling = nil
            try await answer(idling.tag) {
                guard IMAPParser.isDone(line) else { throw CommandRefusal.bad(.clientBug, "Expected DONE.") }
                return .ok("Idle completed.")
            }
        case .frame(.fatal(let problem)):
            throw SessionEnd.bye(.limit, problem.text, "protocol")
        case .frame, .tlsEstablished:
            throw SessionEnd.outOfStep
        case let other:
            throw SessionEnd(event: other)
        }
    }
}
