import IMAPCore

/// A mailbox as LIST sees it.
struct ListedMailbox: Sendable, Equatable {
    /// From the root, `/` between levels.
    let path: String
    let isSelectable: Bool
    let hasChildren: Bool
    let specialUse: IMAPSpecialUse?

    init(path: String, isSelectable: Bool = true, hasChildren: Bool = false, specialUse: IMAPSpecialUse? = nil) {
        self.path = path
        self.isSelectable = isSelectable
        self.hasChildren = hasChildren
        self.specialUse = specialUse
    }
}

/// One answer of LIST or LSUB.
struct ListEntry: Sendable, Equatable {
    let path: String
    var attributes: [ListAttribute] = []
    /// Whether a subscribed name below, not returned itself, is the reason. RFC 5258 §3.5
    var hasSubscribedChild = false
    /// Whether it is here for itself, and not only for what is below it.
    var meetsCriteria = true
    /// Whether STATUS can be asked of it.
    var isSelectable = true

    var response: ListResponse {
        ListResponse(IMAPMailboxName(path: path), attributes: attributes, hasSubscribedChild: hasSubscribedChild)
    }
}

/// LIST, LIST-EXTENDED and LSUB over an account's mailboxes: a pure function of tree and subscriptions.
struct MailboxListing: Sendable {
    private let mailboxes: [String: ListedMailbox]
    private let subscribed: Set<String>
    /// Every name that exists, is subscribed, or is above one of these; INBOX first, then by octets.
    private let names: [String]

    init(mailboxes: [ListedMailbox], subscribed: some Sequence<String>) {
        self.mailboxes = Dictionary(mailboxes.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        self.subscribed = Set(subscribed)
        var all = Set(self.mailboxes.keys).union(self.subscribed)
        for name in all { all.formUnion(Self.ancestors(of: name)) }
        names = all.sorted { left, right in
            if (left == "INBOX") != (right == "INBOX") { return left == "INBOX" }
            return left.utf8.lexicographicallyPrecedes(right.utf8)
        }
    }

    /// Answers to LIST, basic or extended.
    func list(_ command: ListCommand) -> [ListEntry] {
        // RFC 3501 §6.3.8: an empty name asks for the separator and the root
        if !command.isExtended, command.patterns.allSatisfy({ $0.text.isEmpty }) {
            return [ListEntry(path: "", attributes: [.noSelect], isSelectable: false)]
        }
        let patterns = command.patterns.filter { !$0.text.isEmpty }
        let matching = names.filter { name in
            patterns.contains { $0.matches(name, reference: command.reference) }
        }
        let criteria = command.selection.intersection([.subscribed, .specialUse])
        guard !criteria.isEmpty else {
            return matching.compactMap { mailboxes[$0] != nil ? entry($0, command) : nil }
        }
        let returned = Set(matching.filter { meets($0, criteria) })
        var parents = Set<String>()
        if command.selection.contains(.recursiveMatch) {
            // RFC 5258 §3.5: CHILDINFO stands for descendants that are not returned themselves
            for name in names where meets(name, criteria) && !returned.contains(name) {
                parents.formUnion(Self.ancestors(of: name))
            }
        }
        return matching.compactMap { name in
            guard returned.contains(name) || parents.contains(name) else { return nil }
            var entry = entry(name, command)
            entry.meetsCriteria = returned.contains(name)
            entry.hasSubscribedChild = criteria.contains(.subscribed) && parents.contains(name)
            return entry
        }
    }

    /// Answers to LSUB: subscriptions alone, whether or not the mailboxes exist.
    func lsub(_ command: LSubCommand) -> [ListEntry] {
        if command.pattern.text.isEmpty {
            return [ListEntry(path: "", attributes: [.noSelect], isSelectable: false)]
        }
        // RFC 3501 §6.3.9: with "%", a level that only leads to subscribed names is shown as \Noselect
        var leading = Set<String>()
        if command.pattern.text.contains("%") {
            for name in subscribed { leading.formUnion(Self.ancestors(of: name)) }
        }
        return names.compactMap { name in
            guard command.pattern.matches(name, reference: command.reference) else { return nil }
            if subscribed.contains(name) {
                return ListEntry(path: name, attributes: childAttributes(name))
            }
            return leading.contains(name) ? ListEntry(path: name, attributes: [.noSelect], isSelectable: false) : nil
        }
    }

    private func meets(_ name: String, _ criteria: ListSelection) -> Bool {
        if criteria.contains(.subscribed), !subscribed.contains(name) { return false }
        if criteria.contains(.specialUse), mailboxes[name]?.specialUse == nil { return false }
        return true
    }

    private func entry(_ name: String, _ command: ListCommand) -> ListEntry {
        var entry = ListEntry(path: name)
        let mailbox = mailboxes[name]
        if mailbox == nil {
            // RFC 5258 §3.1: a subscribed name without a mailbox
            entry.attributes.append(.nonExistent)
            entry.isSelectable = false
        } else if mailbox?.isSelectable == false {
            entry.attributes.append(.noSelect)
            entry.isSelectable = false
        }
        let wantsSubscribed = command.selection.contains(.subscribed) || command.returns.contains(.subscribed)
        if wantsSubscribed, subscribed.contains(name) { entry.attributes.append(.subscribed) }
        entry.attributes += childAttributes(name)
        // RFC 6154 §2: may stand in any LIST answer
        if let use = mailbox?.specialUse { entry.attributes.append(.specialUse(use)) }
        return entry
    }

    // RFC 3348 §3, RFC 5258 §4
    private func childAttributes(_ name: String) -> [ListAttribute] {
        guard let mailbox = mailboxes[name] else { return [] }
        return [mailbox.hasChildren ? .hasChildren : .hasNoChildren]
    }

    /// `a` and `a/b` of `a/b/c`.
    static func ancestors(of name: String) -> [String] {
        name.indices.filter { name[$0] == "/" }.map { String(name[..<$0]) }.filter { !$0.isEmpty }
    }
}
