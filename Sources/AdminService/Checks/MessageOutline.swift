import MailMessage
import MailSyntax

/// What `martlet message show` prints: the header decoded, and the MIME tree.
package struct MessageOutline: Encodable, Sendable {
    package struct Field: Encodable, Sendable {
        var name: String
        /// Unfolded, encoded words decoded.
        var value: String
    }

    package struct Part: Encodable, Sendable {
        /// As IMAP numbers it; empty for the message itself.
        var number: String
        var type: String
        var charset: String?
        var encoding: String?
        var disposition: String?
        var filename: String?
        var contentID: String?
        /// Octets as they stand in the message.
        var size: Int
        /// Octets after decoding; nil for parts that hold others.
        var decodedSize: Int?
        var lines: Int
        var parts: [Part]
    }

    /// A message that is longer is not shown.
    private static let limit = 256 << 20

    var size: Int
    var fields: [Field]
    var body: Part
    var preview: String

    /// Reads a message from a file, or from standard input for `-`.
    /// - Throws: `AdminError` when it can't be read, or is longer than 256 MiB.
    package init(_ path: String) throws {
        let message = try MessageFile(path: path).whole(limit: Self.limit)
        let index = MessageIndex(scanning: message)
        size = message.count
        fields = HeaderBlock(parsing: index.headerBlock).fields.filter { !$0.name.isEmpty }.map {
            Field(name: $0.name, value: $0.text)
        }
        body = Part(index.structure, number: [], in: message)
        preview = index.preview
    }

    /// For people.
    package var text: String {
        var lines = fields.map { "\($0.name): \($0.value)" }
        lines.append("")
        lines += body.lines(depth: 0)
        if !preview.isEmpty { lines += ["", "preview: \(preview)"] }
        return lines.map { "\(TextTable.clean($0))\n" }.joined()
    }
}

extension MessageOutline.Part {
    fileprivate init(_ part: MIMEPart, number path: [Int], in message: [UInt8]) {
        number = path.map(String.init).joined(separator: ".")
        type = "\(part.type)/\(part.subtype)"
        charset = part.parameter("charset")
        encoding = part.transferEncoding
        disposition = part.disposition?.type
        filename = part.filename
        contentID = part.contentID
        size = part.bodyRange.count
        self.lines = part.lineCount
        decodedSize = nil
        parts = []
        if part.isMultipart {
            parts = part.children.enumerated().map { index, child in
                MessageOutline.Part(child, number: path + [index + 1], in: message)
            }
        } else if part.isMessage, let inner = part.children.first {
            // RFC 3501 §6.4.5: the parts of a message inside are numbered below the part that holds it.
            parts = [MessageOutline.Part(inner, number: path.isEmpty ? [1] : path, in: message)]
        } else {
            let range = part.bodyRange.clamped(to: 0..<message.count)
            decodedSize = PartDecoder.decode(Array(message[range]), transferEncoding: part.transferEncoding).count
        }
    }

    /// One line for the part and for each below it.
    fileprivate func lines(depth: Int) -> [String] {
        var words = [String(repeating: "  ", count: depth) + (number.isEmpty ? "message" : number), type]
        if let charset { words.append("charset=\(charset)") }
        if let encoding { words.append(encoding) }
        words.append(decodedSize.map { "\($0) octets" } ?? "\(size) octets as it stands")
        if let disposition { words.append(disposition) }
        if let filename { words.append("\"\(filename)\"") }
        return [words.joined(separator: "  ")] + parts.flatMap { $0.lines(depth: depth + 1) }
    }
}
