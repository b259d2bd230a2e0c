/// A reading position in one command frame; every read is checked, nothing ever traps.
struct CommandCursor {
    let octets: [UInt8]
    let limits: IMAPLimits
    let nameEncoding: IMAPNameEncoding
    let leniency: IMAPLeniency
    private(set) var index = 0
    /// Exclusive; the final CRLF lies beyond.
    private let end: Int

    init(_ octets: [UInt8], parser: IMAPParser) {
        self.octets = octets
        limits = parser.limits
        nameEncoding = parser.nameEncoding
        leniency = parser.leniency
        var end = octets.count
        if end > 0, octets[end - 1] == 0x0A {
            end -= 1
            if end > 0, octets[end - 1] == 0x0D { end -= 1 }
        }
        self.end = end
    }

    // MARK: Single octets

    var isAtEnd: Bool { index >= end }

    func peek(ahead distance: Int = 0) -> UInt8? {
        let (position, overflow) = index.addingReportingOverflow(distance)
        guard !overflow, position >= 0, position < end else { return nil }
        return octets[position]
    }

    func at(_ octet: Unicode.Scalar) -> Bool { peek() == UInt8(ascii: octet) }

    mutating func take(_ octet: Unicode.Scalar) -> Bool {
        guard at(octet) else { return false }
        index += 1
        return true
    }

    mutating func expect(_ octet: Unicode.Scalar, _ hint: StaticString) throws(IMAPParseError) {
        guard take(octet) else { throw failure(.syntax, hint) }
    }

    mutating func space() throws(IMAPParseError) {
        try expect(" ", "expected a space")
        if leniency.contains(.doubleSpace) { while take(" ") {} }
    }

    /// A space before another argument; false at the end of the command.
    mutating func spaceBeforeMore() -> Bool {
        guard at(" ") else { return false }
        if leniency.contains(.trailingSpace) {
            var distance = 1
            while peek(ahead: distance) == UInt8(ascii: " ") { distance += 1 }
            if peek(ahead: distance) == nil { return false }
        }
        index += 1
        return true
    }

    mutating func finish() throws(IMAPParseError) {
        if leniency.contains(.trailingSpace) { while take(" ") {} }
        guard isAtEnd else { throw failure(.syntax, "unexpected text after the command") }
    }

    func failure(_ code: IMAPParseError.Code, _ hint: StaticString) -> IMAPParseError {
        IMAPParseError(code, at: index, hint)
    }

    // MARK: Words

    /// Octets while `accept` holds; may be none.
    mutating func run(while accept: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = index
        while index < end, accept(octets[index]) { index += 1 }
        return octets[start..<index]
    }

    // RFC 3501 §9 (tag)
    mutating func tag() throws(IMAPParseError) -> String {
        let word = run { IMAPOctet.isAtomChar($0) && $0 != UInt8(ascii: "+") || $0 == UInt8(ascii: "]") }
        guard !word.isEmpty, word.count <= limits.tag else {
            throw IMAPParseError(.badTag, at: 0, "expected a tag")
        }
        return String(decoding: word, as: UTF8.self)
    }

    // RFC 3501 §9 (atom)
    mutating func atom(_ hint: StaticString = "expected an atom") throws(IMAPParseError) -> String {
        let word = run(while: IMAPOctet.isAtomChar)
        guard !word.isEmpty else { throw failure(.syntax, hint) }
        return String(decoding: word, as: UTF8.self)
    }

    /// An atom in upper case: command names, options, items.
    mutating func keyword(_ hint: StaticString = "expected a word") throws(IMAPParseError) -> String {
        try atom(hint).uppercased()
    }

    /// Letters, digits, `.` and `-` in upper case: names that `[` or `(` may follow directly.
    mutating func name(_ hint: StaticString) throws(IMAPParseError) -> String {
        let word = run { IMAPOctet.isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
        guard !word.isEmpty else { throw failure(.syntax, hint) }
        return String(decoding: word, as: UTF8.self).uppercased()
    }

    /// Takes `word` (upper case) if it stands here in any case and no atom goes on behind it.
    mutating func takeWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { wanted in
            wanted.indices.allSatisfy { offset in
                guard let octet = peek(ahead: offset) else { return false }
                return IMAPOctet.upper(octet) == wanted[offset]
            }
        }
        guard matches else { return false }
        if let next = peek(ahead: count), IMAPOctet.isAtomChar(next) { return false }
        index += count
        return true
    }

    /// Whether APPEND, REPLACE or UID REPLACE stands here.
    var startsAppend: Bool {
        var probe = self
        if probe.takeWord("APPEND") || probe.takeWord("REPLACE") { return true }
        return probe.takeWord("UID") && probe.take(" ") && probe.takeWord("REPLACE")
    }

    /// Skips `count` octets if there are as many.
    mutating func slice(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= end - index else { return nil }
        defer { index += count }
        return octets[index..<(index + count)]
    }

    // MARK: Lists

    /// `( element *(SP element) )`; at most `limit` elements.
    mutating func list(
        limit: Int, _ element: (inout CommandCursor) throws(IMAPParseError) -> Void
    ) throws(IMAPParseError) {
        try expect("(", "expected '('")
        var count = 0
        let padded = leniency.contains(.paddedLists)
        if padded { while take(" ") {} }
        while !take(")") {
            if count > 0, !(padded && octets[index - 1] == UInt8(ascii: " ")) { try space() }
            if padded {
                while take(" ") {}
                if take(")") { return }
            }
            guard count < limit else { throw failure(.limit, "too many elements in a list") }
            try element(&self)
            count += 1
        }
    }
}

/// Classes of octets. RFC 3501 §9
enum IMAPOctet {
    /// Any CHAR but specials.
    static func isAtomChar(_ octet: UInt8) -> Bool {
        guard octet > 0x20, octet < 0x7F else { return false }
        switch octet {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "*"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
            return false
        default: return true
        }
    }

    static func isAStringChar(_ octet: UInt8) -> Bool { isAtomChar(octet) || octet == UInt8(ascii: "]") }

    static func isListChar(_ octet: UInt8) -> Bool {
        isAStringChar(octet) || octet == UInt8(ascii: "%") || octet == UInt8(ascii: "*")
    }

    static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }

    static func isAlphanumeric(_ octet: UInt8) -> Bool {
        isDigit(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
    }

    static func upper(_ octet: UInt8) -> UInt8 { (0x61...0x7A).contains(octet) ? octet - 32 : octet }
}
