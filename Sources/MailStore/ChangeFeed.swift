package import Directory
import Synchronization

/// Tells sessions that something changed, after the commit. It carries a number, not the change: who is told asks the
/// store what happened since.
package final class ChangeFeed: Sendable {
    struct Listener {
        let mailbox: MailboxID?
        let continuation: AsyncStream<ModSequence>.Continuation
    }

    private struct State {
        var listeners: [AccountID: [Int: Listener]] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Changes of an account, or of one of its mailboxes, from now on. Waiting changes are folded into the newest.
    package func subscribe(_ account: AccountID, mailbox: MailboxID? = nil) -> ChangeSubscription {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ModSequence.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.listeners[account, default: [:]][state.nextID] = Listener(
                mailbox: mailbox, continuation: continuation)
            return state.nextID
        }
        return ChangeSubscription(feed: self, account: account, id: id, stream: stream)
    }

    /// Wakes who listens to the account, or to one of these mailboxes.
    package func announce(_ account: AccountID, mailboxes: Set<MailboxID>, _ modSeq: ModSequence) {
        let woken = state.withLock { state in
            (state.listeners[account] ?? [:]).values.filter { listener in
                listener.mailbox.map(mailboxes.contains) ?? true
            }
        }
        for listener in woken { listener.continuation.yield(modSeq) }
    }

    fileprivate func cancel(_ account: AccountID, _ id: Int) {
        let removed = state.withLock { state in
            let removed = state.listeners[account]?.removeValue(forKey: id)
            if state.listeners[account]?.isEmpty == true { state.listeners[account] = nil }
            return removed
        }
        removed?.continuation.finish()
    }
}

/// A listener's end of the feed; it ends with the last reference, or by `cancel()`.
package final class ChangeSubscription: AsyncSequence, Sendable {
    package typealias Element = ModSequence

    /// Holds the subscription, which would otherwise end with its last use before the loop.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private let subscription: ChangeSubscription
        private var base: AsyncStream<ModSequence>.Iterator

        fileprivate init(_ subscription: ChangeSubscription) {
            self.subscription = subscription
            self.base = subscription.stream.makeAsyncIterator()
        }

        package mutating func next() async -> ModSequence? {
            await base.next(isolation: #isolation)
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> ModSequence? {
            await base.next(isolation: actor)
        }
    }

    private let feed: ChangeFeed
    private let account: AccountID
    private let id: Int
    private let stream: AsyncStream<ModSequence>

    fileprivate init(feed: ChangeFeed, account: AccountID, id: Int, stream: AsyncStream<ModSequence>) {
        self.feed = feed
        self.account = account
        self.id = id
        self.stream = stream
    }

    deinit {
        feed.cancel(account, id)
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    package func cancel() {
        feed.cancel(account, id)
    }
}
