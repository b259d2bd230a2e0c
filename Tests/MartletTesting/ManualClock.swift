package import MailSyntax
import SQLEngine
import Synchronization

/// A clock that moves only when told.
package final class ManualClock: WallClock {
    private let time: Mutex<Timestamp>

    /// - Parameter start: by default a second in 2026.
    package init(_ start: Timestamp = Timestamp(microseconds: 1_790_000_000_000_000)) {
        time = Mutex(start)
    }

    package func now() -> Timestamp { time.withLock { $0 } }

    /// Forwards, or backwards where negative.
    package func advance(by duration: Duration) {
        time.withLock { $0 = $0.adding(duration) }
    }
}
