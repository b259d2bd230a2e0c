package import Directory
import Synchronization

/// What can change in an account.
package struct ChangeKinds: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Messages of a mailbox: arrivals, removals, flags.
    package static let messages = ChangeKinds(rawValue: 1)
    /// A mailbox came, went or was renamed, or others may see it or not.
    package static let mailboxes = ChangeKinds(rawValue: 2)
    package static let subscriptions = ChangeKinds(rawValue: 4)
    package static let annotations = ChangeKinds(rawValue: 8)
    package static let all: ChangeKinds = [.messages, .mailboxes, .subscriptions, .annotations]
}

/// Annotations that were set or removed.
package struct AnnotationNews: Sendable, Hashable {
    /// Nil for those of the server.
    package let mailbox: MailboxID?
    package let entries: [String]

    package init(mailbox: MailboxID?, entries: [String]) {
        self.mailbox = mailbox
        self.entries = entries
    }
}

/// Tells sessions that something changed, after the commit. It doesn't carry the change: who is told asks the store what
/// happened since.
package final class ChangeFeed: Sendable {
    private struct State {
        var hearers: [AccountID: [Int: Hearer]] = [:]
        var nextID = 0
    }

    private struct Hearer {
        let interest: ChangeInterest
        let ear: ChangeEar
    }

    private let state = Mutex(State())

    package init() {}

    /// Listens from now on, as long as the listener lives.
    /// - Parameters:
    ///   - interest: what matters, by account; nothing else wakes.
    ///   - wake: called, from any task, with the first news after ``ChangeListener/take()``; must be quick.
    package func listen(
        _ interest: [AccountID: ChangeInterest], wake: @escaping @Sendable () -> Void
    ) -> ChangeListener {
        let ear = ChangeEar(wake: wake)
        let id = state.withLock { state in
            state.nextID += 1
            for (account, interest) in interest {
                state.hearers[account, default: [:]][state.nextID] = Hearer(interest: interest, ear: ear)
            }
            return state.nextID
        }
        return ChangeListener(feed: self, accounts: Array(interest.keys), id: id, ear: ear)
    }

    /// Wakes who listens to the account, or to one of these mailboxes.
    package func announce(_ account: AccountID, mailboxes: Set<MailboxID>, kinds: ChangeKinds = .messages) {
        let ears = state.withLock { state in
            (state.hearers[account] ?? [:]).values.filter { $0.interest.covers(mailboxes, kinds) }.map(\.ear)
        }
        for ear in ears { ear.hear(kinds, of: mailboxes) }
    }

    /// The same for what is not of one mailbox's messages.
    package func announce(_ account: AccountID, kinds: ChangeKinds, annotations: AnnotationNews? = nil) {
        let ears = state.withLock { state in
            (state.hearers[account] ?? [:]).values.filter { !$0.interest.kinds.isDisjoint(with: kinds) }.map(\.ear)
        }
        for ear in ears { ear.hear(kinds, of: nil, annotations) }
    }

    fileprivate func cancel(_ accounts: [AccountID], hearer id: Int) {
        state.withLock { state in
            for account in accounts {
                state.hearers[account]?.removeValue(forKey: id)
                if state.hearers[account]?.isEmpty == true { state.hearers[account] = nil }
            }
        }
    }
}

/// What wakes a listener.
package struct ChangeInterest: Sendable {
    package var kinds: ChangeKinds
    /// Whose messages; nil for those of every mailbox.
    package var mailboxes: Set<MailboxID>?

    package init(kinds: ChangeKinds, mailboxes: Set<MailboxID>? = nil) {
        self.kinds = kinds
        self.mailboxes = mailboxes
    }

    fileprivate func covers(_ changed: Set<MailboxID>, _ changedKinds: ChangeKinds) -> Bool {
        let common = kinds.intersection(changedKinds)
        if common.isEmpty { return false }
        guard common == .messages, let mailboxes else { return true }
        return !mailboxes.isDisjoint(with: changed)
    }
}

/// What a listener has heard and not taken yet.
private final class ChangeEar: Sendable {
    private struct State {
        var news = ChangeListener.News()
        var isWoken = false
    }

    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// - Parameter mailboxes: where something happened to messages; nil for somewhere.
    func hear(_ kinds: ChangeKinds, of mailboxes: Set<MailboxID>?, _ annotations: AnnotationNews? = nil) {
        let isFirst = state.withLock { state in
            state.news.kinds.formUnion(kinds)
            if kinds.contains(.messages) { state.news.note(mailboxes) }
            if let annotations {
                if state.news.annotations.count < ChangeListener.annotationLimit {
                    state.news.annotations.append(annotations)
                } else {
                    state.news.isOverflown = true
                }
            }
            defer { state.isWoken = true }
            return !state.isWoken
        }
        if isFirst { wake() }
    }

    func take() -> ChangeListener.News {
        state.withLock { state in
            defer { state = State() }
            return state.news
        }
    }
}

/// A listener that gathers what changed until it is asked; it ends with its last reference.
package final class ChangeListener: Sendable {
    package struct News: Sendable {
        package fileprivate(set) var kinds: ChangeKinds = []
        /// Whose messages changed; nil for more than are remembered.
        package fileprivate(set) var mailboxes: Set<MailboxID>? = []
        /// In the order they happened.
        package fileprivate(set) var annotations: [AnnotationNews] = []
        /// More happened to annotations than is kept.
        package fileprivate(set) var isOverflown = false

        fileprivate mutating func note(_ changed: Set<MailboxID>?) {
            guard let changed, let known = mailboxes, known.count + changed.count <= ChangeListener.mailboxLimit else {
                mailboxes = nil
                return
            }
            mailboxes = known.union(changed)
        }
    }

    /// Mailboxes that are remembered by name; of more it is only said that there were some.
    static let mailboxLimit = 64

    /// Changes of annotations that wait for one listener.
    static let annotationLimit = 500

    private let feed: ChangeFeed
    private let accounts: [AccountID]
    private let id: Int
    private let ear: ChangeEar

    fileprivate init(feed: ChangeFeed, accounts: [AccountID], id: Int, ear: ChangeEar) {
        self.feed = feed
        self.accounts = accounts
        self.id = id
        self.ear = ear
    }

    deinit {
        feed.cancel(accounts, hearer: id)
    }

    /// What happened since the last time.
    package func take() -> News { ear.take() }
}
