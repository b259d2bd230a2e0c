import NIOCore

/// Pieces of a response, one behind the other, in room that was made for them; what goes beyond it is left out.
struct OctetWriter {
    /// Octets that any number takes at most.
    static let decimalRoom = 20

    private let space: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(space: UnsafeMutableRawBufferPointer) { self.space = space }

    @inline(__always)
    mutating func put(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        guard size <= space.count - count, size > 0, let base = space.baseAddress else { return }
        (base + count).copyMemory(from: text.utf8Start, byteCount: size)
        count += size
    }

    @inline(__always)
    mutating func put(decimal value: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < Self.decimalRoom, value >= bound {
            digits += 1
            guard digits < Self.decimalRoom else { break }
            bound *= 10
        }
        guard digits <= space.count - count else { return }
        var rest = value
        for place in stride(from: count + digits - 1, through: count, by: -1) {
            space[place] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        }
        count += digits
    }
}

// Writing of IMAP's lexical forms. What is written is always strictly valid: a quoted string holds no 8-bit octet and
// no control character, a literal no NUL.
extension ByteBuffer {
    /// Longer strings go into literals even if they could be quoted.
    private static var longestQuoted: Int { 1000 }

    mutating func writeOctet(_ octet: Unicode.Scalar) {
        writeInteger(UInt8(ascii: octet))
    }

    mutating func writeCRLF() {
        writeStaticString("\r\n")
    }

    mutating func writeDecimal(_ value: some BinaryInteger) {
        writeAtOnce(room: OctetWriter.decimalRoom) { $0.put(decimal: UInt64(clamping: value)) }
    }

    /// Writes short pieces by one write of the buffer, each of which costs more than the octets it brings.
    /// - Parameter room: what the pieces take at most, in octets.
    @inline(__always)
    mutating func writeAtOnce(room: Int, _ write: (inout OctetWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
            var writer = OctetWriter(space: space)
            write(&writer)
            return writer.count
        }
    }

    /// Two digits, or a space and one when `padding` says so.
    mutating func writeTwoDigits(_ value: Int, padding: Unicode.Scalar = "0") {
        if value < 10 { writeOctet(padding) } else { writeInteger(UInt8(truncatingIfNeeded: value / 10 % 10) + 0x30) }
        writeInteger(UInt8(truncatingIfNeeded: value % 10) + 0x30)
    }

    /// Ranges as a set: `1:3,7`. Nothing for an empty array.
    mutating func writeNumberSet(_ ranges: [ClosedRange<UInt32>]) {
        var isFirst = true
        for range in ranges {
            if !isFirst { writeOctet(",") }
            isFirst = false
            writeDecimal(range.lowerBound)
            if range.count > 1 {
                writeOctet(":")
                writeDecimal(range.upperBound)
            }
        }
    }

    // MARK: Strings

    // RFC 3501 §9 (nstring)
    mutating func writeNString(_ octets: [UInt8]?) {
        guard let octets else {
            writeStaticString("NIL")
            return
        }
        octets.withUnsafeBufferPointer { writeIMAPString($0, utf8InQuoted: false) }
    }

    mutating func writeNString(_ text: String?) {
        guard let text else {
            writeStaticString("NIL")
            return
        }
        writeIMAPString(text)
    }

    mutating func writeIMAPString(_ text: String) {
        var copy = text
        copy.withUTF8 { writeIMAPString($0, utf8InQuoted: false) }
    }

    // RFC 3501 §9 (string)
    mutating func writeIMAPString(_ octets: UnsafeBufferPointer<UInt8>, utf8InQuoted: Bool) {
        var escapes = 0
        var isQuotable = octets.count <= Self.longestQuoted
        for octet in octets where isQuotable {
            if octet < 0x20 || octet == 0x7F || (octet >= 0x80 && !utf8InQuoted) { isQuotable = false }
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { escapes += 1 }
        }
        guard isQuotable else { return writeLiteral(octets) }
        writeOctet("\"")
        if escapes == 0 {
            writeBytes(UnsafeRawBufferPointer(octets))
        } else {
            for octet in octets {
                if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { writeOctet("\\") }
                writeInteger(octet)
            }
        }
        writeOctet("\"")
    }

    private mutating func writeLiteral(_ octets: UnsafeBufferPointer<UInt8>) {
        writeLiteralHeader(octets.count)
        if octets.contains(0) {
            // RFC 3501 §9 (CHAR8): NUL cannot be sent.
            for octet in octets { writeInteger(octet == 0 ? UInt8(ascii: "?") : octet) }
        } else {
            writeBytes(UnsafeRawBufferPointer(octets))
        }
    }

    mutating func writeLiteralHeader(_ size: Int) {
        writeOctet("{")
        writeDecimal(size)
        writeStaticString("}\r\n")
    }

    // RFC 3501 §9 (astring)
    /// An atom when that is safe, else a string.
    mutating func writeAString(_ octets: [UInt8], utf8InQuoted: Bool = false) {
        let isNil = octets.count == 3 && octets.map(IMAPOctet.upper) == Array("NIL".utf8)
        if !octets.isEmpty, !isNil, octets.allSatisfy(IMAPOctet.isAtomChar) {
            writeBytes(octets)
        } else {
            octets.withUnsafeBufferPointer { writeIMAPString($0, utf8InQuoted: utf8InQuoted) }
        }
    }

    mutating func writeAString(_ text: String) {
        writeAString(Array(text.utf8))
    }

    /// An atom: octets that may not stand in one become `_`.
    mutating func writeAtom(_ text: String) {
        guard !text.isEmpty else { return writeOctet("_") }
        for octet in text.utf8 { writeInteger(IMAPOctet.isAtomChar(octet) ? octet : UInt8(ascii: "_")) }
    }

    // RFC 3501 §9 (text)
    /// Human text: anything but printable ASCII becomes `?`, never empty, never like a response code.
    mutating func writeHumanText(_ text: String, afterCode: Bool) {
        guard !text.isEmpty else {
            writeStaticString("Done.")
            return
        }
        var isFirst = true
        for scalar in text.unicodeScalars {
            let isPrintable = (0x20...0x7E).contains(scalar.value)
            let octet = isPrintable ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "?")
            writeInteger(isFirst && !afterCode && octet == UInt8(ascii: "[") ? UInt8(ascii: "(") : octet)
            isFirst = false
        }
    }

    mutating func writeFlag(_ flag: IMAPFlag) {
        switch flag {
        case .seen: writeStaticString("\\Seen")
        case .answered: writeStaticString("\\Answered")
        case .flagged: writeStaticString("\\Flagged")
        case .deleted: writeStaticString("\\Deleted")
        case .draft: writeStaticString("\\Draft")
        case .recent: writeStaticString("\\Recent")
        case .keyword(let word): writeAtom(word)
        case .unknownSystem(let word):
            writeOctet("\\")
            writeAtom(word)
        }
    }

    mutating func writeFlagList(_ flags: [IMAPFlag], newKeywords: Bool = false) {
        writeOctet("(")
        var isFirst = true
        for flag in flags {
            if !isFirst { writeOctet(" ") }
            isFirst = false
            writeFlag(flag)
        }
        if newKeywords {
            if !isFirst { writeOctet(" ") }
            writeStaticString("\\*")
        }
        writeOctet(")")
    }
}
