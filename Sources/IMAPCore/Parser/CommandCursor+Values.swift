extension CommandCursor {
    // RFC 3501 §9 (mailbox)
    mutating func mailbox() throws(IMAPParseError) -> IMAPMailboxName {
        let written = try mailboxAsWritten()
        return leniency.contains(.trailingSeparator) ? written.withoutTrailingSeparator ?? written : written
    }

    /// With the separator that CREATE means something by.
    mutating func mailboxAsWritten() throws(IMAPParseError) -> IMAPMailboxName {
        let start = index
        let octets = try astring()
        return try decodeMailbox(octets, start: start)
    }

    func decodeMailbox(_ octets: [UInt8], start: Int) throws(IMAPParseError) -> IMAPMailboxName {
        guard octets.count <= limits.mailboxName else {
            throw IMAPParseError(.limit, at: start, "mailbox name too long")
        }
        guard !octets.isEmpty, let name = IMAPMailboxName(wire: octets, encoding: nameEncoding) else {
            throw IMAPParseError(.mailboxName, at: start, "not a valid mailbox name")
        }
        return name
    }

    /// The text of a LIST reference or pattern. What is no valid encoding is taken as it stands, if ASCII:
    /// a pattern may cut an encoded name in two, and then matches nothing.
    func decodePattern(_ octets: [UInt8], start: Int) throws(IMAPParseError) -> String {
        guard octets.count <= limits.mailboxName else {
            throw IMAPParseError(.limit, at: start, "mailbox pattern too long")
        }
        if let text = nameEncoding.decode(octets) { return text }
        guard octets.allSatisfy({ $0 < 0x80 }) else {
            throw IMAPParseError(.mailboxName, at: start, "not a valid mailbox pattern")
        }
        return String(decoding: octets, as: UTF8.self)
    }

    // RFC 3501 §9 (flag)
    mutating func flag() throws(IMAPParseError) -> IMAPFlag {
        let start = index
        let isSystem = take("\\")
        let word = try atom("expected a flag")
        guard word.utf8.count <= limits.keyword else { throw IMAPParseError(.limit, at: start, "keyword too long") }
        return IMAPFlag(name: isSystem ? "\\" + word : word)
    }

    /// `(…)`; duplicates are dropped.
    mutating func flagList() throws(IMAPParseError) -> [IMAPFlag] {
        var flags: [IMAPFlag] = []
        try list(limit: limits.flags) { (cursor) throws(IMAPParseError) in
            let flag = try cursor.flag()
            if !flags.contains(flag) { flags.append(flag) }
        }
        return flags
    }

    // RFC 3501 §9 (status-att)
    mutating func statusItems() throws(IMAPParseError) -> [StatusItem] {
        var items: [StatusItem] = []
        try list(limit: limits.fetchItems) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            guard let item = StatusItem(rawValue: try cursor.keyword()) else {
                throw IMAPParseError(.unknownItem, at: start, "unknown STATUS item")
            }
            if !items.contains(item) { items.append(item) }
        }
        guard !items.isEmpty else { throw failure(.syntax, "expected a STATUS item") }
        return items
    }

    // MARK: Dates

    // RFC 3501 §9 (date)
    mutating func date() throws(IMAPParseError) -> IMAPDate {
        let isQuoted = take("\"")
        let date = try dateText(dayDigits: 1...2)
        if isQuoted { try expect("\"", "expected the end of the date") }
        return date
    }

    // RFC 3501 §9 (date-time)
    mutating func dateTime() throws(IMAPParseError) -> IMAPDateTime {
        try expect("\"", "expected a date and time")
        while take(" ") {}
        let date = try dateText(dayDigits: 1...2)
        try space()
        let hours = try fixedNumber(2, 0...23)
        try expect(":", "expected ':'")
        let minutes = try fixedNumber(2, 0...59)
        try expect(":", "expected ':'")
        let seconds = try fixedNumber(2, 0...60)
        try space()
        let isWest = at("-")
        guard take("-") || take("+") else { throw failure(.date, "expected a time zone") }
        let zoneStart = index
        let zoneDigits = try fixedNumber(4, 0...2359)
        guard zoneDigits % 100 < 60 else { throw IMAPParseError(.date, at: zoneStart, "out of range in a time zone") }
        let zone = zoneDigits / 100 * 60 + zoneDigits % 100
        try expect("\"", "expected the end of the date")
        let offset = isWest ? -zone : zone
        let local = date.dayNumber * 86_400 + hours * 3600 + minutes * 60 + seconds
        return IMAPDateTime(secondsSince1970: Int64(local - offset * 60), zoneMinutes: offset)
    }

    private mutating func dateText(dayDigits: ClosedRange<Int>) throws(IMAPParseError) -> IMAPDate {
        let start = index
        let day = run(while: IMAPOctet.isDigit)
        guard dayDigits.contains(day.count) else { throw IMAPParseError(.date, at: start, "expected a day") }
        try expect("-", "expected '-'")
        guard let letters = slice(3), let month = Self.month(letters) else { throw failure(.date, "expected a month") }
        try expect("-", "expected '-'")
        let year = try fixedNumber(4, 1...9999)
        let dayNumber = day.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard let date = IMAPDate(year: year, month: month, day: dayNumber) else {
            throw IMAPParseError(.date, at: start, "no such day")
        }
        return date
    }

    private static func month(_ letters: ArraySlice<UInt8>) -> Int? {
        let name = letters.map { $0 | 0x20 }
        let index = IMAPDate.monthNames.firstIndex { candidate in
            candidate.withUTF8Buffer { $0.map { $0 | 0x20 } == name }
        }
        return index.map { $0 + 1 }
    }

    private mutating func fixedNumber(_ digits: Int, _ range: ClosedRange<Int>) throws(IMAPParseError) -> Int {
        let start = index
        let text = run(while: IMAPOctet.isDigit)
        guard text.count == digits else { throw IMAPParseError(.date, at: start, "wrong number of digits in a date") }
        let value = text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard range.contains(value) else { throw IMAPParseError(.date, at: start, "out of range in a date") }
        return value
    }
}
