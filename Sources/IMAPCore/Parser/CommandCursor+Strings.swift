extension CommandCursor {
    /// Where a string stands, which decides what octets it may hold.
    enum StringUse {
        case plain
        /// LOGIN and SEARCH: UTF-8 is tolerated in quoted strings.
        case tolerant
    }

    // RFC 3501 §9 (astring)
    mutating func astring(_ use: StringUse = .plain) throws(IMAPParseError) -> [UInt8] {
        if startsString { return try string(use) }
        let word = run(while: IMAPOctet.isAStringChar)
        guard !word.isEmpty else { throw unexpectedOctet("expected a string") }
        if let next = peek(), next >= 0x80 { throw unexpectedOctet("expected a string") }
        return Array(word)
    }

    /// An astring that must be printable ASCII or UTF-8 text.
    mutating func astringText() throws(IMAPParseError) -> String {
        let start = failure(.forbiddenOctet, "expected UTF-8")
        guard let text = String(validating: try astring(.tolerant), as: UTF8.self) else { throw start }
        return text
    }

    // RFC 3501 §9 (string)
    mutating func string(_ use: StringUse = .plain) throws(IMAPParseError) -> [UInt8] {
        switch peek() {
        case UInt8(ascii: "\""): return try quoted(use)
        case UInt8(ascii: "{"): return try literal()
        case UInt8(ascii: "~"): throw failure(.binaryLiteral, "literal8 may not stand here")
        default: throw unexpectedOctet("expected a string")
        }
    }

    // RFC 3501 §9 (nstring)
    mutating func nstring(_ use: StringUse = .plain) throws(IMAPParseError) -> [UInt8]? {
        if takeWord("NIL") { return nil }
        return try string(use)
    }

    // RFC 5258 §6 (list-mailbox)
    mutating func listMailbox() throws(IMAPParseError) -> [UInt8] {
        if startsString { return try string() }
        let word = run(while: IMAPOctet.isListChar)
        guard !word.isEmpty else { throw unexpectedOctet("expected a mailbox pattern") }
        return Array(word)
    }

    private var startsString: Bool {
        at("\"") || at("{") || (at("~") && peek(ahead: 1) == UInt8(ascii: "{"))
    }

    private func unexpectedOctet(_ hint: StaticString) -> IMAPParseError {
        guard let octet = peek() else { return failure(.syntax, hint) }
        if octet < 0x20 || octet >= 0x7F { return failure(.forbiddenOctet, "an octet that may not stand here") }
        return failure(.syntax, hint)
    }

    // RFC 3501 §9 (quoted)
    private mutating func quoted(_ use: StringUse) throws(IMAPParseError) -> [UInt8] {
        let start = index
        try expect("\"", "expected a quoted string")
        var content: [UInt8] = []
        var hasHighOctets = false
        while let octet = peek() {
            switch octet {
            case UInt8(ascii: "\""):
                _ = take("\"")
                if hasHighOctets { try checkUTF8(content, start: start, use) }
                return content
            case UInt8(ascii: "\\"):
                guard let escaped = peek(ahead: 1), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { throw failure(.syntax, "only quote and backslash may be escaped") }
                content.append(escaped)
                _ = slice(2)
            case 0, 0x0A, 0x0D:
                throw failure(.forbiddenOctet, "NUL, CR or LF in a quoted string")
            default:
                if octet >= 0x80 { hasHighOctets = true }
                content.append(octet)
                _ = slice(1)
            }
        }
        throw failure(.syntax, "quoted string without its end")
    }

    // RFC 9755 §3: 8-bit in quoted strings only after ENABLE UTF8=ACCEPT.
    private func checkUTF8(_ content: [UInt8], start: Int, _ use: StringUse) throws(IMAPParseError) {
        let allowed = nameEncoding == .utf8 || (use == .tolerant && leniency.contains(.utf8InStrings))
        guard allowed, String(validating: content, as: UTF8.self) != nil else {
            throw IMAPParseError(.forbiddenOctet, at: start, "8-bit octets in a quoted string")
        }
    }

    // RFC 3501 §4.3, RFC 7888 §4
    private mutating func literal(allowsNUL: Bool = false) throws(IMAPParseError) -> [UInt8] {
        try expect("{", "expected a literal")
        let size = try number64("expected the size of the literal")
        _ = take("+")
        try expect("}", "expected '}'")
        guard take("\r"), take("\n") else { throw failure(.literal, "a literal header must end its line") }
        guard size <= UInt64(limits.literal) else { throw failure(.limit, "literal too large") }
        let start = index
        guard let content = slice(Int(size)) else { throw failure(.literal, "literal shorter than announced") }
        // RFC 3501 §9 (CHAR8): any octet but NUL.
        guard allowsNUL || !content.contains(0) else {
            throw IMAPParseError(.forbiddenOctet, at: start, "NUL in a literal")
        }
        return Array(content)
    }

    // RFC 5464 §5 (value), RFC 3516 §7 (literal8): any octets
    mutating func literal8() throws(IMAPParseError) -> [UInt8] {
        try expect("~", "expected a literal8")
        return try literal(allowsNUL: true)
    }

    // MARK: Numbers

    mutating func number64(_ hint: StaticString = "expected a number") throws(IMAPParseError) -> UInt64 {
        let start = index
        let digits = run(while: IMAPOctet.isDigit)
        guard !digits.isEmpty else { throw failure(.syntax, hint) }
        var value: UInt64 = 0
        for digit in digits {
            let (product, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 0x30))
            guard !high, !carry else { throw IMAPParseError(.numberRange, at: start, "number too large") }
            value = sum
        }
        return value
    }

    /// 63 bits, as RFC 7162 §7 and RFC 9051 §9 limit their large numbers.
    mutating func number63(_ hint: StaticString = "expected a number") throws(IMAPParseError) -> UInt64 {
        let start = index
        let value = try number64(hint)
        guard value <= UInt64(Int64.max) else { throw IMAPParseError(.numberRange, at: start, "number too large") }
        return value
    }

    mutating func number32(_ hint: StaticString = "expected a number") throws(IMAPParseError) -> UInt32 {
        let start = index
        guard let value = UInt32(exactly: try number64(hint)) else {
            throw IMAPParseError(.numberRange, at: start, "number too large")
        }
        return value
    }

    // RFC 3501 §9 (nz-number)
    mutating func nonZeroNumber32(_ hint: StaticString = "expected a number") throws(IMAPParseError) -> UInt32 {
        let start = index
        let value = try number32(hint)
        guard value > 0 else { throw IMAPParseError(.numberRange, at: start, "zero may not stand here") }
        return value
    }

    // RFC 3501 §9 (sequence-set), RFC 5182 §3
    mutating func numberSet<Number: MessageNumber>(
        _ type: Number.Type, allowsLast: Bool = true
    ) throws(IMAPParseError) -> NumberSet<Number> {
        if allowsLast, take("$") { return .savedResult }
        var elements: [NumberSet<Number>.Element] = []
        repeat {
            guard elements.count < limits.setElements else { throw failure(.limit, "too many ranges in a set") }
            let first: NumberSet<Number>.Bound = try bound(allowsLast: allowsLast)
            let second: NumberSet<Number>.Bound = take(":") ? try bound(allowsLast: allowsLast) : first
            elements.append(.init(first, second))
        } while take(",")
        return NumberSet(elements: elements)
    }

    private mutating func bound<Number: MessageNumber>(
        allowsLast: Bool
    ) throws(IMAPParseError) -> NumberSet<Number>.Bound {
        if allowsLast, take("*") { return .last }
        return .number(Number(rawValue: try nonZeroNumber32("expected a message number or '*'")))
    }
}
