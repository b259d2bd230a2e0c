import MailSyntax

/// Undoes a content transfer encoding a piece at a time, so that a part of any size passes through little memory.
///
/// As lenient as ``PartDecoder``: what isn't encoded properly is decoded as far as it goes. // RFC 2045 §6
package struct TransferDecoder: Sendable {
    private enum Form {
        case identity
        case base64(Base64.PieceDecoder)
        case quotedPrintable(rest: [UInt8])
    }

    /// Octets of a line of quoted-printable that are held back; a longer one is cut.
    static let longestLine = 65_536

    private var form: Form

    /// - Parameter encoding: as the header names it, in any case; nil is none.
    /// - Returns: nil for an encoding that is not known.
    package init?(_ encoding: String?) {
        switch encoding?.lowercased() {
        case nil, "", "7bit", "8bit", "binary": form = .identity
        case "base64": form = .base64(Base64.PieceDecoder())
        case "quoted-printable": form = .quotedPrintable(rest: [])
        default: return nil
        }
    }

    /// The decoder of a part; parts that hold other parts are never encoded themselves. // RFC 2045 §6.4
    package init?(_ part: MIMEPart) {
        self.init(part.isMultipart || part.isMessage ? nil : part.transferEncoding)
    }

    package mutating func decode(_ piece: [UInt8]) -> [UInt8] {
        switch form {
        case .identity: return piece
        case .base64(var decoder):
            let decoded = decoder.decode(piece)
            form = .base64(decoder)
            return decoded
        case .quotedPrintable(var rest):
            form = .identity
            rest += piece
            let end = Self.cut(rest)
            let decoded = end > 0 ? QuotedPrintable.decode(rest[..<end]) : []
            rest.removeFirst(end)
            form = .quotedPrintable(rest: rest)
            return decoded
        }
    }

    package mutating func finish() -> [UInt8] {
        switch form {
        case .identity: return []
        case .base64(var decoder):
            let decoded = decoder.finish()
            form = .base64(decoder)
            return decoded
        case .quotedPrintable(let rest):
            form = .quotedPrintable(rest: [])
            return QuotedPrintable.decode(rest)
        }
    }

    /// How much can be decoded without what follows: whole lines; of a line without end, all but its last octets, which
    /// may be half an escape or blanks that the end of the line takes away.
    private static func cut(_ octets: [UInt8]) -> Int {
        if let end = octets.lastIndex(of: 0x0A) { return end + 1 }
        guard octets.count > longestLine else { return 0 }
        var end = octets.count - 3
        while end > 2 {
            let isOpen = octets[end - 1] <= 0x20 || octets[(end - 3)..<end].contains(0x3D)
            guard isOpen else { return end }
            end -= 1
        }
        // Nothing but blanks and signs: no text loses anything where it is cut.
        return octets.count
    }
}
