extension CommandCursor {
    // RFC 3501 §6.4.5, RFC 7162 §3.1.4
    mutating func fetch(_ messages: MessageSelection) throws(IMAPParseError) -> FetchCommand {
        try space()
        var items: [FetchItem] = []
        if at("(") {
            try list(limit: limits.fetchItems) { (cursor) throws(IMAPParseError) in
                let item = try cursor.fetchItem(try cursor.name("expected a FETCH item"))
                if !items.contains(item) { items.append(item) }
            }
            guard !items.isEmpty else { throw failure(.syntax, "expected a FETCH item") }
        } else {
            let word = try name("expected a FETCH item")
            if let macro = Self.fetchMacros[word] { items = macro } else { items = [try fetchItem(word)] }
        }
        var changedSince: UInt64?
        var vanished = false
        var partial: PartialRange?
        if spaceBeforeMore() {
            let start = index
            try list(limit: 4) { (cursor) throws(IMAPParseError) in
                let start = cursor.index
                switch try cursor.keyword("expected a FETCH modifier") {
                case "CHANGEDSINCE":
                    try cursor.space()
                    changedSince = try cursor.number63()
                case "VANISHED": vanished = true
                case "PARTIAL":
                    try cursor.space()
                    partial = try cursor.partialRange()
                default: throw IMAPParseError(.unknownItem, at: start, "unknown FETCH modifier")
                }
            }
            // RFC 9394 §3.3
            if partial != nil, !messages.isUID { throw IMAPParseError(.syntax, at: start, "PARTIAL needs UID FETCH") }
            // RFC 7162 §3.2.6
            if vanished, changedSince == nil || !messages.isUID {
                throw IMAPParseError(.syntax, at: start, "VANISHED needs UID FETCH and CHANGEDSINCE")
            }
        }
        return FetchCommand(
            messages: messages, items: items, changedSince: changedSince, vanished: vanished, partial: partial)
    }

    private static let fetchMacros: [String: [FetchItem]] = [
        "FAST": [.flags, .internalDate, .rfc822Size],
        "ALL": [.flags, .internalDate, .rfc822Size, .envelope],
        "FULL": [.flags, .internalDate, .rfc822Size, .envelope, .body],
    ]

    private static let plainItems: [String: FetchItem] = [
        "FLAGS": .flags,
        "UID": .uid,
        "INTERNALDATE": .internalDate,
        "RFC822.SIZE": .rfc822Size,
        "ENVELOPE": .envelope,
        "BODYSTRUCTURE": .bodyStructure,
        "RFC822": .rfc822,
        "RFC822.HEADER": .rfc822Header,
        "RFC822.TEXT": .rfc822Text,
        "MODSEQ": .modSequence,
        "EMAILID": .emailID,
        "THREADID": .threadID,
        "SAVEDATE": .saveDate,
    ]

    mutating func fetchItem(_ word: String) throws(IMAPParseError) -> FetchItem {
        if let item = Self.plainItems[word] { return item }
        switch word {
        case "BODY":
            return at("[") ? .section(try sectionFetch(.marksSeen)) : .body
        case "BODY.PEEK":
            return .section(try sectionFetch(.peek))
        case "BINARY":
            return .binary(try binaryFetch(.marksSeen))
        case "BINARY.PEEK":
            return .binary(try binaryFetch(.peek))
        case "BINARY.SIZE":
            return .binarySize(try binaryPart())
        case "PREVIEW":
            return .preview(try previewPriority())
        default: throw failure(.unknownItem, "unknown FETCH item")
        }
    }

    private mutating func sectionFetch(_ access: SectionFetch.Access) throws(IMAPParseError) -> SectionFetch {
        try expect("[", "expected '['")
        let section = try bodySection()
        try expect("]", "expected ']'")
        return SectionFetch(section: section, access: access, partial: try fetchPartial())
    }

    // RFC 3501 §9 (fetch-att)
    private mutating func fetchPartial() throws(IMAPParseError) -> FetchPartial? {
        guard take("<") else { return nil }
        let offset = try number63()
        try expect(".", "expected '.'")
        let start = index
        let count = try number63()
        guard count > 0 else { throw IMAPParseError(.numberRange, at: start, "zero may not stand here") }
        try expect(">", "expected '>'")
        return FetchPartial(offset: Int(offset), count: Int(count))
    }

    private mutating func binaryFetch(_ access: SectionFetch.Access) throws(IMAPParseError) -> BinaryFetch {
        let part = try binaryPart()
        return BinaryFetch(part: part, access: access, partial: try fetchPartial())
    }

    // RFC 3516 §7 (section-binary)
    private mutating func binaryPart() throws(IMAPParseError) -> [Int] {
        try expect("[", "expected '['")
        var part: [Int] = []
        if take("]") { return part }
        repeat {
            guard part.count < limits.partDepth else { throw failure(.limit, "part number too deep") }
            part.append(Int(try nonZeroNumber32()))
        } while take(".")
        try expect("]", "expected ']'")
        return part
    }

    // RFC 8970 §6
    private mutating func previewPriority() throws(IMAPParseError) -> PreviewPriority {
        // Behind a single item, the modifiers of FETCH itself stand in parentheses too.
        var ahead = self
        guard ahead.take(" "), ahead.take("("), ahead.takeWord("LAZY"), ahead.take(")") else { return .needed }
        self = ahead
        return .lazy
    }

    // RFC 3501 §9 (section-spec)
    mutating func bodySection() throws(IMAPParseError) -> BodySection {
        if at("]") { return BodySection() }
        var part: [Int] = []
        while let octet = peek(), IMAPOctet.isDigit(octet) {
            guard part.count < limits.partDepth else { throw failure(.limit, "part number too deep") }
            part.append(Int(try nonZeroNumber32()))
            if at("]") { return BodySection(part: part) }
            try expect(".", "expected '.' or ']'")
        }
        let start = index
        switch try name("expected a section") {
        case "HEADER": return BodySection(part: part, kind: .header)
        case "TEXT": return BodySection(part: part, kind: .text)
        case "HEADER.FIELDS": return BodySection(part: part, kind: .headerFields(try headerNames()))
        case "HEADER.FIELDS.NOT": return BodySection(part: part, kind: .headerFieldsNot(try headerNames()))
        case "MIME":
            guard !part.isEmpty else { throw IMAPParseError(.syntax, at: start, "MIME needs a part number") }
            return BodySection(part: part, kind: .mime)
        default: throw IMAPParseError(.syntax, at: start, "unknown section")
        }
    }

    // RFC 3501 §9 (header-list)
    private mutating func headerNames() throws(IMAPParseError) -> [String] {
        try space()
        var names: [String] = []
        try list(limit: limits.headerFields) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            let octets = try cursor.astring()
            // What could not be echoed in the answer is refused: printable ASCII without a colon (RFC 5322 §2.2).
            guard !octets.isEmpty, octets.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }) else {
                throw IMAPParseError(.syntax, at: start, "not a header field name")
            }
            names.append(String(decoding: octets, as: UTF8.self))
        }
        guard !names.isEmpty else { throw failure(.syntax, "expected a header field name") }
        return names
    }
}
