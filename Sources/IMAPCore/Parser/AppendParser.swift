// APPEND comes in pieces: text, a message that is streamed, text, a message …, and what the text means depends on what came
// before. This reads the text, a piece at a time; it holds nothing but its place in the grammar:
//
//     mailbox  *( SP [flags SP] [date SP] message )                                    RFC 3502 §6.3.11
//     message = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" part *(SP part) ")"
//     part    = "TEXT" SP literal / "UTF8" SP "(" literal8 ")" / "URL" SP astring      RFC 4469 §5, RFC 6855 §4

/// Reads the text of APPEND and REPLACE around their messages.
package struct AppendParser: Sendable {
    private enum Place {
        case betweenMessages
        /// Behind a literal that is a whole message.
        case behindMessage
        /// Behind a part of CATENATE.
        case behindPart
        /// Behind the literal of `UTF8 (`.
        case insideUTF8(isPart: Bool)
    }

    private let parser: IMAPParser
    private var place = Place.betweenMessages
    private var messages = 0
    private var isReplace = false

    package init(_ parser: IMAPParser) {
        self.parser = parser
    }

    /// Reads the command up to its first streamed literal.
    ///
    /// - Parameters:
    ///   - prefix: everything before the `{` of the literal.
    ///   - size: octets announced.
    /// - Throws: `IMAPParseError`, with the tag when it was readable.
    package mutating func begin(
        prefix: [UInt8], size: Int
    ) throws(IMAPParseError) -> (AppendCommand, [AppendElement]) {
        var cursor = CommandCursor(prefix, parser: parser)
        return try begin(&cursor, literal: size)
    }

    /// Reads a command that has no streamed literal at all.
    mutating func begin(
        _ cursor: inout CommandCursor, literal: Int?
    ) throws(IMAPParseError) -> (AppendCommand, [AppendElement]) {
        let tag = try cursor.tag()
        do throws(IMAPParseError) {
            try cursor.space()
            let replaced = try cursor.appendWord()
            isReplace = replaced != nil
            try cursor.space()
            let mailbox = try cursor.mailbox()
            let elements = try elements(&cursor, literal: literal)
            guard messages > 0 else { throw cursor.failure(.syntax, "APPEND needs a message") }
            return (AppendCommand(tag: tag, mailbox: mailbox, replaced: replaced), elements)
        } catch {
            throw IMAPParser.adding(tag, to: error)
        }
    }

    /// Reads what stands between two streamed literals.
    package mutating func next(_ text: [UInt8], size: Int) throws(IMAPParseError) -> [AppendElement] {
        var cursor = CommandCursor(text, parser: parser)
        return try elements(&cursor, literal: size)
    }

    /// Reads what stands behind the last literal.
    package mutating func end(_ text: [UInt8]) throws(IMAPParseError) -> [AppendElement] {
        var cursor = CommandCursor(text, parser: parser)
        return try elements(&cursor, literal: nil)
    }

    /// - Parameter literal: the size of the streamed literal that ends this text, if one does.
    private mutating func elements(
        _ cursor: inout CommandCursor, literal: Int?
    ) throws(IMAPParseError) -> [AppendElement] {
        var elements: [AppendElement] = []
        while true {
            switch place {
            case .behindMessage:
                place = .betweenMessages
                elements.append(.end)
            case .insideUTF8(let isPart):
                try cursor.expect(")", "expected ')'")
                place = isPart ? .behindPart : .betweenMessages
                if !isPart { elements.append(.end) }
            case .behindPart:
                if cursor.take(")") {
                    place = .betweenMessages
                    elements.append(.end)
                } else {
                    try cursor.space()
                    if try part(&cursor, literal: literal, &elements) { return elements }
                }
            case .betweenMessages:
                guard cursor.spaceBeforeMore() || (literal != nil && cursor.take(" ")) else {
                    try cursor.finish()
                    guard literal == nil else { throw cursor.failure(.syntax, "expected a space before the message") }
                    return elements
                }
                if try message(&cursor, literal: literal, &elements) { return elements }
            }
        }
    }

    /// - Returns: whether the text ended in the literal that is the message, or its first part.
    private mutating func message(
        _ cursor: inout CommandCursor, literal: Int?, _ elements: inout [AppendElement]
    ) throws(IMAPParseError) -> Bool {
        guard messages < (isReplace ? 1 : parser.limits.appendMessages) else {
            // RFC 8508 §4.7
            throw cursor.failure(isReplace ? .syntax : .limit, "too many messages in one command")
        }
        messages += 1
        var flags: [IMAPFlag] = []
        var date: IMAPDateTime?
        if cursor.at("(") {
            flags = try cursor.flagList()
            try cursor.space()
        }
        if cursor.at("\"") {
            date = try cursor.dateTime()
            try cursor.space()
        }
        elements.append(.message(flags: flags, date: date))
        if cursor.takeWord("CATENATE") {
            try cursor.space()
            try cursor.expect("(", "expected '('")
            place = .behindPart
            return try part(&cursor, literal: literal, &elements)
        }
        if cursor.takeWord("UTF8") { return try utf8(&cursor, literal: literal, isPart: false, &elements) }
        elements.append(try streamed(&cursor, literal, nil))
        place = .behindMessage
        return true
    }

    private mutating func part(
        _ cursor: inout CommandCursor, literal: Int?, _ elements: inout [AppendElement]
    ) throws(IMAPParseError) -> Bool {
        if cursor.takeWord("URL") {
            try cursor.space()
            elements.append(.url(try cursor.astring(.tolerant)))
            return false
        }
        if cursor.takeWord("UTF8") { return try utf8(&cursor, literal: literal, isPart: true, &elements) }
        guard cursor.takeWord("TEXT") else { throw cursor.failure(.syntax, "expected TEXT or URL") }
        try cursor.space()
        elements.append(try streamed(&cursor, literal, nil))
        return true
    }

    private mutating func utf8(
        _ cursor: inout CommandCursor, literal: Int?, isPart: Bool, _ elements: inout [AppendElement]
    ) throws(IMAPParseError) -> Bool {
        try cursor.space()
        try cursor.expect("(", "expected '('")
        elements.append(try streamed(&cursor, literal, .utf8))
        place = .insideUTF8(isPart: isPart)
        return true
    }

    /// The literal that ends the text.
    private func streamed(
        _ cursor: inout CommandCursor, _ size: Int?, _ kind: AppendLiteral?
    ) throws(IMAPParseError) -> AppendElement {
        let isLiteral8 = cursor.take("~")
        guard let size, cursor.isAtEnd else { throw cursor.failure(.syntax, "expected a message as a literal") }
        guard size <= parser.limits.appendSize else {
            // RFC 7889 §4
            throw cursor.failure(.messageTooLarge, "message larger than allowed")
        }
        return .literal(size: size, kind ?? (isLiteral8 ? .binary : .text))
    }
}

extension CommandCursor {
    /// APPEND, or what is to be replaced. RFC 8508 §5
    fileprivate mutating func appendWord() throws(IMAPParseError) -> AppendCommand.Replaced? {
        if takeWord("APPEND") { return nil }
        let isUID = takeWord("UID")
        if isUID { try space() }
        guard takeWord("REPLACE") else { throw failure(.unknownCommand, "expected APPEND or REPLACE") }
        try space()
        let number = try nonZeroNumber32("expected the number of a message")
        return isUID ? .uid(IMAPUID(rawValue: number)) : .sequence(SequenceNumber(rawValue: number))
    }
}
