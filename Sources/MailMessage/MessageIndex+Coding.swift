import MailSyntax

// Layout: version, then fields in the order below. Numbers are LEB128; text and octets are a length and the content;
// an optional has its length plus one, 0 for nil. Ranges are a start, relative to the range before, and a length.

package extension MessageIndex {
    /// The first octet of what `encode` writes.
    static var codingVersion: UInt8 { 1 }

    /// A compact form without the header block, which is kept on its own.
    func encode() -> [UInt8] {
        var writer = IndexWriter()
        writer.octets.reserveCapacity(1024)
        writer.octets.append(Self.codingVersion)
        writer.write(size)
        writer.write(sentDate.map { UInt64(bitPattern: $0.microseconds) })
        writer.write(preview)
        writer.write(references) { $0.write($1) }
        writer.write(messageID)
        writer.write(envelope)
        writer.write(structure)
        return writer.octets
    }

    /// Reads what `encode` wrote.
    ///
    /// - Throws: `MailParseError` when the octets are cut off, of another version, or not what `encode` writes.
    static func decode(_ bytes: [UInt8], headerBlock: [UInt8]) throws -> MessageIndex {
        var reader = IndexReader(bytes: bytes)
        guard try reader.octet() == codingVersion else {
            throw MailParseError(.badIndex, offset: 0, hint: "unknown version of a message index")
        }
        let index = MessageIndex(
            headerBlock: headerBlock,
            size: try reader.int(),
            sentDate: try reader.optionalNumber().map { Timestamp(microseconds: Int64(bitPattern: $0)) },
            preview: try reader.string(),
            references: try reader.list { try $0.string() },
            messageID: try reader.optionalString(),
            envelope: try reader.envelope(),
            structure: try reader.part(depth: 0)
        )
        guard reader.isAtEnd else { throw reader.error("octets after the end of a message index") }
        return index
    }

    private init(
        headerBlock: [UInt8],
        size: Int,
        sentDate: Timestamp?,
        preview: String,
        references: [String],
        messageID: String?,
        envelope: Envelope,
        structure: MIMEPart
    ) {
        self.init(
            headerBlock: headerBlock, envelope: envelope, structure: structure, size: size, sentDate: sentDate,
            preview: preview, references: references, messageID: messageID
        )
    }
}

struct IndexWriter {
    var octets: [UInt8] = []

    mutating func write(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        octets.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func write(_ value: Int) { write(UInt64(max(0, value))) }

    mutating func write(_ value: UInt64?) {
        octets.append(value == nil ? 0 : 1)
        if let value { write(value) }
    }

    mutating func write(_ value: [UInt8]) {
        write(value.count)
        octets += value
    }

    mutating func write(_ value: String) {
        write(value.utf8.count)
        octets += value.utf8
    }

    mutating func write(_ value: [UInt8]?) {
        guard let value else { return octets.append(0) }
        write(value.count + 1)
        octets += value
    }

    mutating func write(_ value: String?) {
        guard let value else { return octets.append(0) }
        write(value.utf8.count + 1)
        octets += value.utf8
    }

    mutating func write<T>(_ values: [T], _ body: (inout IndexWriter, T) -> Void) {
        write(values.count)
        for value in values { body(&self, value) }
    }

    mutating func write(_ range: Range<Int>) {
        write(range.lowerBound)
        write(range.count)
    }

    mutating func write(_ envelope: Envelope) {
        write(envelope.date)
        write(envelope.subject)
        write(envelope.inReplyTo)
        write(envelope.messageID)
        write(envelope.from)
        // Sender and Reply-To are mostly the same as From.
        let same: UInt8 = (envelope.sender == envelope.from ? 1 : 0) | (envelope.replyTo == envelope.from ? 2 : 0)
        octets.append(same)
        if same & 1 == 0 { write(envelope.sender) }
        if same & 2 == 0 { write(envelope.replyTo) }
        write(envelope.to)
        write(envelope.cc)
        write(envelope.bcc)
    }

    mutating func write(_ addresses: [EnvelopeAddress]) {
        write(addresses) { writer, address in
            writer.write(address.name)
            writer.write(address.route)
            writer.write(address.mailbox)
            writer.write(address.host)
        }
    }

    mutating func write(_ parameters: [(name: String, value: String)]) {
        write(parameters) { writer, parameter in
            writer.write(parameter.name)
            writer.write(parameter.value)
        }
    }

    mutating func write(_ part: MIMEPart) {
        write(part.type)
        write(part.subtype)
        write(part.parameters)
        write(part.contentID)
        write(part.description)
        write(part.transferEncoding)
        write(part.md5)
        write(part.disposition?.type)
        if let disposition = part.disposition { write(disposition.parameters) }
        write(part.languages) { $0.write($1) }
        write(part.location)
        write(part.headerRange)
        write(part.bodyRange)
        write(part.lineCount)
        octets.append(part.embedded == nil ? 0 : 1)
        if let embedded = part.embedded { write(embedded.envelope) }
        write(part.children) { $0.write($1) }
    }
}

struct IndexReader {
    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    func error(_ hint: StaticString) -> MailParseError { MailParseError(.badIndex, offset: position, hint: hint) }

    mutating func octet() throws -> UInt8 {
        guard position < bytes.count else { throw error("a message index is cut off") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let next = try octet()
            guard shift < 63 || next <= 1 else { break }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw error("a number is too long")
    }

    mutating func int() throws -> Int {
        // Room to add two of them without overflow.
        guard let value = Int(exactly: try number()), value < 1 << 60 else { throw error("a number is too large") }
        return value
    }

    mutating func optionalNumber() throws -> UInt64? { try octet() == 0 ? nil : try number() }

    private mutating func slice(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw error("a message index is cut off") }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func string() throws -> String { String(decoding: try slice(try int()), as: UTF8.self) }

    mutating func optionalString() throws -> String? {
        let length = try int()
        return length == 0 ? nil : String(decoding: try slice(length - 1), as: UTF8.self)
    }

    mutating func optionalOctets() throws -> [UInt8]? {
        let length = try int()
        return length == 0 ? nil : Array(try slice(length - 1))
    }

    mutating func list<T>(_ body: (inout IndexReader) throws -> T) throws -> [T] {
        let count = try int()
        // Each element takes one octet at least, so a forged count cannot ask for much.
        guard count <= bytes.count - position else { throw error("a list is longer than the index") }
        var values: [T] = []
        for _ in 0..<count { values.append(try body(&self)) }
        return values
    }

    mutating func range() throws -> Range<Int> {
        let start = try int()
        return start..<(start + (try int()))
    }

    mutating func envelope() throws -> Envelope {
        var envelope = Envelope()
        envelope.date = try optionalOctets()
        envelope.subject = try optionalOctets()
        envelope.inReplyTo = try optionalOctets()
        envelope.messageID = try optionalOctets()
        envelope.from = try addresses()
        let same = try octet()
        envelope.sender = same & 1 == 0 ? try addresses() : envelope.from
        envelope.replyTo = same & 2 == 0 ? try addresses() : envelope.from
        envelope.to = try addresses()
        envelope.cc = try addresses()
        envelope.bcc = try addresses()
        return envelope
    }

    private mutating func addresses() throws -> [EnvelopeAddress] {
        try list { reader in
            EnvelopeAddress(
                name: try reader.optionalOctets(),
                route: try reader.optionalOctets(),
                mailbox: try reader.optionalOctets(),
                host: try reader.optionalOctets()
            )
        }
    }

    private mutating func parameters() throws -> [(name: String, value: String)] {
        try list { (name: try $0.string(), value: try $0.string()) }
    }

    mutating func part(depth: Int) throws -> MIMEPart {
        guard depth < 64 else { throw error("parts are nested too deep") }
        var part = MIMEPart()
        part.type = try string()
        part.subtype = try string()
        part.parameters = try parameters()
        part.contentID = try optionalString()
        part.description = try optionalString()
        part.transferEncoding = try optionalString()
        part.md5 = try optionalString()
        if let type = try optionalString() {
            part.disposition = MIMEPart.Disposition(type: type, parameters: try parameters())
        }
        part.languages = try list { try $0.string() }
        part.location = try optionalString()
        part.headerRange = try range()
        part.bodyRange = try range()
        part.lineCount = try int()
        if try octet() != 0 { part.embedded = MIMEPart.EmbeddedMessage(envelope: try envelope()) }
        part.children = try list { try $0.part(depth: depth + 1) }
        return part
    }
}
