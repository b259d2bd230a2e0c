import IMAPCore
import NIOCore
import NetTransport
import Synchronization

/// Says something to a client in IDLE from time to time.
///
/// A connection on which nothing is said is forgotten by routers and carriers, some after five minutes; new mail is then told
/// to nobody. Outlook never renews its IDLE, and was left without mail once the server had given it up.
final class IdleKeepalive: Sendable {
    private let isDue = Mutex(false)
    private let task = Mutex<RepeatedTask?>(nil)

    init(every interval: Duration, _ connection: Connection<IMAPFramer>) {
        let period = TimeAmount(interval)
        let repeated = connection.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in
            guard let self else { return }
            self.isDue.withLock { $0 = true }
            connection.wake()
        }
        task.withLock { $0 = repeated }
    }

    /// Whether it is time to say something; true once each time.
    func takeDue() -> Bool {
        isDue.withLock { isDue in
            defer { isDue = false }
            return isDue
        }
    }

    func cancel() { task.withLock { $0 }?.cancel() }
}
