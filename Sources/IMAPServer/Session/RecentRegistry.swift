import MailStore
import Synchronization

/// Which messages some session of this process has been told of as \Recent. RFC 3501 §2.3.2
///
/// The store keeps the mark across restarts, but writing it for every arrival would cost a flush each: a session writes
/// it when it leaves the mailbox. After a crash in between, messages are \Recent once more, which the RFC allows.
package final class RecentRegistry: Sendable {
    /// The last UID told, by mailbox.
    private let told = Mutex<[MailboxID: UInt32]>([:])

    package init() {}

    /// The first UID that is recent to whoever asks now; from here on it is told.
    /// - Parameters:
    ///   - stored: the store's mark: UIDs from here on were not told before this process began.
    ///   - through: the last UID that is being told.
    func claim(_ mailbox: MailboxID, stored: UInt32, through: UInt32) -> UInt32 {
        told.withLock { told in
            let last = told[mailbox] ?? 0
            told[mailbox] = max(last, through)
            return max(stored, last == .max ? .max : last + 1)
        }
    }

    /// The same without taking it, for EXAMINE.
    func look(_ mailbox: MailboxID, stored: UInt32) -> UInt32 {
        told.withLock { told in
            let last = told[mailbox] ?? 0
            return max(stored, last == .max ? .max : last + 1)
        }
    }

    /// Whether all messages below `next` were told.
    func isAllTold(_ mailbox: MailboxID, before next: UInt32) -> Bool {
        told.withLock { told in told[mailbox].map { $0 >= next - min(next, 1) } ?? false }
    }
}
