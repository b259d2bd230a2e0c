extension CommandCursor {
    // RFC 5258 §6
    mutating func list() throws(IMAPParseError) -> ListCommand {
        try space()
        var isExtended = false
        var selection: ListSelection = []
        if at("(") {
            selection = try listSelection()
            isExtended = true
            try space()
        }
        let reference = try listReference()
        try space()
        var patterns: [ListPattern] = []
        if at("(") {
            isExtended = true
            try list(limit: limits.listPatterns) { (cursor) throws(IMAPParseError) in
                patterns.append(try cursor.listPattern())
            }
            guard !patterns.isEmpty else { throw failure(.syntax, "expected a mailbox pattern") }
        } else {
            patterns.append(try listPattern())
        }
        var returns: ListReturn = []
        var statusItems: [StatusItem]?
        var metadata: [MetadataEntry] = []
        if spaceBeforeMore() {
            isExtended = true
            guard takeWord("RETURN") else { throw failure(.syntax, "expected RETURN") }
            try space()
            (returns, statusItems, metadata) = try listReturn()
        }
        return ListCommand(
            selection: selection, reference: reference, patterns: patterns, returns: returns, statusItems: statusItems,
            metadata: metadata, isExtended: isExtended)
    }

    mutating func lsub() throws(IMAPParseError) -> LSubCommand {
        try space()
        let reference = try listReference()
        try space()
        return LSubCommand(reference: reference, pattern: try listPattern())
    }

    private mutating func listReference() throws(IMAPParseError) -> String {
        let start = index
        return try decodePattern(try astring(), start: start)
    }

    private mutating func listPattern() throws(IMAPParseError) -> ListPattern {
        let start = index
        return ListPattern(try decodePattern(try listMailbox(), start: start))
    }

    private mutating func listSelection() throws(IMAPParseError) -> ListSelection {
        let start = index
        var selection: ListSelection = []
        try list(limit: 8) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected a selection option") {
            case "SUBSCRIBED": selection.insert(.subscribed)
            case "REMOTE": selection.insert(.remote)
            case "RECURSIVEMATCH": selection.insert(.recursiveMatch)
            case "SPECIAL-USE": selection.insert(.specialUse)
            default: throw IMAPParseError(.unknownItem, at: start, "unknown selection option")
            }
        }
        // RFC 5258 §3.1, RFC 6154 §6: RECURSIVEMATCH needs a base option, and SUBSCRIBED is the only one.
        if selection.contains(.recursiveMatch), !selection.contains(.subscribed) {
            throw IMAPParseError(.syntax, at: start, "RECURSIVEMATCH needs SUBSCRIBED")
        }
        return selection
    }

    private mutating func listReturn() throws(IMAPParseError) -> (ListReturn, [StatusItem]?, [MetadataEntry]) {
        var returns: ListReturn = []
        var statusItems: [StatusItem]?
        var metadata: [MetadataEntry] = []
        try list(limit: 8) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected a return option") {
            case "SUBSCRIBED": returns.insert(.subscribed)
            case "CHILDREN": returns.insert(.children)
            case "SPECIAL-USE": returns.insert(.specialUse)
            case "MYRIGHTS": returns.insert(.myRights)
            case "METADATA":
                // RFC 9590 §3
                try cursor.space()
                metadata = try cursor.metadataEntries()
            case "STATUS":
                // RFC 5819 §2
                try cursor.space()
                statusItems = try cursor.statusItems()
            default: throw IMAPParseError(.unknownItem, at: start, "unknown return option")
            }
        }
        return (returns, statusItems, metadata)
    }
}
