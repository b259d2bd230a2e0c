import MailSyntax

/// A stretch of text for the search index.
package struct SearchChunk: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// A field of the message's header; the name is lower-case.
        case field(String)
        /// A text part, or a field or file name inside the body.
        case body
    }

    package let source: Source
    /// Decoded and folded by `SearchText.fold`.
    package let text: String

    package init(source: Source, text: String) {
        self.source = source
        self.text = text
    }
}

/// The words of a message as a reader sees them.
package enum SearchText {
    /// Octets of a message's text parts that are read, as transferred.
    package static let maximumBodyOctets = 8 << 20

    /// Header fields and text parts of all levels, decoded and folded.
    ///
    /// - Parameter read: gives octets of the message as stored; what it throws is passed on.
    package static func extract(
        index: MessageIndex, read: (Range<Int>) throws -> [UInt8]
    ) rethrows -> [SearchChunk] {
        var chunks: [SearchChunk] = []
        for field in HeaderBlock(parsing: index.headerBlock).fields where !field.name.isEmpty {
            let text = fold(field.text)
            guard !text.isEmpty else { continue }
            chunks.append(SearchChunk(source: .field(field.name.lowercased()), text: text))
        }
        var left = maximumBodyOctets
        try collect(index.structure, isRoot: true, left: &left, read: read, into: &chunks)
        return chunks
    }

    /// The form texts and queries are compared in.
    package static func fold(_ s: String) -> String { TextFold.fold(s) }

    /// The folded text of one text part from its octets as transferred.
    package static func text(of part: MIMEPart, body: [UInt8]) -> String {
        guard part.subtype == "html" else { return fold(PartDecoder.text(body, part: part)) }
        // Charset first, so that tags are found in UTF-16 and ISO-2022 too.
        let decoded = PartDecoder.text(body, part: part)
        return fold(String(decoding: HTMLText.strip(decoded.utf8), as: UTF8.self))
    }

    /// Whether a part is text for people, such as what a delivery report says of its recipients (RFC 3464 §2).
    private static func isReadable(_ part: MIMEPart) -> Bool {
        part.children.isEmpty && (part.type == "text" || (part.type == "message" && !part.isMessage))
    }

    private static func collect(
        _ part: MIMEPart, isRoot: Bool, left: inout Int, read: (Range<Int>) throws -> [UInt8],
        into chunks: inout [SearchChunk]
    ) rethrows {
        for name in [part.filename, isRoot ? nil : part.description].compactMap({ $0 }) where !name.isEmpty {
            // The message's own header is no part of its body.
            let source = isRoot ? SearchChunk.Source.field("content-disposition") : .body
            chunks.append(SearchChunk(source: source, text: fold(EncodedWord.decode(name))))
        }
        if let envelope = part.embedded?.envelope {
            if let subject = envelope.subject {
                chunks.append(SearchChunk(source: .body, text: fold(EncodedWord.decode(subject))))
            }
            for address in envelope.from + envelope.to + envelope.cc {
                chunks.append(SearchChunk(source: .body, text: fold(text(of: address))))
            }
        }
        if isReadable(part), left > 0, !part.bodyRange.isEmpty {
            let start = part.bodyRange.lowerBound
            let range = start..<min(part.bodyRange.upperBound, start + left)
            left -= range.count
            let text = text(of: part, body: try read(range))
            if !text.isEmpty { chunks.append(SearchChunk(source: .body, text: text)) }
        }
        for child in part.children {
            try collect(child, isRoot: false, left: &left, read: read, into: &chunks)
        }
    }

    private static func text(of address: EnvelopeAddress) -> String {
        var text = address.name.map { EncodedWord.decode($0) } ?? ""
        if address.isComplete, let mailbox = address.mailbox, let host = address.host {
            text += " <\(plainText(mailbox))@\(plainText(host))>"
        }
        return text
    }
}
