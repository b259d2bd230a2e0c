import MailSyntax

/// Encodes one body, piece by piece.
struct PartEncoder {
    /// The raw value is the name in the header.
    enum Encoding: String, Sendable {
        case quotedPrintable = "quoted-printable"
        case base64
    }

    private let encoding: Encoding
    /// What waits for more: the rest of a line, or of a group of base64.
    private var rest: [UInt8] = []
    private var hasWritten = false

    /// Octets of one line of base64: 76 digits.
    private static let group = 57
    /// A longer line is broken softly where a piece ends.
    private static let longestLine = 65_536

    init(_ encoding: Encoding) {
        self.encoding = encoding
    }

    mutating func encode(_ piece: [UInt8]) -> [UInt8] {
        rest += piece
        switch encoding {
        case .base64:
            let whole = rest.count / Self.group * Self.group
            guard whole > 0 else { return [] }
            return lines(take(whole))
        case .quotedPrintable:
            if let end = rest.lastIndex(of: 0x0A) { return QuotedPrintable.encode(take(end + 1)) }
            guard rest.count > Self.longestLine else { return [] }
            // Neither a blank that would stand at a line's end nor half a CRLF.
            return QuotedPrintable.encode(take(Self.longestLine)) + [0x3D, 0x0D, 0x0A]
        }
    }

    mutating func finish() -> [UInt8] {
        let last = take(rest.count)
        guard !last.isEmpty else { return [] }
        return encoding == .base64 ? lines(last) : QuotedPrintable.encode(last)
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { rest.removeFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Lines end between each other, not after the last: that end belongs to the boundary that may follow.
    private mutating func lines(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count / Self.group * 78 + 80)
        var position = 0
        while position < bytes.count {
            if hasWritten { out += [0x0D, 0x0A] }
            hasWritten = true
            out += Base64.encodeToBytes(bytes[position..<min(bytes.count, position + Self.group)])
            position += Self.group
        }
        return out
    }
}
