package import MailMessage
import NIOCore

// FETCH: `beginFetch`, then items in any order, then `endFetch`.
extension IMAPResponseEncoder {
    // RFC 3501 §7.4.2
    package mutating func beginFetch(_ number: SequenceNumber) {
        begin(number.rawValue, " FETCH (")
    }

    /// The same of a message that has both, by what the client calls it.
    package mutating func beginFetch(_ number: SequenceNumber, _ uid: IMAPUID) {
        guard messageNaming == .uid else { return beginFetch(number) }
        // RFC 9586 §3.3 (uidfetch-resp)
        begin(uid.rawValue, " UIDFETCH (")
    }

    private mutating func begin(_ number: UInt32, _ name: StaticString) {
        buffer.writeAtOnce(room: 40) {
            $0.put("* ")
            $0.put(decimal: UInt64(number))
            $0.put(name)
        }
        fetchNeedsSpace = false
    }

    /// Whether the FETCH response that was begun has no item yet.
    package var isFetchEmpty: Bool { !fetchNeedsSpace }

    package mutating func endFetch() {
        buffer.writeStaticString(")\r\n")
        fetchNeedsSpace = false
    }

    private mutating func item(_ name: StaticString) {
        item(room: name.utf8CodeUnitCount) { $0.put(name) }
    }

    /// - Parameter room: what `write` takes at most, in octets.
    @inline(__always)
    private mutating func item(room: Int, _ write: (inout OctetWriter) -> Void) {
        let needsSpace = fetchNeedsSpace
        fetchNeedsSpace = true
        buffer.writeAtOnce(room: room + 1) {
            if needsSpace { $0.put(" ") }
            write(&$0)
        }
    }

    private mutating func item(_ name: StaticString, _ number: UInt64, _ end: StaticString = "") {
        item(room: name.utf8CodeUnitCount + OctetWriter.decimalRoom + end.utf8CodeUnitCount) {
            $0.put(name)
            $0.put(decimal: number)
            $0.put(end)
        }
    }

    package mutating func fetchUID(_ uid: IMAPUID) {
        item("UID ", UInt64(uid.rawValue))
    }

    package mutating func fetchFlags(_ flags: [IMAPFlag]) {
        item("FLAGS ")
        buffer.writeFlagList(flags)
    }

    /// The same from bits, without a list of flags.
    /// - Parameter bits: 1 \\Seen, 2 \\Answered, 4 \\Flagged, 8 \\Deleted, 16 \\Draft.
    package mutating func fetchFlags(bits: Int, keywords: [String], isRecent: Bool) {
        let index = bits & 31
        let system = Self.systemFlags[index]
        let isAll = keywords.isEmpty && !isRecent
        item(room: system.utf8CodeUnitCount + 8) {
            $0.put("FLAGS (")
            $0.put(system)
            if isAll { $0.put(")") }
        }
        guard !isAll else { return }
        var isFirst = index == 0
        for keyword in keywords {
            if !isFirst { buffer.writeOctet(" ") }
            isFirst = false
            buffer.writeAtom(keyword)
        }
        if isRecent { buffer.writeStaticString(isFirst ? "\\Recent" : " \\Recent") }
        buffer.writeOctet(")")
    }

    /// The system flags of each combination of bits, in the order that ``IMAPFlag`` lists them.
    private static let systemFlags: [StaticString] = [
        "",
        "\\Seen",
        "\\Answered",
        "\\Answered \\Seen",
        "\\Flagged",
        "\\Flagged \\Seen",
        "\\Answered \\Flagged",
        "\\Answered \\Flagged \\Seen",
        "\\Deleted",
        "\\Deleted \\Seen",
        "\\Answered \\Deleted",
        "\\Answered \\Deleted \\Seen",
        "\\Flagged \\Deleted",
        "\\Flagged \\Deleted \\Seen",
        "\\Answered \\Flagged \\Deleted",
        "\\Answered \\Flagged \\Deleted \\Seen",
        "\\Draft",
        "\\Seen \\Draft",
        "\\Answered \\Draft",
        "\\Answered \\Seen \\Draft",
        "\\Flagged \\Draft",
        "\\Flagged \\Seen \\Draft",
        "\\Answered \\Flagged \\Draft",
        "\\Answered \\Flagged \\Seen \\Draft",
        "\\Deleted \\Draft",
        "\\Deleted \\Seen \\Draft",
        "\\Answered \\Deleted \\Draft",
        "\\Answered \\Deleted \\Seen \\Draft",
        "\\Flagged \\Deleted \\Draft",
        "\\Flagged \\Deleted \\Seen \\Draft",
        "\\Answered \\Flagged \\Deleted \\Draft",
        "\\Answered \\Flagged \\Deleted \\Seen \\Draft",
    ]

    package mutating func fetchInternalDate(_ date: IMAPDateTime) {
        item("INTERNALDATE ")
        buffer.writeDateTime(date)
    }

    /// - Parameter octets: of the whole message.
    package mutating func fetchSize(_ octets: Int) {
        item("RFC822.SIZE ", UInt64(clamping: octets))
    }

    // RFC 7162 §7
    package mutating func fetchModSequence(_ value: UInt64) {
        item("MODSEQ (", value, ")")
    }

    // RFC 8474 §5.1
    package mutating func fetchEmailID(_ id: String) {
        item("EMAILID (")
        buffer.writeAtom(id)
        buffer.writeOctet(")")
    }

    // RFC 8474 §5.2
    /// Nil when the message belongs to no thread.
    package mutating func fetchThreadID(_ id: String?) {
        guard let id else { return item("THREADID NIL") }
        item("THREADID (")
        buffer.writeAtom(id)
        buffer.writeOctet(")")
    }

    // RFC 8514 §4.2
    package mutating func fetchSaveDate(_ date: IMAPDateTime) {
        item("SAVEDATE ")
        buffer.writeDateTime(date)
    }

    package mutating func fetchEnvelope(_ envelope: Envelope) {
        item("ENVELOPE ")
        buffer.writeEnvelope(nameEncoding == .utf8 ? envelope : envelope.inASCII)
    }

    /// - Parameter text: as ``FetchText`` makes it.
    package mutating func fetchEnvelope(text: UnsafeRawBufferPointer) {
        item("ENVELOPE ")
        buffer.writeBytes(text)
    }

    /// - Parameter text: as ``FetchText`` makes it; not one that differs for this client.
    package mutating func fetchBodyStructure(text: UnsafeRawBufferPointer) {
        item("BODYSTRUCTURE ")
        buffer.writeBytes(text)
    }

    /// `BODY`: the structure without extension data.
    package mutating func fetchBody(_ root: MIMEPart) {
        item("BODY ")
        buffer.writeBodyStructure(root, .basic, nameEncoding)
    }

    package mutating func fetchBodyStructure(_ root: MIMEPart) {
        item("BODYSTRUCTURE ")
        buffer.writeBodyStructure(root, .extended, nameEncoding)
    }

    // MARK: Content

    /// Writes the name of `content` and the header of a literal; exactly `size` octets must follow, written
    /// by ``literalOctets(_:)``.
    package mutating func fetchLiteral(_ content: FetchContent, size: Int) {
        name(content)
        buffer.writeLiteralHeader(size)
    }

    /// Always a literal, even when short: scripts expect one.
    package mutating func fetch(_ content: FetchContent, octets: some Collection<UInt8>) {
        fetchLiteral(content, size: octets.count)
        literalOctets(octets)
    }

    /// Writes octets of a literal that was announced.
    ///
    /// Mail may hold NUL (RFC 5321 §4.1.1.4), a literal may not: it goes out as 0x80, so that sizes and offsets stay.
    // RFC 3501 §9 (CHAR8)
    package mutating func literalOctets(_ octets: some Collection<UInt8>) {
        literalOctets(upTo: octets.count) { space in
            space.copyBytes(from: octets)
            return octets.count
        }
    }

    /// The same for octets that `read` puts where they are sent from; it says how many there are.
    /// - Returns: what `read` returned.
    @discardableResult
    package mutating func literalOctets(
        upTo count: Int, _ read: (UnsafeMutableRawBufferPointer) throws -> Int
    ) rethrows -> Int {
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            let space = UnsafeMutableRawBufferPointer(rebasing: space.prefix(count))
            let octets = UnsafeMutableRawBufferPointer(rebasing: space.prefix(try read(space)))
            for place in octets.indices { octets[place] = octets[place] == 0 ? 0x80 : octets[place] }
            return octets.count
        }
    }

    // MARK: Decoded content

    /// Writes the name of a BINARY item and the header of its literal; exactly `size` octets must follow, written by
    /// ``binaryOctets(_:)``.
    ///
    /// - Parameters:
    ///   - origin: of a partial fetch.
    ///   - hasNUL: makes it a literal8, which alone may hold NUL. RFC 3516 §4.3
    package mutating func fetchBinaryLiteral(_ fetch: BinaryFetch, size: Int, hasNUL: Bool) {
        name(fetch)
        if hasNUL { buffer.writeOctet("~") }
        buffer.writeLiteralHeader(size)
    }

    package mutating func binaryOctets(_ octets: some Collection<UInt8>) {
        buffer.writeBytes(octets)
    }

    /// For a part that the message doesn't have, or that can't be decoded.
    package mutating func fetchBinaryNil(_ fetch: BinaryFetch) {
        name(fetch)
        buffer.writeStaticString("NIL")
    }

    package mutating func fetchBinarySize(_ part: [Int], _ octets: Int) {
        item("BINARY.SIZE[")
        buffer.writeSection(BodySection(part: part))
        buffer.writeStaticString("] ")
        buffer.writeDecimal(octets)
    }

    private mutating func name(_ fetch: BinaryFetch) {
        item("BINARY[")
        buffer.writeSection(BodySection(part: fetch.part))
        buffer.writeOctet("]")
        if let partial = fetch.partial {
            buffer.writeOctet("<")
            buffer.writeDecimal(partial.offset)
            buffer.writeOctet(">")
        }
        buffer.writeOctet(" ")
    }

    // RFC 8970 §3.2
    package mutating func fetchPreview(_ text: String) {
        item("PREVIEW ")
        var copy = text
        let isUTF8 = nameEncoding == .utf8
        copy.withUTF8 { buffer.writeIMAPString($0, utf8InQuoted: isUTF8) }
    }

    /// For a section the message doesn't have.
    package mutating func fetchNil(_ content: FetchContent) {
        name(content)
        buffer.writeStaticString("NIL")
    }

    private mutating func name(_ content: FetchContent) {
        switch content {
        case .rfc822: item("RFC822 ")
        case .rfc822Header: item("RFC822.HEADER ")
        case .rfc822Text: item("RFC822.TEXT ")
        case .section(let fetch):
            item("BODY[")
            buffer.writeSection(fetch.section)
            buffer.writeOctet("]")
            if let partial = fetch.partial {
                // RFC 3501 §7.4.2: the origin octet, without the count.
                buffer.writeOctet("<")
                buffer.writeDecimal(partial.offset)
                buffer.writeOctet(">")
            }
            buffer.writeOctet(" ")
        }
    }
}

/// A fetch item whose value is octets of the message.
package enum FetchContent: Hashable, Sendable {
    case rfc822
    case rfc822Header
    case rfc822Text
    case section(SectionFetch)

    /// Nil for an item that is no content.
    package init?(_ item: FetchItem) {
        switch item {
        case .rfc822: self = .rfc822
        case .rfc822Header: self = .rfc822Header
        case .rfc822Text: self = .rfc822Text
        case .section(let fetch): self = .section(fetch)
        default: return nil
        }
    }

    // RFC 3501 §6.4.5: RFC822, RFC822.HEADER and RFC822.TEXT are BODY[], BODY.PEEK[HEADER] and BODY[TEXT].
    package var section: BodySection {
        switch self {
        case .rfc822: BodySection()
        case .rfc822Header: BodySection(kind: .header)
        case .rfc822Text: BodySection(kind: .text)
        case .section(let fetch): fetch.section
        }
    }

    package var partial: FetchPartial? {
        if case .section(let fetch) = self { fetch.partial } else { nil }
    }
}

extension ByteBuffer {
    // RFC 3501 §9 (date-time)
    mutating func writeDateTime(_ date: IMAPDateTime) {
        // Years 1 … 9999 can be written; what lies outside is shown as the nearest end.
        let first = -719_162 * 86_400
        let last = 2_932_897 * 86_400 - 1
        let utc = min(max(Int(clamping: date.secondsSince1970), first), last)
        let seconds = min(max(utc + date.zoneMinutes * 60, first), last)
        let dayNumber = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let inDay = seconds - dayNumber * 86_400
        let day = IMAPDate(dayNumber: dayNumber)
        writeOctet("\"")
        writeTwoDigits(day?.day ?? 1, padding: " ")
        writeOctet("-")
        writeStaticString(IMAPDate.monthNames[(day?.month ?? 1) - 1])
        writeOctet("-")
        writeTwoDigits((day?.year ?? 1970) / 100)
        writeTwoDigits((day?.year ?? 1970) % 100)
        writeOctet(" ")
        writeTwoDigits(inDay / 3600)
        writeOctet(":")
        writeTwoDigits(inDay / 60 % 60)
        writeOctet(":")
        writeTwoDigits(inDay % 60)
        writeStaticString(date.zoneMinutes < 0 ? " -" : " +")
        writeTwoDigits(abs(date.zoneMinutes) / 60)
        writeTwoDigits(abs(date.zoneMinutes) % 60)
        writeOctet("\"")
    }

    // RFC 3501 §9 (section)
    mutating func writeSection(_ section: BodySection) {
        var isFirst = true
        for number in section.part {
            if !isFirst { writeOctet(".") }
            isFirst = false
            writeDecimal(number)
        }
        if !isFirst, section.kind != .whole { writeOctet(".") }
        switch section.kind {
        case .whole: break
        case .header: writeStaticString("HEADER")
        case .text: writeStaticString("TEXT")
        case .mime: writeStaticString("MIME")
        case .headerFields(let names): writeHeaderNames("HEADER.FIELDS (", names)
        case .headerFieldsNot(let names): writeHeaderNames("HEADER.FIELDS.NOT (", names)
        }
    }

    private mutating func writeHeaderNames(_ start: StaticString, _ names: [String]) {
        writeStaticString(start)
        var isFirst = true
        for name in names {
            if !isFirst { writeOctet(" ") }
            isFirst = false
            writeAString(name)
        }
        writeOctet(")")
    }
}
