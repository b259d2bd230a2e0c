import IMAPCore
import MailStore

/// What a client wants to hear of at any time. RFC 5465 §3.1
struct NotifyWishes {
    /// Of the selected mailbox.
    struct Selected {
        var tellsFlags = true
        /// EXPUNGE waits for a command that may carry it. RFC 5465 §6.1.2
        var delaysExpunges = true
        /// What is fetched of each new message.
        var items: [FetchItem] = []
    }

    /// What of a mailbox that is not selected.
    struct Events: OptionSet {
        let rawValue: UInt8
        static let messages = Events(rawValue: 1)
        static let flags = Events(rawValue: 2)
        static let names = Events(rawValue: 4)
        static let subscriptions = Events(rawValue: 8)
        static let annotations = Events(rawValue: 16)
    }

    /// Nil for nothing.
    private(set) var selected: Selected?
    private(set) var tellsServerAnnotations = false
    private var groups: [(mailboxes: NotifyGroup.Mailboxes, events: Events)] = []

    /// - Throws: what RFC 5465 §5 and §6.1 forbid: BAD; an event that there is not: NO [BADEVENT].
    init(_ command: NotifyCommand) throws(CommandRefusal) {
        guard case .set(let all, _) = command else { return }
        var hasSelected = false
        for group in all {
            try Self.check(group)
            switch group.mailboxes {
            case .selected, .selectedDelayed:
                guard !hasSelected else { throw .bad(.clientBug, "SELECTED stands twice.") }
                hasSelected = true
                selected = Self.selected(group)
            default:
                if group.events.contains(.serverMetadataChange) { tellsServerAnnotations = true }
                groups.append((group.mailboxes, Self.events(group)))
            }
        }
    }

    private static func check(_ group: NotifyGroup) throws(CommandRefusal) {
        var hasNew = false
        var hasItems = false
        var isMessagesOnly = true
        for event in group.events {
            switch event {
            case .messageNew(let items):
                hasNew = true
                hasItems = !items.isEmpty
            case .messageExpunge, .flagChange: continue
            case .unsupported(let name):
                // RFC 5465 §3.1: NO, with the names of those that there are
                throw .no(.badEvent(NotifyEvent.supportedNames), "There is no event \(name).")
            default: isMessagesOnly = false
            }
        }
        // RFC 5465 §5
        let hasExpunge = group.events.contains(.messageExpunge)
        guard hasNew == hasExpunge else {
            throw .bad(.clientBug, "MessageNew and MessageExpunge go together.")
        }
        guard hasNew || !group.events.contains(.flagChange) else {
            throw .bad(.clientBug, "FlagChange needs MessageNew and MessageExpunge.")
        }
        switch group.mailboxes {
        case .selected, .selectedDelayed:
            // RFC 5465 §6.1
            guard isMessagesOnly else { throw .bad(.clientBug, "SELECTED takes events of messages only.") }
        default:
            // RFC 5465 §8 (message-event)
            guard !hasItems else { throw .bad(.clientBug, "Items are fetched of the selected mailbox only.") }
        }
    }

    private static func selected(_ group: NotifyGroup) -> Selected? {
        guard !group.events.isEmpty else { return nil }
        var wish = Selected(tellsFlags: group.events.contains(.flagChange))
        wish.delaysExpunges = group.mailboxes == .selectedDelayed
        for case .messageNew(let items) in group.events { wish.items = items }
        return wish
    }

    private static func events(_ group: NotifyGroup) -> Events {
        var events: Events = []
        for event in group.events {
            switch event {
            case .messageNew, .messageExpunge: events.insert(.messages)
            case .flagChange: events.insert(.flags)
            case .mailboxName: events.insert(.names)
            case .subscriptionChange: events.insert(.subscriptions)
            case .mailboxMetadataChange: events.insert(.annotations)
            case .serverMetadataChange, .unsupported: continue
            }
        }
        return events
    }

    /// Whether anything is wanted of mailboxes that are not selected.
    var concernsOthers: Bool { tellsServerAnnotations || groups.contains { !$0.events.isEmpty } }

    /// What the change feed must wake for, beside the selected mailbox.
    var kinds: ChangeKinds {
        var kinds: ChangeKinds = tellsServerAnnotations ? .annotations : []
        for group in groups {
            if !group.events.isDisjoint(with: [.messages, .flags]) { kinds.insert(.messages) }
            if group.events.contains(.names) { kinds.insert(.mailboxes) }
            if group.events.contains(.subscriptions) { kinds.insert(.subscriptions) }
            if group.events.contains(.annotations) { kinds.insert(.annotations) }
            // RFC 5465 §6.4: which mailboxes these are changes with the subscriptions
            if case .subscribed = group.mailboxes { kinds.insert(.subscriptions) }
        }
        return kinds
    }

    /// What is wanted of a mailbox that is not selected.
    func events(of path: String, isOwn: Bool, isSubscribed: Bool) -> Events {
        var events: Events = []
        for group in groups where Self.covers(group.mailboxes, path, isOwn: isOwn, isSubscribed: isSubscribed) {
            events.formUnion(group.events)
        }
        return events
    }

    /// Names that stand in the wishes themselves. RFC 5465 §3.1
    func names(_ path: String) -> Bool {
        groups.contains { group in
            switch group.mailboxes {
            case .named, .subtree: Self.covers(group.mailboxes, path, isOwn: false, isSubscribed: false)
            default: false
            }
        }
    }

    private static func covers(
        _ mailboxes: NotifyGroup.Mailboxes, _ path: String, isOwn: Bool, isSubscribed: Bool
    ) -> Bool {
        switch mailboxes {
        // RFC 5465 §6.3: mail can be delivered into any of them
        case .personal, .inboxes: isOwn
        case .subscribed: isSubscribed
        case .named(let names): names.contains { $0.path == path }
        case .subtree(let names): names.contains { $0.path == path || path.hasPrefix($0.path + "/") }
        case .selected, .selectedDelayed: false
        }
    }
}
