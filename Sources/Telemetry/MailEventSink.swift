import Synchronization

/// Takes mail events. `record` is quick and never waits: it is called on the path of a message.
package protocol MailEventSink: Sendable {
    func record(_ event: MailEvent)
}

/// Forgets every event.
package struct NullEventSink: MailEventSink {
    package init() {}

    package func record(_ event: MailEvent) {}
}

/// Keeps every event in memory, for tests.
package final class RecordingEventSink: MailEventSink {
    private let recorded = Mutex<[MailEvent]>([])

    package init() {}

    /// The events so far, oldest first.
    package var events: [MailEvent] { recorded.withLock { $0 } }

    /// The names of the events so far, oldest first.
    package var names: [String] { events.map(\.name) }

    package func record(_ event: MailEvent) {
        recorded.withLock { $0.append(event) }
    }
}
