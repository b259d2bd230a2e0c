import Glibc
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

    /// Whether a visitor wants more.
    package enum Visit: Sendable {
        case goOn
        case stop
    }

    /// Header fields and text parts of all levels, decoded and folded.
    ///
    /// - Parameter read: gives octets of the message as stored; what it throws is passed on.
    package static func extract(
        index: MessageIndex, read: (Range<Int>) throws -> [UInt8]
    ) rethrows -> [SearchChunk] {
        var chunks: [SearchChunk] = []
        try visit(index: index, header: true, read: read) { chunk in
            chunks.append(chunk)
            return .goOn
        }
        return chunks
    }

    /// Hands over the same one by one, until the visitor has enough; nothing is read before it is needed.
    ///
    /// - Parameter header: whether the message's own header is visited, too.
    package static func visit(
        index: MessageIndex, header: Bool, read: (Range<Int>) throws -> [UInt8], chunk: (SearchChunk) -> Visit
    ) rethrows {
        if header {
            for field in HeaderBlock(parsing: index.headerBlock).fields where !field.name.isEmpty {
                let text = fold(field.text)
                guard !text.isEmpty else { continue }
                guard chunk(SearchChunk(source: .field(field.name.lowercased()), text: text)) == .goOn else { return }
            }
        }
        var visitor = Visitor(visitsHeader: header)
        _ = try visitor.visit(index.structure, isRoot: true, read: read, chunk: chunk)
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

    private struct Visitor {
        let visitsHeader: Bool
        var left = maximumBodyOctets

        mutating func visit(
            _ part: MIMEPart, isRoot: Bool, read: (Range<Int>) throws -> [UInt8], chunk: (SearchChunk) -> Visit
        ) rethrows -> Visit {
            for text in SearchText.names(of: part, isRoot: isRoot) where visitsHeader || text.source == .body {
                guard chunk(text) == .goOn else { return .stop }
            }
            if SearchText.isReadable(part), left > 0, !part.bodyRange.isEmpty {
                let start = part.bodyRange.lowerBound
                let range = start..<min(part.bodyRange.upperBound, start + left)
                left -= range.count
                let text = SearchText.text(of: part, body: try read(range))
                if !text.isEmpty, chunk(SearchChunk(source: .body, text: text)) == .stop { return .stop }
            }
            for child in part.children {
                guard try visit(child, isRoot: false, read: read, chunk: chunk) == .goOn else { return .stop }
            }
            return .goOn
        }
    }

    /// What the header of a part says to a reader: the names of files, and of an enclosed message subject and people.
    private static func names(of part: MIMEPart, isRoot: Bool) -> [SearchChunk] {
        var chunks: [SearchChunk] = []
        for name in [part.filename, isRoot ? nil : part.description].compactMap({ $0 }) where !name.isEmpty {
            // The message's own header is no part of its body.
            let source = isRoot ? SearchChunk.Source.field("content-disposition") : .body
            chunks.append(SearchChunk(source: source, text: fold(EncodedWord.decode(name))))
        }
        guard let envelope = part.embedded?.envelope else { return chunks }
        if let subject = envelope.subject {
            chunks.append(SearchChunk(source: .body, text: fold(EncodedWord.decode(subject))))
        }
        for address in envelope.from + envelope.to + envelope.cc {
            chunks.append(SearchChunk(source: .body, text: fold(text(of: address))))
        }
        return chunks
    }

    /// Whether a part is text for people, such as what a delivery report says of its recipients (RFC 3464 §2).
    private static func isReadable(_ part: MIMEPart) -> Bool {
        part.children.isEmpty && (part.type == "text" || (part.type == "message" && !part.isMessage))
    }

    /// Whether the octets of a needle stand somewhere.
    package static func contains(_ bytes: UnsafeRawBufferPointer, _ needle: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        guard let start = bytes.baseAddress else { return false }
        return needle.withUnsafeBytes { needle in
            guard let wanted = needle.baseAddress else { return true }
            var offset = 0
            let last = bytes.count - needle.count
            while offset <= last {
                guard let hit = memchr(start + offset, Int32(first), last - offset + 1) else { return false }
                if memcmp(hit, wanted, needle.count) == 0 { return true }
                offset = UnsafeRawPointer(hit) - start + 1
            }
            return false
        }
    }

    /// What ENVELOPE tells of addresses, folded, a line each: `name mailbox@host`. Comments and blanks within an address,
    /// which the header has, are not there.
    // RFC 9051 §6.4.4 (FROM)
    package static func envelopeText(_ addresses: [EnvelopeAddress]) -> String {
        addresses.reduce(into: "") { text, address in
            let parts = envelopeParts(address)
            if !parts.isEmpty { text += parts.joined(separator: " ") + "\n" }
        }
    }

    /// The name and the address, or the name of a group, folded.
    static func envelopeParts(_ address: EnvelopeAddress) -> [String] {
        if address.isGroupStart { return [fold(plainText(address.mailbox ?? []))] }
        var parts: [String] = []
        if let name = address.name, !name.isEmpty { parts.append(fold(EncodedWord.decode(name))) }
        if address.isComplete, let mailbox = address.mailbox, let host = address.host {
            parts.append(fold("\(plainText(mailbox))@\(plainText(host))"))
        }
        return parts
    }

    private static func text(of address: EnvelopeAddress) -> String {
        var text = address.name.map { EncodedWord.decode($0) } ?? ""
        if address.isComplete, let mailbox = address.mailbox, let host = address.host {
            text += " <\(plainText(mailbox))@\(plainText(host))>"
        }
        return text
    }
}
