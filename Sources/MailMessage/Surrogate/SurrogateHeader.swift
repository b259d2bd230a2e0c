import MailSyntax

/// A header as a client gets it that has not said that it reads UTF-8 there. RFC 6858 §2
///
/// Fields in ASCII stay octet for octet. Nothing that a client could take for an address of somebody else is made up.
package enum SurrogateHeader {
    /// Octets of the fields that may be rewritten; a header with more is not for readers.
    static let largest = 1 << 20
    /// Addresses of one field; what is beyond them is left out.
    private static let maximumAddresses = 1000
    /// RFC 2606 §2: `.invalid` belongs to nobody.
    private static let nobody = "invalid@internationalized-address.invalid"

    // RFC 6858 §2.1
    private static let addressFields: Set<String> = [
        "bcc", "cc", "from", "reply-to", "resent-bcc", "resent-cc", "resent-from", "resent-sender", "resent-to",
        "return-path", "sender", "to",
    ]

    /// Whether anything of a header has to change.
    package static func isNeeded(_ header: some Sequence<UInt8>) -> Bool { header.contains { $0 >= 0x80 } }

    /// - Parameter header: a message's or a part's header with its blank line.
    package static func make(_ header: [UInt8]) -> [UInt8] {
        let block = HeaderBlock(parsing: header)
        var made: [UInt8] = []
        made.reserveCapacity(header.count)
        for field in block.fields {
            let octets = block.bytes[field.range]
            made += isNeeded(octets) ? surrogate(field) : Array(octets)
        }
        let rest = header[min(block.fields.last?.range.upperBound ?? 0, header.count)...]
        return made + rest.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
    }

    /// Empty for a field that can't be shown.
    private static func surrogate(_ field: HeaderField) -> [UInt8] {
        guard !field.name.isEmpty, field.name.utf8.allSatisfy({ $0 < 0x80 }) else { return [] }
        let name = field.name.lowercased()
        let value: String
        if addressFields.contains(name) {
            value = addresses(field.rawValue)
        } else if name == "subject" {
            // RFC 6858 §2.3
            value = EncodedWord.encode(field.text)
        } else if name == "content-type" || name == "content-disposition" {
            // RFC 6858 §2.2
            guard let plain = parameters(field.rawValue) else { return [] }
            value = plain
        } else {
            // RFC 6858 §2.4
            return []
        }
        return value.isEmpty ? [] : HeaderText.field(field.name, value)
    }

    // MARK: Addresses

    private static func addresses(_ value: some Collection<UInt8>) -> String {
        var text = ""
        var isFirstOfList = true
        for address in AddressListParser.parse(value, limit: maximumAddresses) {
            if address.isGroupEnd {
                text += ";"
                isFirstOfList = false
                continue
            }
            if !isFirstOfList { text += ", " }
            isFirstOfList = false
            if address.isGroupStart {
                text += phrase(address.mailbox ?? []) + ": "
                isFirstOfList = true
            } else {
                text += mailbox(address)
            }
        }
        return text
    }

    private static func mailbox(_ address: EnvelopeAddress) -> String {
        let name = address.name.map { EncodedWord.decode($0) } ?? ""
        let spec = addressSpec(address)
        guard address.isComplete || address.isWithoutDomain, !isNeeded(spec) else {
            // RFC 6858 §2.1: the reader sees what it was, and cannot answer it
            let shown = String(decoding: spec, as: UTF8.self)
            return "\(EncodedWord.encode(name.isEmpty ? shown : "\(name) (\(shown))").quotedIfNeeded) <\(nobody)>"
        }
        let plain = String(decoding: spec, as: UTF8.self)
        guard let raw = address.name, !raw.isEmpty else { return plain }
        return "\(isNeeded(raw) ? EncodedWord.encode(name) : phrase(raw)) <\(plain)>"
    }

    private static func phrase(_ name: [UInt8]) -> String {
        isNeeded(name)
            ? EncodedWord.encode(EncodedWord.decode(name)) : String(decoding: HeaderText.phrase(name), as: UTF8.self)
    }

    private static func addressSpec(_ address: EnvelopeAddress) -> [UInt8] {
        // RFC 5322 §3.4.1: a local part that is no dot-atom is quoted
        let local = address.mailbox ?? []
        let isPlain = !local.isEmpty && local.allSatisfy(isLocalText)
        let shown = isPlain ? local : HeaderText.quoted(local)
        return address.isComplete ? shown + [UInt8(ascii: "@")] + (address.host ?? []) : shown
    }

    private static func isLocalText(_ octet: UInt8) -> Bool {
        switch octet {
        case 48...57, 65...90, 97...122, 0x80...: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    // MARK: Parameters

    /// The value without its parameters beyond ASCII; nil when what comes first is beyond it.
    private static func parameters(_ value: ArraySlice<UInt8>) -> String? {
        var pieces: [ArraySlice<UInt8>] = []
        var start = value.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in value.indices {
            let octet = value[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, octet == UInt8(ascii: "\\") {
                isEscaped = true
            } else if octet == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if octet == UInt8(ascii: ";"), !isQuoted {
                pieces.append(value[start..<index])
                start = index + 1
            }
        }
        pieces.append(value[start...])
        guard let first = pieces.first, !isNeeded(first) else { return nil }
        let kept = pieces.filter { !isNeeded($0) }.map { String(decoding: $0, as: UTF8.self) }
        return kept.map { $0.trimmingBlanks }.filter { !$0.isEmpty }.joined(separator: "; ")
    }
}

extension String {
    fileprivate var trimmingBlanks: String {
        let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 || $0 == 13 || $0 == 10 }
        var octets = utf8.drop(while: isBlank)
        while let last = octets.last, isBlank(last) { octets.removeLast() }
        return String(decoding: octets, as: UTF8.self)
    }

    /// What no encoded word was made of, as a phrase.
    fileprivate var quotedIfNeeded: String {
        hasPrefix("=?") ? self : String(decoding: HeaderText.phrase(Array(utf8)), as: UTF8.self)
    }
}
