import MailSyntax

/// What the scanner takes from one header, in one walk over its fields.
struct HeaderReader {
    var part = MIMEPart()
    var hasContentType = false
    /// Filled only for the header of a message.
    var envelope = Envelope()
    var references: [String] = []
    var receivedCount = 0
    var boundary: [UInt8] = []
    /// How many addresses may still be taken; what is beyond them is passed over.
    var addressesLeft = MessageScanner.maximumAddresses

    enum Kind {
        case part
        case message
        case mainMessage
    }

    /// Reads the fields of `header`; call once.
    mutating func read(_ header: [UInt8], kind: Kind) {
        header.withUnsafeBufferPointer { bytes in
            var cursor = FieldCursor(end: bytes.count)
            while let field = cursor.next(bytes) {
                guard let first = field.name.first else { continue }
                let letter = bytes[first] | 0x20
                if letter == UInt8(ascii: "c"), field.name.count > 8 {
                    readContentField(bytes, field)
                } else if kind != .part {
                    readMessageField(bytes, field, main: kind == .mainMessage)
                }
            }
        }
        if kind != .part { finishEnvelope() }
    }

    private mutating func readContentField(_ bytes: UnsafeBufferPointer<UInt8>, _ field: FieldCursor.Bounds) {
        let name = field.name
        switch name.count {
        case 12 where matches(bytes, name, "content-type"):
            guard !hasContentType else { return }
            hasContentType = true
            readContentType(bytes, field.value)
        case 25 where matches(bytes, name, "content-transfer-encoding"):
            var parser = ParameterParser(bytes, field.value)
            if part.transferEncoding == nil { part.transferEncoding = parser.token() }
        case 19 where matches(bytes, name, "content-disposition"):
            var parser = ParameterParser(bytes, field.value)
            guard part.disposition == nil, let type = parser.token() else { return }
            part.disposition = MIMEPart.Disposition(type: type, parameters: parser.parameters())
        case 19 where matches(bytes, name, "content-description"):
            if part.description == nil { part.description = text(bytes, field.value) }
        case 10 where matches(bytes, name, "content-id"):
            if part.contentID == nil { part.contentID = text(bytes, field.value) }
        case 11 where matches(bytes, name, "content-md5"):
            if part.md5 == nil { part.md5 = text(bytes, field.value) }
        case 16 where matches(bytes, name, "content-language"):
            guard part.languages.isEmpty else { return }
            var parser = ParameterParser(bytes, field.value)
            part.languages = parser.tags(atMost: 50)
        case 16 where matches(bytes, name, "content-location"):
            if part.location == nil { part.location = text(bytes, field.value) }
        default: break
        }
    }

    private mutating func readContentType(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        var parser = ParameterParser(bytes, range)
        // RFC 2045 §5.2: what can't be read is text/plain.
        guard let (type, subtype) = parser.mediaType() else { return }
        part.type = type
        part.subtype = subtype
        part.parameters = parser.parameters()
        if type == "multipart", let value = RFC2231.value("boundary", in: part.parameters) {
            // RFC 2046 §5.1.1: at most 70 characters; longer ones are seen, and 256 are compared.
            boundary = Array(value.utf8.prefix(MessageScanner.maximumBoundary))
        }
    }

    private func text(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String {
        plainText(unfold(bytes[range]))
    }

    private mutating func readMessageField(
        _ bytes: UnsafeBufferPointer<UInt8>, _ field: FieldCursor.Bounds, main: Bool
    ) {
        let name = field.name
        switch name.count {
        case 2 where matches(bytes, name, "to"): addAddresses(\.to, bytes, field.value)
        case 2 where matches(bytes, name, "cc"): addAddresses(\.cc, bytes, field.value)
        case 3 where matches(bytes, name, "bcc"): addAddresses(\.bcc, bytes, field.value)
        case 4 where matches(bytes, name, "from"): addAddresses(\.from, bytes, field.value)
        case 4 where matches(bytes, name, "date"): set(&envelope.date, bytes, field.value)
        case 6 where matches(bytes, name, "sender"): addAddresses(\.sender, bytes, field.value)
        case 7 where matches(bytes, name, "subject"): set(&envelope.subject, bytes, field.value)
        case 8 where matches(bytes, name, "reply-to"): addAddresses(\.replyTo, bytes, field.value)
        case 8 where matches(bytes, name, "received"): receivedCount += 1
        case 10 where matches(bytes, name, "message-id"): set(&envelope.messageID, bytes, field.value)
        case 10 where main && matches(bytes, name, "references"):
            references += MessageIdentifiers.extract(bytes[field.value])
        case 11 where matches(bytes, name, "in-reply-to"): set(&envelope.inReplyTo, bytes, field.value)
        default: break
        }
    }

    private mutating func addAddresses(
        _ list: WritableKeyPath<Envelope, [EnvelopeAddress]>, _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
    ) {
        guard addressesLeft > 0 else { return }
        let found = AddressListParser.parse(bytes[range], limit: addressesLeft)
        addressesLeft -= min(found.count, addressesLeft)
        envelope[keyPath: list] += found
    }

    /// The topmost field counts.
    private func set(_ target: inout [UInt8]?, _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        guard target == nil else { return }
        var value = unfold(bytes[range])
        for index in value.indices where value[index] == 9 { value[index] = 32 }
        target = value
    }

    // RFC 3501 §7.4.2
    private mutating func finishEnvelope() {
        if envelope.sender.isEmpty { envelope.sender = envelope.from }
        if envelope.replyTo.isEmpty { envelope.replyTo = envelope.from }
    }
}

/// Message identifiers in References, In-Reply-To and Message-ID (RFC 5322 §3.6.4).
package enum MessageIdentifiers {
    /// Every `<…>` with the brackets taken off and inner blanks dropped, without repetition; at most 1000, of at most
    /// 998 octets each.
    package static func extract(_ value: some Collection<UInt8>) -> [String] {
        var found: [String] = []
        var current: [UInt8]?
        for byte in value {
            switch byte {
            case UInt8(ascii: "<"): current = []
            case UInt8(ascii: ">"):
                if let identifier = current, !identifier.isEmpty {
                    found.append(String(decoding: identifier, as: UTF8.self))
                }
                current = nil
                if found.count == 1000 { return unique(found) }
            case 0...32, 127: break
            default:
                if let count = current?.count { if count < 998 { current?.append(byte) } else { current = nil } }
            }
        }
        return unique(found)
    }

    /// The identifier of a message; what stands there without brackets is taken whole.
    package static func single(_ value: some Collection<UInt8>) -> String? {
        if let first = extract(value).first { return first }
        let bare = unfold(value).prefix(998).filter { $0 > 32 && $0 != 127 }
        return bare.isEmpty ? nil : String(decoding: bare, as: UTF8.self)
    }

    static func unique(_ identifiers: [String]) -> [String] {
        guard identifiers.count > 1 else { return identifiers }
        if identifiers.count <= 8 {
            var kept: [String] = []
            for identifier in identifiers where !kept.contains(identifier) { kept.append(identifier) }
            return kept
        }
        var seen: Set<String> = []
        return identifiers.filter { seen.insert($0).inserted }
    }
}
