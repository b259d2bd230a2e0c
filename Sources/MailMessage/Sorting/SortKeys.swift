import Glibc
package import MailSyntax

/// What SORT, THREAD and searches of the usual fields need of a message, so that they read no header.
package struct SortKeys: Sendable, Equatable {
    /// The Date field as an instant; nil where the internal date stands in for it. RFC 5256 §2.2
    package var sentAt: Timestamp?
    /// The day of the Date field in its own zone, since 1970-01-01. RFC 3501 §6.4.4
    package var sentDay: Int?
    /// The base subject. RFC 5256 §2.1
    package var subject: [UInt8]
    package var isReplyOrForward: Bool
    /// The local parts of the first addresses.
    package var from: [UInt8]
    package var to: [UInt8]
    package var cc: [UInt8]
    // RFC 5957 §3
    package var displayFrom: [UInt8]
    package var displayTo: [UInt8]
    /// Of the message's own id and those it refers to, the nearest last.
    package var messageID: Int64?
    package var references: [Int64]
    /// The fields as a search compares them; nil for one that is too long to be kept.
    package var texts: Texts

    /// Fields folded by ``SearchText/fold(_:)``, each with a line feed behind it, which no folded text has: a field that is
    /// there without a value differs from one that isn't. Behind a NUL stands what ENVELOPE tells of the addresses, where the
    /// field as it is written doesn't have it: a comment within an address parts it.
    package struct Texts: Sendable, Equatable {
        package var from: [UInt8]?
        package var to: [UInt8]?
        package var cc: [UInt8]?
        package var bcc: [UInt8]?
        package var subject: [UInt8]?

        package init(from: [UInt8]?, to: [UInt8]?, cc: [UInt8]?, bcc: [UInt8]?, subject: [UInt8]?) {
            self.from = from
            self.to = to
            self.cc = cc
            self.bcc = bcc
            self.subject = subject
        }

        /// The part of a text that stands in the header.
        package static func written(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            guard let base = text.baseAddress, let end = memchr(base, 0, text.count) else { return text }
            return UnsafeRawBufferPointer(rebasing: text[..<(UnsafeRawPointer(end) - base)])
        }
    }

    /// Octets of a sort key; what differs behind them is equal in SORT.
    static let maximumKey = 400
    /// Octets of a field's text.
    static let maximumText = 1200
    /// References that are kept: the first, which names the thread, and the nearest.
    static let maximumReferences = 100

    package init(_ index: MessageIndex) {
        let header = HeaderBlock(parsing: index.headerBlock)
        let date = index.envelope.date.flatMap { InternetDate.parse($0) }
        sentAt = date?.0
        sentDay = date.map { date in
            let local = date.0.seconds &+ Int64(date.offsetMinutes) &* 60
            return Int(local >= 0 ? local / 86_400 : (local - 86_399) / 86_400)
        }
        let base = BaseSubject(index.envelope.subject ?? [])
        subject = Self.key(base.text)
        isReplyOrForward = base.isReplyOrForward
        from = Self.mailbox(index.envelope.from)
        to = Self.mailbox(index.envelope.to)
        cc = Self.mailbox(index.envelope.cc)
        displayFrom = Self.display(index.envelope.from)
        displayTo = Self.display(index.envelope.to)
        messageID = index.envelope.messageID.flatMap { MessageIdentifiers.valid($0).first }.map(Self.hash)
        references = Self.references(header)
        texts = Texts(
            from: Self.text(header, "from", index.envelope.from), to: Self.text(header, "to", index.envelope.to),
            cc: Self.text(header, "cc", index.envelope.cc), bcc: Self.text(header, "bcc", index.envelope.bcc),
            subject: Self.text(header, "subject"))
    }

    /// From a row.
    package init(
        sentAt: Timestamp?, sentDay: Int?, subject: [UInt8], isReplyOrForward: Bool, from: [UInt8], to: [UInt8],
        cc: [UInt8], displayFrom: [UInt8], displayTo: [UInt8], messageID: Int64?, references: [Int64], texts: Texts
    ) {
        self.sentAt = sentAt
        self.sentDay = sentDay
        self.subject = subject
        self.isReplyOrForward = isReplyOrForward
        self.from = from
        self.to = to
        self.cc = cc
        self.displayFrom = displayFrom
        self.displayTo = displayTo
        self.messageID = messageID
        self.references = references
        self.texts = texts
    }

    /// What threads by subject compare; 0 for an empty base subject. RFC 5256 §3 (5)
    package var subjectHash: Int64 { subject.isEmpty ? 0 : Self.hash(subject) | 1 }

    private static func key(_ text: String) -> [UInt8] { Array(UnicodeCasemap.key(text).prefix(maximumKey)) }

    // RFC 5256 §3: addr-mailbox of the first address, as ENVELOPE shows it
    private static func mailbox(_ addresses: [EnvelopeAddress]) -> [UInt8] {
        key(plainText(addresses.first?.mailbox ?? []))
    }

    // RFC 5957 §3
    private static func display(_ addresses: [EnvelopeAddress]) -> [UInt8] {
        guard let first = addresses.first else { return [] }
        if let name = first.name {
            let decoded = EncodedWord.decode(name)
            if !decoded.isEmpty { return key(decoded) }
        }
        guard let mailbox = first.mailbox else { return [] }
        guard let host = first.host else { return key(plainText(mailbox)) }
        return key("\(plainText(mailbox))@\(plainText(host))")
    }

    // RFC 5256 §3: the References field, or else the first id of In-Reply-To
    private static func references(_ header: HeaderBlock) -> [Int64] {
        let cited = header.first("References").map { MessageIdentifiers.valid($0.rawValue) } ?? []
        guard cited.isEmpty else {
            let kept = cited.count <= maximumReferences ? cited : [cited[0]] + cited.suffix(maximumReferences - 1)
            return kept.map(hash)
        }
        let answered = header.first("In-Reply-To").map { MessageIdentifiers.valid($0.rawValue) } ?? []
        return answered.prefix(1).map(hash)
    }

    /// A field of addresses, with those behind it that ENVELOPE tells otherwise.
    private static func text(_ header: HeaderBlock, _ name: String, _ addresses: [EnvelopeAddress]) -> [UInt8]? {
        guard let written = text(header, name), !written.isEmpty else { return text(header, name) }
        let others = addresses.filter { address in
            SearchText.envelopeParts(address).contains { part in
                written.withUnsafeBytes { !SearchText.contains($0, Array(part.utf8)) }
            }
        }
        guard !others.isEmpty else { return written }
        let all = written + [0] + Array(SearchText.envelopeText(others).utf8)
        return all.count <= maximumText ? all : nil
    }

    private static func text(_ header: HeaderBlock, _ name: String) -> [UInt8]? {
        var text: [UInt8] = []
        for field in header.fields where field.isNamed(name) {
            guard field.rawValue.count <= maximumText * 2 else { return nil }
            text += SearchText.fold(field.text).utf8
            text.append(10)
            guard text.count <= maximumText else { return nil }
        }
        return text
    }

    private static func hash(_ text: String) -> Int64 { hash(text.utf8) }

    /// FNV-1a: stable across versions, since it is stored.
    private static func hash(_ octets: some Sequence<UInt8>) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

extension MessageIdentifiers {
    /// Identifiers of the form `left@right`, quoting of the left part taken off. RFC 5256 §3 (REFERENCES)
    static func valid(_ value: some Collection<UInt8>) -> [String] {
        extract(value).compactMap { identifier in
            guard let at = identifier.lastIndex(of: "@"), at != identifier.startIndex,
                identifier.index(after: at) != identifier.endIndex
            else { return nil }
            let left = identifier[..<at]
            guard left.utf8.first == 0x22, left.utf8.last == 0x22, left.utf8.count >= 2 else { return identifier }
            var plain = ""
            var isEscaped = false
            for character in left.unicodeScalars.dropFirst().dropLast() {
                if character == "\\", !isEscaped {
                    isEscaped = true
                    continue
                }
                isEscaped = false
                plain.unicodeScalars.append(character)
            }
            return plain + identifier[at...]
        }
    }
}
