package import MailSyntax

/// What is kept beside the octets of a message, computed once.
package struct MessageIndex: Sendable, Equatable {
    /// Up to and including the blank line.
    package var headerBlock: [UInt8]
    package var envelope: Envelope
    package var structure: MIMEPart
    /// Octets of the whole message.
    package var size: Int
    /// The Date field as an instant; nil when it is missing or can't be read.
    package var sentDate: Timestamp?
    /// At most 200 characters of the first text part, blanks folded.
    package var preview: String
    /// Message identifiers of References, then In-Reply-To, without brackets and repetition.
    package var references: [String]
    /// Without brackets.
    package var messageID: String?

    package init(
        headerBlock: [UInt8],
        envelope: Envelope,
        structure: MIMEPart,
        size: Int,
        sentDate: Timestamp?,
        preview: String,
        references: [String],
        messageID: String?
    ) {
        self.headerBlock = headerBlock
        self.envelope = envelope
        self.structure = structure
        self.size = size
        self.sentDate = sentDate
        self.preview = preview
        self.references = references
        self.messageID = messageID
    }

    /// The index of a message that is at hand as a whole.
    package init(scanning message: [UInt8]) {
        var scanner = MessageScanner()
        scanner.consume(message)
        self = scanner.finish()
    }
}

package extension MessageIndex {
    /// The index of the same message with fields put on top that no part of the index is made of, such as Received and
    /// Return-Path; `headerPrefix` is whole fields.
    func prepending(_ headerPrefix: [UInt8]) -> MessageIndex {
        var copy = self
        copy.headerBlock = headerPrefix + headerBlock
        copy.size += headerPrefix.count
        copy.structure.shift(by: headerPrefix.count, isRoot: true)
        return copy
    }

    /// The index of the same message under another header, whose fields are read anew. Content fields must describe
    /// the same body as before.
    func replacingHeader(_ header: [UInt8]) -> MessageIndex {
        var scanner = MessageScanner()
        scanner.consume(header)
        let read = scanner.finish()
        var copy = self
        copy.headerBlock = header
        copy.size += header.count - headerBlock.count
        copy.structure.shift(by: header.count - headerBlock.count, isRoot: true)
        copy.envelope = read.envelope
        copy.sentDate = read.sentDate
        copy.references = read.references
        copy.messageID = read.messageID
        return copy
    }
}

extension MIMEPart {
    fileprivate mutating func shift(by octets: Int, isRoot: Bool) {
        let headerStart = headerRange.lowerBound + (isRoot ? 0 : octets)
        headerRange = headerStart..<max(headerStart, headerRange.upperBound + octets)
        bodyRange = (bodyRange.lowerBound + octets)..<(bodyRange.upperBound + octets)
        for index in children.indices { children[index].shift(by: octets, isRoot: false) }
    }
}
