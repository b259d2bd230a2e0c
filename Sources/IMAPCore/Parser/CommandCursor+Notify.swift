extension CommandCursor {
    // RFC 5465 §8 (notify)
    mutating func notify() throws(IMAPParseError) -> NotifyCommand {
        try space()
        if takeWord("NONE") { return .none }
        guard takeWord("SET") else { throw failure(.syntax, "expected SET or NONE") }
        try space()
        var status = false
        if takeWord("STATUS") {
            status = true
            try space()
        }
        var groups = [try notifyGroup()]
        while spaceBeforeMore() {
            guard groups.count < limits.listPatterns else { throw failure(.limit, "too many event groups") }
            groups.append(try notifyGroup())
        }
        return .set(groups, status: status)
    }

    private mutating func notifyGroup() throws(IMAPParseError) -> NotifyGroup {
        try expect("(", "expected '('")
        let start = index
        let mailboxes: NotifyGroup.Mailboxes
        switch try keyword("expected mailboxes") {
        case "SELECTED": mailboxes = .selected
        case "SELECTED-DELAYED": mailboxes = .selectedDelayed
        case "INBOXES": mailboxes = .inboxes
        case "PERSONAL": mailboxes = .personal
        case "SUBSCRIBED": mailboxes = .subscribed
        case "SUBTREE": mailboxes = .subtree(try notifyNames())
        case "MAILBOXES": mailboxes = .named(try notifyNames())
        default: throw IMAPParseError(.unknownItem, at: start, "unknown mailbox specifier")
        }
        try space()
        let events = try notifyEvents()
        try expect(")", "expected ')'")
        return NotifyGroup(mailboxes, events)
    }

    private mutating func notifyNames() throws(IMAPParseError) -> [IMAPMailboxName] {
        try space()
        guard at("(") else { return [try mailbox()] }
        var names: [IMAPMailboxName] = []
        try list(limit: limits.listPatterns) { (cursor) throws(IMAPParseError) in
            names.append(try cursor.mailbox())
        }
        guard !names.isEmpty else { throw failure(.syntax, "expected a mailbox") }
        return names
    }

    private mutating func notifyEvents() throws(IMAPParseError) -> [NotifyEvent] {
        if takeWord("NONE") { return [] }
        // The grammar wants parentheses around the events; RFC 5465's own examples have none.
        let isEnclosed = take("(")
        var events = [try notifyEvent()]
        while take(" ") {
            guard events.count < 32 else { throw failure(.limit, "too many events") }
            events.append(try notifyEvent())
        }
        if isEnclosed { try expect(")", "expected ')'") }
        return events
    }

    private mutating func notifyEvent() throws(IMAPParseError) -> NotifyEvent {
        let word = try keyword("expected an event")
        switch word {
        case "MESSAGENEW": return .messageNew(try notifyItems())
        case "MESSAGEEXPUNGE": return .messageExpunge
        case "FLAGCHANGE": return .flagChange
        case "MAILBOXNAME": return .mailboxName
        case "SUBSCRIPTIONCHANGE": return .subscriptionChange
        case "MAILBOXMETADATACHANGE": return .mailboxMetadataChange
        case "SERVERMETADATACHANGE": return .serverMetadataChange
        default: return .unsupported(word)
        }
    }

    private mutating func notifyItems() throws(IMAPParseError) -> [FetchItem] {
        guard at(" "), peek(ahead: 1) == UInt8(ascii: "(") else { return [] }
        try space()
        var items: [FetchItem] = []
        try list(limit: limits.fetchItems) { (cursor) throws(IMAPParseError) in
            let item = try cursor.fetchItem(try cursor.name("expected a FETCH item"))
            if !items.contains(item) { items.append(item) }
        }
        guard !items.isEmpty else { throw failure(.syntax, "expected a FETCH item") }
        return items
    }
}
