extension CommandCursor {
    // RFC 4314 §7 (setacl)
    mutating func setACL() throws(IMAPParseError) -> SetACLCommand {
        let target = try identifierCommand()
        try space()
        var text = Substring(try astringText())
        let action: SetACLCommand.Action
        switch text.first {
        case "+": action = .add
        case "-": action = .remove
        default: action = .replace
        }
        if action != .replace { text = text.dropFirst() }
        return SetACLCommand(
            mailbox: target.mailbox, identifier: target.identifier, action: action, letters: String(text))
    }

    // RFC 4314 §7 (deleteacl, listrights)
    mutating func identifierCommand() throws(IMAPParseError) -> IdentifierCommand {
        try space()
        let mailbox = try mailbox()
        try space()
        let start = index
        let identifier = try astringText()
        // RFC 4314 §3: an identifier that is nothing is BAD
        guard !identifier.isEmpty, identifier != "-", identifier.utf8.count <= limits.mailboxName,
            identifier.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { throw IMAPParseError(.syntax, at: start, "expected an identifier") }
        return IdentifierCommand(mailbox: mailbox, identifier: identifier)
    }

    // RFC 5464 §5 (getmetadata)
    mutating func getMetadata() throws(IMAPParseError) -> GetMetadataCommand {
        try space()
        var options = MetadataOptions()
        if at("(") {
            options = try metadataOptions()
            try space()
        }
        let mailbox = try metadataMailbox()
        try space()
        // The examples of RFC 5464 §4.2.1 have the options behind the name, and so do clients.
        if at("("), let next = peek(ahead: 1), IMAPOctet.isAlphanumeric(next) {
            options = try metadataOptions()
            try space()
        }
        return GetMetadataCommand(
            mailbox: mailbox, entries: try metadataEntries(), depth: options.depth, maximumSize: options.maximumSize)
    }

    /// One name, or some in parentheses. RFC 5464 §5 (entries)
    mutating func metadataEntries() throws(IMAPParseError) -> [MetadataEntry] {
        guard at("(") else { return [try metadataEntry(allowsRoot: true)] }
        var entries: [MetadataEntry] = []
        try list(limit: limits.metadataEntries) { (cursor) throws(IMAPParseError) in
            let entry = try cursor.metadataEntry(allowsRoot: true)
            if !entries.contains(entry) { entries.append(entry) }
        }
        guard !entries.isEmpty else { throw failure(.syntax, "expected the name of an annotation") }
        return entries
    }

    private struct MetadataOptions {
        var depth = MetadataDepth.entry
        var maximumSize: UInt64?
    }

    private mutating func metadataOptions() throws(IMAPParseError) -> MetadataOptions {
        var options = MetadataOptions()
        try list(limit: 8) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected an option of GETMETADATA") {
            case "MAXSIZE":
                try cursor.space()
                options.maximumSize = try cursor.number63()
            case "DEPTH":
                try cursor.space()
                let start = cursor.index
                switch try cursor.keyword("expected a depth") {
                case "0": options.depth = .entry
                case "1": options.depth = .children
                case "INFINITY": options.depth = .infinity
                default: throw IMAPParseError(.syntax, at: start, "expected 0, 1 or infinity")
                }
            default: throw IMAPParseError(.unknownItem, at: start, "unknown option of GETMETADATA")
            }
        }
        return options
    }

    // RFC 5464 §5: the empty string is the server
    private mutating func metadataMailbox() throws(IMAPParseError) -> IMAPMailboxName? {
        let start = index
        let octets = try astring()
        return octets.isEmpty ? nil : try decodeMailbox(octets, start: start)
    }

    private mutating func metadataEntry(allowsRoot: Bool) throws(IMAPParseError) -> MetadataEntry {
        let start = index
        guard let text = String(validating: try astring(), as: UTF8.self), text.utf8.count <= limits.mailboxName,
            let entry = MetadataEntry(text, allowsRoot: allowsRoot)
        else {
            // RFC 5464 §3.2: an invalid name is BAD in any command
            throw IMAPParseError(.syntax, at: start, "not the name of an annotation")
        }
        return entry
    }

    // RFC 5464 §5 (setmetadata)
    mutating func setMetadata() throws(IMAPParseError) -> SetMetadataCommand {
        try space()
        let mailbox = try metadataMailbox()
        try space()
        var changes: [SetMetadataCommand.Change] = []
        try list(limit: limits.metadataEntries) { (cursor) throws(IMAPParseError) in
            let entry = try cursor.metadataEntry(allowsRoot: false)
            try cursor.space()
            let value = cursor.takeWord("NIL") ? nil : try cursor.metadataValue()
            changes.removeAll { $0.entry == entry }
            changes.append(.init(entry: entry, value: value))
        }
        guard !changes.isEmpty else { throw failure(.syntax, "expected the name of an annotation") }
        return SetMetadataCommand(mailbox: mailbox, changes: changes)
    }

    // RFC 5464 §5 (value): a string, or a literal8 with any octets
    private mutating func metadataValue() throws(IMAPParseError) -> [UInt8] {
        if at("~") { return try literal8() }
        return try string(.tolerant)
    }
}
