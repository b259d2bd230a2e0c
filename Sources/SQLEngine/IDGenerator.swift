import Glibc
package import MailSyntax
import Synchronization

/// Where the time of day comes from; tests hand in their own.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The host's clock.
package struct SystemClock: WallClock {
    package init() {}

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
    }
}

/// Makes the 64-bit, time-ordered ids of sessions, messages and queue entries, before any transaction.
///
/// Ids rise strictly, also when the clock steps back or stands still: the last millisecond is then kept and its sequence
/// counted on.
package final class IDGenerator: Sendable {
    // 2024-01-01T00:00:00Z in milliseconds since 1970.
    private static let epoch: Int64 = 1_704_067_200_000
    private static let nodeBits: Int64 = 10
    private static let sequenceBits: Int64 = 12

    private let node: Int64
    private let clock: any WallClock
    private let last = Mutex<Int64>(0)  // milliseconds << 12 | sequence

    /// - Parameter node: this node's number, 0 to 1023.
    package init(node: Int = 0, clock: any WallClock = SystemClock()) {
        self.node = Int64(node & 1023)
        self.clock = clock
    }

    package func next() -> MailID {
        let milliseconds = max(1, clock.now().microseconds / 1000 - Self.epoch)
        let counter = last.withLock { last -> Int64 in
            last = max(last + 1, milliseconds << Self.sequenceBits)
            return last
        }
        let time = counter >> Self.sequenceBits
        let sequence = counter & ((1 << Self.sequenceBits) - 1)
        return MailID(rawValue: time << (Self.nodeBits + Self.sequenceBits) | node << Self.sequenceBits | sequence)
    }

    /// The least id that can have been made at `time`, on any node.
    package static func first(at time: Timestamp) -> MailID {
        MailID(rawValue: max(1, (time.microseconds / 1000 - epoch) << (nodeBits + sequenceBits)))
    }
}
