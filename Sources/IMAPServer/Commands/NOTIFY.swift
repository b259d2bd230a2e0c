import Directory
import IMAPCore
import Logging
import MailStore
import NetTransport
import Telemetry

// RFC 5465 §3.1
extension IMAPSession {
    func notify(_ command: NotifyCommand) async throws -> Completion {
        let wishes = try NotifyWishes(command)
        if case .set = command {
            // RFC 5465 §3.1: what has gathered is told first, as by NOOP
            try await announce(.everything)
        }
        var state = NotifyState(wishes)
        if wishes.concernsOthers {
            let seen = try await visible()
            state.known = seen.known
            state.subscribed = seen.subscribed
            state.accounts = Set(seen.targets.values.map(\.account))
            try await describe(seen, by: state, status: command.wantsStatus)
        }
        notification = state
        return .ok("Notify completed.", announce: .nothing)
    }

    /// Before the answer: STATUS where asked for, and names that may be seen but not read. RFC 5465 §3.1
    private func describe(_ seen: VisibleMailboxes, by state: NotifyState, status: Bool) async throws {
        for target in seen.targets.values.sorted(by: { $0.path < $1.path }) {
            guard let known = seen.known[target.mailbox] else { continue }
            guard target.rights.contains(.read) else {
                if state.wishes.names(target.path) {
                    encoder.list(ListResponse(target.name, attributes: [.noAccess]))
                }
                continue
            }
            let events = state.events(of: known)
            guard status, known.isSelectable, target.mailbox != selection?.mailbox,
                !events.isDisjoint(with: [.messages, .flags])
            else { continue }
            var items: [StatusItem] = [.messages, .uidNext, .uidValidity]
            if events.contains(.flags) { items += [.unseen, .highestModSequence] }
            try await answer(status: items, of: target.info, as: target.name)
            try await flushIfLarge()
        }
    }

    /// A change of names by this session, of which it need not be told. RFC 5465 §5
    func noteOwn(_ names: IMAPMailboxName...) {
        notification?.own.formUnion(names.map(\.path))
    }

    // MARK: Between commands

    /// Tells what happened since the last time, if something of interest did. Called between commands and in IDLE.
    func tellNotifications(expungesMayBeTold: Bool) async throws {
        guard let state = notification else { return }
        var kinds: ChangeKinds
        var annotations: [AnnotationNews] = []
        // Where messages changed, and nothing else did.
        var few: Set<MailboxID>?
        if state.listener == nil || state.listensTo != selection?.mailbox {
            listen()
            // What came before is not in the new listener.
            kinds = .all
            if let old = state.listener?.take() { annotations = old.annotations }
        } else {
            guard let news = state.listener?.take(), !news.kinds.isEmpty else { return }
            kinds = news.kinds
            annotations = news.annotations
            if kinds == .messages { few = news.mailboxes }
            if news.isOverflown {
                // RFC 5465 §5.8
                notification = NotifyState(try NotifyWishes(.none))
                untagged(.ok, .notificationOverflow, "Too much happens at once; ask by NOTIFY again.")
                return try await flush()
            }
        }
        try requireOpen(try login())
        if kinds.contains(.messages), let wish = state.wishes.selected, selection != nil {
            let mayExpunge = expungesMayBeTold || !wish.delaysExpunges
            try await announce(mayExpunge ? .everything : .withoutExpunges)
        }
        if state.wishes.concernsOthers {
            var isTold = false
            if let few { isTold = try await tellMessages(of: few) }
            if !isTold { try await tellOthers(annotations) }
        }
        try await flush()
    }

    private func listen() {
        guard let state = notification, let login = try? login().id else { return }
        var interest: [AccountID: ChangeInterest] = [:]
        if state.wishes.concernsOthers {
            for account in state.accounts.union([login]) {
                interest[account] = ChangeInterest(kinds: state.wishes.kinds)
            }
        }
        if let selected = selection, state.wishes.selected != nil {
            if interest[selected.account]?.kinds.contains(.messages) != true {
                interest[selected.account, default: ChangeInterest(kinds: [])].kinds.insert(.messages)
                interest[selected.account]?.mailboxes = [selected.mailbox]
            }
        }
        let waker = connection.waker
        notification?.listener = service.store.changeFeed.listen(interest) { waker.wake() }
        notification?.listensTo = selection?.mailbox
    }

    // MARK: Differences

    /// Every mailbox that this session may see.
    struct VisibleMailboxes {
        var targets: [MailboxID: MailboxTarget] = [:]
        var known: [MailboxID: NotifyState.Known] = [:]
        var subscribed: Set<String> = []
    }

    private func visible() async throws -> VisibleMailboxes {
        let login = try login().id
        var seen = VisibleMailboxes()
        for target in try await listable().targets.values {
            seen.targets[target.mailbox] = target
            seen.known[target.mailbox] = NotifyState.Known(target, login: login)
        }
        seen.subscribed = Set(try await service.store.subscriptions(login))
        return seen
    }

    private func tellOthers(_ annotations: [AnnotationNews]) async throws {
        guard let before = notification else { return }
        let now = try await visible()
        notification?.known = now.known
        notification?.subscribed = now.subscribed
        notification?.own = []
        let accounts = Set(now.targets.values.map(\.account))
        if accounts != before.accounts {
            // Others' mailboxes came or went: listen to their owners, and look again for what happens until then.
            notification?.accounts = accounts
            notification?.listener = nil
            connection.wake()
        }
        guard let state = notification else { return }
        try await tellNames(before, now, state)
        try await tellSubscriptions(before, now, state)
        for (mailbox, known) in now.known.sorted(by: { $0.value.path < $1.value.path }) {
            guard mailbox != selection?.mailbox, let target = now.targets[mailbox], let old = before.known[mailbox]
            else {
                continue
            }
            try await tellMessages(of: target, old, known, state.events(of: known))
        }
        for news in annotations { tell(news, now, state) }
    }

    /// Looks at some mailboxes alone, so that a message in one of a thousand does not cost a look at all.
    ///
    /// - Returns: false where more must be looked at: they are others', or not what they were.
    private func tellMessages(of mailboxes: Set<MailboxID>) async throws -> Bool {
        guard let state = notification else { return true }
        let login = try login().id
        var news: [(target: MailboxTarget, old: NotifyState.Known, new: NotifyState.Known)] = []
        for mailbox in mailboxes {
            guard let old = state.known[mailbox], old.isOwn,
                let info = try await service.store.mailbox(login, path: old.path), info.id == mailbox,
                info.selectable == old.isSelectable
            else { return false }
            let target = MailboxTarget(
                account: login, info: info, name: IMAPMailboxName(path: old.path), rights: .all)
            news.append((target, old, NotifyState.Known(target, login: login)))
        }
        for (target, old, new) in news.sorted(by: { $0.new.path < $1.new.path }) {
            notification?.known[target.mailbox] = new
            guard target.mailbox != selection?.mailbox else { continue }
            try await tellMessages(of: target, old, new, state.events(of: new))
        }
        return true
    }

    // RFC 5465 §5.1, §5.2, §5.3
    private func tellMessages(
        of target: MailboxTarget, _ old: NotifyState.Known, _ new: NotifyState.Known, _ events: NotifyWishes.Events
    ) async throws {
        guard new.isSelectable, target.rights.contains(.read) else { return }
        var items: [StatusItem] = []
        let isRenewed = old.uidValidity != new.uidValidity
        if events.contains(.messages), isRenewed || old.uidNext != new.uidNext || old.messages != new.messages {
            items = [.messages, .uidNext, .uidValidity, .unseen]
        } else if events.contains(.flags), isRenewed || old.unseen != new.unseen {
            items = [.uidValidity, .unseen]
        } else if events.contains(.flags), enabled.contains(.condstore), old.modSeq != new.modSeq {
            items = [.uidValidity]
        }
        guard !items.isEmpty else { return }
        if enabled.contains(.condstore) { items.append(.highestModSequence) }
        try await answer(status: items, of: target.info, as: target.name)
        try await flushIfLarge()
    }

    // RFC 5465 §5.4
    private func tellNames(_ before: NotifyState, _ now: VisibleMailboxes, _ state: NotifyState) async throws {
        var parents: Set<String> = []
        for (mailbox, old) in before.known.sorted(by: { $0.value.path < $1.value.path }) {
            guard now.known[mailbox] == nil, !before.own.contains(old.path), state.events(of: old).contains(.names)
            else {
                continue
            }
            encoder.list(ListResponse(IMAPMailboxName(path: old.path), attributes: [.nonExistent]))
            parents.formUnion(Self.parent(of: old.path))
        }
        for (mailbox, new) in now.known.sorted(by: { $0.value.path < $1.value.path }) {
            guard let target = now.targets[mailbox], state.events(of: new).contains(.names),
                !before.own.contains(new.path)
            else { continue }
            let isSubscribed = state.subscribed.contains(new.path)
            guard let old = before.known[mailbox] else {
                encoder.list(listing(of: target, subscribed: isSubscribed))
                parents.formUnion(Self.parent(of: new.path))
                continue
            }
            if old.path != new.path {
                // RFC 5465 §5.4: nothing of what is below a name that was renamed
                guard !Self.followsItsParent(from: old.path, to: new.path, before, now) else { continue }
                let name = IMAPMailboxName(path: old.path)
                encoder.list(listing(of: target, oldName: name, subscribed: isSubscribed))
            } else if old.isSelectable != new.isSelectable {
                encoder.list(listing(of: target, subscribed: isSubscribed))
            }
            try await flushIfLarge()
        }
        for target in now.targets.values.sorted(by: { $0.path < $1.path }) where parents.contains(target.path) {
            guard let known = now.known[target.mailbox], before.known[target.mailbox] != nil,
                state.events(of: known).contains(.names)
            else { continue }
            encoder.list(listing(of: target, subscribed: state.subscribed.contains(target.path)))
        }
    }

    private static func parent(of path: String) -> [String] {
        path.lastIndex(of: "/").map { [String(path[..<$0])] } ?? []
    }

    private static func followsItsParent(
        from old: String, to new: String, _ before: NotifyState, _ now: VisibleMailboxes
    ) -> Bool {
        guard let oldParent = parent(of: old).first, let newParent = parent(of: new).first, oldParent != newParent
        else {
            return false
        }
        return before.known.contains { $0.value.path == oldParent && now.known[$0.key]?.path == newParent }
    }

    // RFC 5465 §5.5
    private func tellSubscriptions(_ before: NotifyState, _ now: VisibleMailboxes, _ state: NotifyState) async throws {
        let changed = before.subscribed.symmetricDifference(now.subscribed).subtracting(before.own)
        guard !changed.isEmpty else { return }
        let byPath = Dictionary(now.targets.values.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        for path in changed.sorted() {
            let isOwn = byPath[path].map { now.known[$0.mailbox]?.isOwn == true } ?? true
            // RFC 5465 §6.4: of those that are subscribed, before or after
            let events = state.wishes.events(of: path, isOwn: isOwn, isSubscribed: true)
            guard events.contains(.subscriptions) else { continue }
            let isSubscribed = now.subscribed.contains(path)
            if let target = byPath[path] {
                encoder.list(listing(of: target, subscribed: isSubscribed))
            } else {
                let attributes: [ListAttribute] = isSubscribed ? [.subscribed, .nonExistent] : [.nonExistent]
                encoder.list(ListResponse(IMAPMailboxName(path: path), attributes: attributes))
            }
            try await flushIfLarge()
        }
    }

    // RFC 5465 §5.6, §5.7
    private func tell(_ news: AnnotationNews, _ now: VisibleMailboxes, _ state: NotifyState) {
        guard let mailbox = news.mailbox else {
            if state.wishes.tellsServerAnnotations { encoder.metadata(changed: news.entries, of: nil) }
            return
        }
        guard let target = now.targets[mailbox], let known = now.known[mailbox],
            state.events(of: known).contains(.annotations)
        else { return }
        encoder.metadata(changed: news.entries, of: target.name)
    }
}

extension NotifyCommand {
    fileprivate var wantsStatus: Bool {
        if case .set(_, let status) = self { status } else { false }
    }
}
