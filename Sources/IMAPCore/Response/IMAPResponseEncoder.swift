package import NIOCore

/// Writes responses into one buffer; each call leaves whole, strictly valid lines (FETCH between its begin and end).
package struct IMAPResponseEncoder: Sendable {
    /// What has been written so far; take it with ``take()``.
    package var buffer: ByteBuffer
    /// How mailbox names are sent: `.utf8` once the client has enabled UTF8=ACCEPT.
    package var nameEncoding: IMAPNameEncoding
    /// What messages are called: `.uid` once the client has enabled UIDONLY.
    package var messageNaming: IMAPMessageNaming
    /// Whether the FETCH response being written needs a space before its next item.
    var fetchNeedsSpace = false

    package init(
        buffer: ByteBuffer = ByteBuffer(), nameEncoding: IMAPNameEncoding = .modifiedUTF7,
        messageNaming: IMAPMessageNaming = .number
    ) {
        self.buffer = buffer
        self.nameEncoding = nameEncoding
        self.messageNaming = messageNaming
    }

    /// The octets written, which are then the caller's; the encoder goes on with an empty buffer.
    package mutating func take() -> ByteBuffer {
        let written = buffer
        buffer = ByteBuffer()
        return written
    }

    /// Makes room for so many octets in all, so that a long answer does not grow step by step.
    package mutating func makeRoom(for octets: Int) {
        let missing = octets - buffer.readableBytes
        if missing > buffer.writableBytes { buffer.reserveCapacity(minimumWritableBytes: missing) }
    }

    /// A place in what has been written; it holds until ``take()``.
    package struct Mark {
        fileprivate let index: Int
        fileprivate let fetchNeedsSpace: Bool
    }

    package var mark: Mark { Mark(index: buffer.writerIndex, fetchNeedsSpace: fetchNeedsSpace) }

    /// Takes back what was written since.
    package mutating func goBack(to mark: Mark) {
        guard mark.index >= buffer.readerIndex, mark.index <= buffer.writerIndex else { return }
        buffer.moveWriterIndex(to: mark.index)
        fetchNeedsSpace = mark.fetchNeedsSpace
    }

    // MARK: Status

    /// `tag OK [CODE] text`
    package mutating func tagged(_ tag: String, _ status: IMAPStatus) {
        buffer.writeString(tag)
        write(status)
    }

    /// `* OK [CODE] text`; also the greeting and BYE.
    package mutating func untagged(_ status: IMAPStatus) {
        buffer.writeOctet("*")
        write(status)
    }

    /// `+ text`; an empty text is right for SASL, where text would be base64 for the client.
    package mutating func continuation(_ text: String = "") {
        buffer.writeStaticString("+ ")
        // RFC 4422 §3.4: an empty challenge is an empty line.
        if !text.isEmpty { buffer.writeHumanText(text, afterCode: false) }
        buffer.writeCRLF()
    }

    private mutating func write(_ status: IMAPStatus) {
        buffer.writeOctet(" ")
        buffer.writeString(status.condition.rawValue)
        buffer.writeOctet(" ")
        if let code = status.code {
            buffer.writeOctet("[")
            buffer.writeResponseCode(code)
            buffer.writeStaticString("] ")
        }
        buffer.writeHumanText(status.text, afterCode: status.code != nil)
        buffer.writeCRLF()
    }

    // MARK: Server

    package mutating func capability(_ names: [String]) {
        words("* CAPABILITY", names)
    }

    // RFC 5161 §3.2
    package mutating func enabled(_ names: [String]) {
        words("* ENABLED", names)
    }

    private mutating func words(_ start: StaticString, _ names: [String]) {
        buffer.writeStaticString(start)
        for name in names {
            buffer.writeOctet(" ")
            buffer.writeAtom(name)
        }
        buffer.writeCRLF()
    }

    // RFC 2971 §3.2
    package mutating func id(_ fields: [IDField]) {
        buffer.writeStaticString("* ID ")
        if fields.isEmpty { buffer.writeStaticString("NIL") }
        var separator: Unicode.Scalar = "("
        for field in fields {
            buffer.writeOctet(separator)
            separator = " "
            buffer.writeIMAPString(field.name)
            buffer.writeOctet(" ")
            buffer.writeNString(field.value)
        }
        if !fields.isEmpty { buffer.writeOctet(")") }
        buffer.writeCRLF()
    }

    // MARK: Selected mailbox

    package mutating func flags(_ flags: [IMAPFlag]) {
        buffer.writeStaticString("* FLAGS ")
        buffer.writeFlagList(flags)
        buffer.writeCRLF()
    }

    package mutating func exists(_ count: Int) {
        numbered(count, " EXISTS\r\n")
    }

    package mutating func recent(_ count: Int) {
        numbered(count, " RECENT\r\n")
    }

    package mutating func expunge(_ number: SequenceNumber) {
        numbered(Int(number.rawValue), " EXPUNGE\r\n")
    }

    private mutating func numbered(_ number: Int, _ rest: StaticString) {
        buffer.writeStaticString("* ")
        buffer.writeDecimal(number)
        buffer.writeStaticString(rest)
    }

    // RFC 7162 §3.2.10
    package mutating func vanished(_ uids: [ClosedRange<UInt32>], earlier: Bool) {
        guard !uids.isEmpty else { return }
        buffer.writeStaticString(earlier ? "* VANISHED (EARLIER) " : "* VANISHED ")
        buffer.writeNumberSet(uids)
        buffer.writeCRLF()
    }
}

/// Ranges of numbers, as sets are sent.
package enum NumberRanges {
    /// Joins neighbours that follow each other; keeps the order given, as COPYUID needs.
    package static func collapsing(_ numbers: some Sequence<UInt32>) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        for number in numbers {
            if let last = ranges.last, last.upperBound < .max, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges
    }
}
