import Directory
import IMAPCore
import MailStore
import NetTransport

// RFC 2177 §3
extension IMAPSession {
    func idle() async throws -> Completion {
        encoder.continuation("idling")
        try await control(.expect(.idle))
        // RFC 5465 §4: the same events as outside IDLE
        if notification != nil { return try await idleNotifying() }
        guard let mailbox = selection?.mailbox, let account = selection?.account else {
            // Nothing can change that would be told: only wait.
            return try await waitForDone()
        }
        let changes = service.store.changeFeed.subscribe(account, mailbox: mailbox)
        let connection = connection
        // Ends with this command: the feed has nothing of the session but the way to wake it.
        async let watcher: Void = {
            for await _ in changes { connection.wake() }
        }()
        // What came before the subscription began is asked for once.
        try await announce(.everything)
        try await flush()
        let completion = try await waitForDone()
        changes.cancel()
        await watcher
        return completion
    }

    private func idleNotifying() async throws -> Completion {
        try await tellNotifications(expungesMayBeTold: true)
        try await announce(.everything)
        try await flush()
        return try await waitForDone()
    }

    private func waitForDone() async throws -> Completion {
        let keepalive = service.settings.idleKeepalive.map { IdleKeepalive(every: $0, connection) }
        defer { keepalive?.cancel() }
        while true {
            switch await nextEvent() {
            case .woken:
                try requireOpen(try login())
                if notification != nil {
                    try await tellNotifications(expungesMayBeTold: true)
                } else {
                    try await announce(.everything)
                }
                if keepalive?.takeDue() == true { untagged(.ok, nil, "Still here") }
                try await flush()
            case .frame(.line(let line)):
                guard IMAPParser.isDone(line) else { throw CommandRefusal.bad(.clientBug, "Expected DONE.") }
                return .ok("Idle completed.")
            case .frame(.fatal(let problem)):
                throw SessionEnd.bye(.limit, problem.text, "protocol")
            case .frame, .tlsEstablished:
                throw SessionEnd.outOfStep
            case let other:
                throw SessionEnd(event: other)
            }
        }
    }
}
