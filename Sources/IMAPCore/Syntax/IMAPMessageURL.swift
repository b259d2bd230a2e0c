// RFC 5092 §6.1, as far as CATENATE wants it: messages and parts on this server, for the user who is logged in.

/// A relative IMAP URL of a message or a part of one.
package struct IMAPMessageURL: Hashable, Sendable {
    /// Nil for the mailbox that is selected.
    package let mailbox: IMAPMailboxName?
    package let uidValidity: UInt32?
    package let uid: IMAPUID
    package let section: BodySection
    package let partial: FetchPartial?

    /// Reads `/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=…/;PARTIAL=…`, or from `;UID=` on for the selected mailbox.
    ///
    /// - Parameter selected: what a name without a slash before it is relative to. RFC 4469 §3
    /// - Returns: nil for anything else: another server, a mailbox, a search, bad syntax.
    package init?(_ octets: [UInt8], selected: IMAPMailboxName? = nil, limits: IMAPLimits = IMAPLimits()) {
        guard octets.count <= limits.line, let start = Self.position(of: ";UID=", in: octets) else { return nil }
        guard let place = Self.place(octets[..<start], selected: selected, limits: limits) else { return nil }
        var pieces = octets[start...].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        guard let number = pieces.popFirst().flatMap({ Self.number(in: $0, after: ";UID=") }) else { return nil }
        var section: BodySection?
        var partial: FetchPartial?
        while let piece = pieces.popFirst() {
            if section == nil, partial == nil, let text = Self.value(in: piece, after: ";SECTION=") {
                // A section holds no slash that is not percent-encoded, but header names may.
                guard let read = Self.section(text, limits: limits) else { return nil }
                section = read
            } else if partial == nil, let text = Self.value(in: piece, after: ";PARTIAL=") {
                guard let read = Self.partial(text) else { return nil }
                partial = read
            } else if !piece.isEmpty || !pieces.isEmpty {
                return nil
            }
        }
        mailbox = place.mailbox
        uidValidity = place.validity
        uid = IMAPUID(rawValue: number)
        self.section = section ?? BodySection()
        self.partial = partial
    }

    private struct Place {
        var mailbox: IMAPMailboxName?
        var validity: UInt32?
    }

    /// What stands before `;UID=`.
    private static func place(
        _ octets: ArraySlice<UInt8>, selected: IMAPMailboxName?, limits: IMAPLimits
    ) -> Place? {
        guard !octets.isEmpty else { return selected == nil ? nil : Place() }
        // The slash before `;UID=` ends the mailbox.
        guard octets.last == UInt8(ascii: "/") else { return nil }
        var name = octets.dropLast()
        var validity: UInt32?
        if let semicolon = name.firstIndex(of: UInt8(ascii: ";")) {
            guard let number = number(in: name[semicolon...], after: ";UIDVALIDITY=") else { return nil }
            validity = number
            name = name[..<semicolon]
        }
        var base = ""
        if name.first == UInt8(ascii: "/") {
            name = name.dropFirst()
            // `//server/…` names a server.
            guard name.first != UInt8(ascii: "/") else { return nil }
        } else if let selected, let slash = selected.path.lastIndex(of: "/") {
            base = String(selected.path[...slash])
        }
        guard !name.isEmpty, name.count <= limits.mailboxName * 3, let decoded = percentDecoded(name),
            let path = IMAPMailboxName(wire: Array(base.utf8) + decoded, encoding: .utf8),
            path.path.utf8.count <= limits.mailboxName, !name.contains(UInt8(ascii: ":"))
        else { return nil }
        return Place(mailbox: path, validity: validity)
    }

    private static func section(_ text: ArraySlice<UInt8>, limits: IMAPLimits) -> BodySection? {
        guard let decoded = percentDecoded(text), !decoded.isEmpty, !decoded.contains(0x0D), !decoded.contains(0x0A)
        else { return nil }
        var cursor = CommandCursor(decoded + [UInt8(ascii: "]")], parser: IMAPParser(limits: limits))
        guard let section = try? cursor.bodySection(), cursor.take("]"), cursor.isAtEnd else { return nil }
        return section
    }

    // RFC 5092 §11 (partial-range)
    private static func partial(_ text: ArraySlice<UInt8>) -> FetchPartial? {
        let numbers = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(decimal)
        switch numbers.count {
        case 1: return numbers[0].map { FetchPartial(offset: $0, count: .max) }
        case 2:
            guard let offset = numbers[0], let count = numbers[1], count > 0 else { return nil }
            return FetchPartial(offset: offset, count: count)
        default: return nil
        }
    }

    // MARK: Octets

    private static func value(in text: ArraySlice<UInt8>, after name: StaticString) -> ArraySlice<UInt8>? {
        let count = name.utf8CodeUnitCount
        guard text.count >= count else { return nil }
        let isThere = name.withUTF8Buffer { $0.elementsEqual(text.prefix(count).map(IMAPOctet.upper)) }
        return isThere ? text.dropFirst(count) : nil
    }

    private static func number(in text: ArraySlice<UInt8>, after name: StaticString) -> UInt32? {
        guard let value = value(in: text, after: name).flatMap(decimal), value > 0 else { return nil }
        return UInt32(exactly: value)
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...18).contains(digits.count), digits.allSatisfy(IMAPOctet.isDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func position(of name: StaticString, in text: [UInt8]) -> Int? {
        text.indices.first { text[$0] == UInt8(ascii: ";") && value(in: text[$0...], after: name) != nil }
    }

    // RFC 3986 §2.1
    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = text
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                guard (0x20...0x7E).contains(octet) || octet >= 0x80 else { return nil }
                out.append(octet)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            out.append(high << 4 | low)
        }
        return out
    }

    private static func hexDigit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x37
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }
}
