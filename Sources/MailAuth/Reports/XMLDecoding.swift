/// Turns the octets of a document into UTF-8, as far as its byte order mark and declaration say what they are.
///
/// Reports are UTF-8 or ASCII; some come as ISO-8859-1, windows-1252 or UTF-16. The rest is refused.
struct XMLDecoding {
    private enum Form {
        case unknown
        case utf8
        case singleByte
        case utf16(isBigEndian: Bool)
    }

    private var form = Form.unknown
    /// Octets at the start that don't say enough yet, or half of a unit of UTF-16.
    private var held: [UInt8] = []
    private var highSurrogate: UInt32?
    /// UTF-16 was broken behind what was passed on: what is wrong before that place is told first, however the text is cut.
    private var isBroken = false

    /// Decodes a piece.
    /// - Returns: octets of UTF-8; of text that is said to be UTF-8 they are as they came, unchecked.
    mutating func decode(_ piece: ArraySlice<UInt8>) throws(ReportError) -> ArraySlice<UInt8> {
        guard !isBroken else { throw Self.brokenUTF16 }
        switch form {
        case .utf8: return piece
        case .singleByte: return Self.widen(piece)[...]
        case .utf16(let isBigEndian): return units(piece, isBigEndian)[...]
        case .unknown:
            held += piece
            guard held.count >= 4 else { return [] }
            return try begin()
        }
    }

    /// What a document that is over before its form was known leaves.
    mutating func finish() throws(ReportError) -> ArraySlice<UInt8> {
        guard !isBroken else { throw Self.brokenUTF16 }
        if case .utf16 = form {
            guard held.isEmpty, highSurrogate == nil else {
                throw ReportError(.malformed, "the UTF-16 text ends inside a character")
            }
            return []
        }
        guard case .unknown = form, !held.isEmpty else { return [] }
        return try begin()
    }

    /// The declaration names an encoding.
    /// - Returns: true when what follows it, and was passed as it came, is to be decoded now.
    mutating func declare(_ name: String) throws(ReportError) -> Bool {
        switch name.lowercased() {
        // UTF-16: programs write it in front of UTF-8 that they had in memory as UTF-16; the octets have shown what is so.
        case "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "unicode": return false
        case "iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252", "cp1252":
            guard case .utf8 = form else { return false }
            form = .singleByte
            return true
        default:
            throw ReportError(.malformed, "the encoding \(ReportError.quoted(name)) is not read")
        }
    }

    private mutating func begin() throws(ReportError) -> ArraySlice<UInt8> {
        let start = held[...]
        held = []
        if start.starts(with: [0xEF, 0xBB, 0xBF]) {
            form = .utf8
            return start.dropFirst(3)
        }
        if start.starts(with: [0xFE, 0xFF]) || start.starts(with: [0xFF, 0xFE]) {
            let isBigEndian = start.first == 0xFE
            form = .utf16(isBigEndian: isBigEndian)
            return units(start.dropFirst(2), isBigEndian)[...]
        }
        if start.prefix(4).contains(0) {
            throw ReportError(.malformed, "UTF-16 without a byte order mark, or UTF-32, is not read")
        }
        form = .utf8
        return start
    }

    /// Text of one octet a character, as windows-1252 has it. Octets that it doesn't define become U+FFFD.
    static func widen(_ piece: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        for octet in piece {
            if octet < 0x80 {
                out.append(octet)
            } else {
                let value = octet < 0xA0 ? windows[Int(octet) - 0x80] : UInt32(octet)
                append(value, to: &out)
            }
        }
        return out
    }

    /// 0x80…0x9F of windows-1252.
    private static let windows: [UInt32] = [
        0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD,
        0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0xFFFD, 0x017E, 0x0178,
    ]

    private mutating func units(_ piece: ArraySlice<UInt8>, _ isBigEndian: Bool) -> [UInt8] {
        var out: [UInt8] = []
        for octet in piece {
            guard let first = held.first else {
                held.append(octet)
                continue
            }
            held.removeAll(keepingCapacity: true)
            let unit = isBigEndian ? UInt32(first) << 8 | UInt32(octet) : UInt32(octet) << 8 | UInt32(first)
            if let high = highSurrogate {
                guard (0xDC00...0xDFFF).contains(unit) else { return broken(out) }
                highSurrogate = nil
                Self.append(0x10000 + ((high - 0xD800) << 10 | (unit - 0xDC00)), to: &out)
            } else if (0xD800...0xDBFF).contains(unit) {
                highSurrogate = unit
            } else {
                guard !(0xDC00...0xDFFF).contains(unit) else { return broken(out) }
                Self.append(unit, to: &out)
            }
        }
        return out
    }

    private mutating func broken(_ before: [UInt8]) -> [UInt8] {
        isBroken = true
        return before
    }

    private static let brokenUTF16 = ReportError(.malformed, "the UTF-16 text has half a character")

    /// Puts a character as UTF-8; what is none becomes U+FFFD.
    static func append(_ value: UInt32, to out: inout [UInt8]) {
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
