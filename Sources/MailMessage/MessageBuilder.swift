package import MailSyntax

/// Writes messages of our own: reports, tests, welcomes. Lines end with CRLF.
package struct MessageBuilder: Sendable {
    /// Makes boundaries; must not occur in the content, so an id of the message is best.
    package let boundarySeed: String
    private var header: [UInt8] = []
    package var body: BodyPart = .text("")

    package init(boundarySeed: String) { self.boundarySeed = boundarySeed }

    /// Adds a field; a value outside ASCII becomes encoded words.
    package mutating func add(_ name: String, _ value: String) {
        header += HeaderText.field(name, EncodedWord.encode(value))
    }

    /// Adds a field as it is, UTF-8 included.
    package mutating func addRaw(_ name: String, _ value: String) { header += HeaderText.field(name, value) }

    /// Adds an address field; only the name is encoded.
    package mutating func add(_ name: String, address: EmailAddress, displayName: String? = nil) {
        header += HeaderText.field(name, HeaderText.mailbox(name: displayName, address))
    }

    package func render() -> [UInt8] {
        var counter = 0
        return header + Array("MIME-Version: 1.0\r\n".utf8) + body.render(seed: boundarySeed, counter: &counter)
    }
}

/// A part that `MessageBuilder` writes.
package indirect enum BodyPart: Sendable {
    /// UTF-8 text; 7bit where it can be, else quoted-printable.
    case text(String, subtype: String = "plain")
    /// Any octets, as base64.
    case data([UInt8], type: String, filename: String?)
    /// A part whose octets must stay as they are; `encoding` is `7bit` or `8bit`.
    case verbatim([UInt8], type: String, description: String?, encoding: String)
    case multipart(subtype: String, parameters: [(name: String, value: String)], parts: [BodyPart])

    func render(seed: String, counter: inout Int) -> [UInt8] {
        switch self {
        case .text(let text, let subtype): return Self.renderText(text, subtype: subtype)
        case .data(let bytes, let type, let filename):
            var out = HeaderText.field("Content-Type", type) + HeaderText.field("Content-Transfer-Encoding", "base64")
            if let filename { out += Self.disposition(filename) }
            return out + [13, 10] + Base64.encodeToBytes(bytes, lineLength: 76) + [13, 10]
        case .verbatim(let bytes, let type, let description, let encoding):
            var out: [UInt8] = []
            if let description { out += HeaderText.field("Content-Description", description) }
            out += HeaderText.field("Content-Type", type)
            if encoding != "7bit" { out += HeaderText.field("Content-Transfer-Encoding", encoding) }
            // The last line end before a boundary is the boundary's.
            return out + [13, 10] + bytes + [13, 10]
        case .multipart(let subtype, let parameters, let parts):
            counter += 1
            // RFC 2045 §6.7: "=_" cannot occur in quoted-printable or base64.
            let boundary = "=_\(seed)_\(counter)"
            var value = "multipart/\(subtype);"
            for parameter in parameters { value += " \(parameter.name)=\(parameter.value);" }
            var out = HeaderText.field("Content-Type", value + " boundary=\"\(boundary)\"")
            // RFC 2045 §6.4: what holds 8-bit parts is 8-bit itself.
            if parts.contains(where: \.isEightBit) { out += HeaderText.field("Content-Transfer-Encoding", "8bit") }
            out += [13, 10]
            for part in parts {
                out += Array("--\(boundary)\r\n".utf8) + part.render(seed: seed, counter: &counter)
                if out.last != 10 { out += [13, 10] }
            }
            return out + Array("--\(boundary)--\r\n".utf8)
        }
    }

    private var isEightBit: Bool {
        switch self {
        case .verbatim(_, _, _, let encoding): encoding == "8bit"
        case .multipart(_, _, let parts): parts.contains(where: \.isEightBit)
        case .text, .data: false
        }
    }

    private static func renderText(_ text: String, subtype: String) -> [UInt8] {
        let lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)
        let isASCII = text.utf8.allSatisfy { $0 < 0x80 && ($0 >= 32 || $0 == 9 || $0 == 10 || $0 == 13) }
        // RFC 5322 §2.1.1: 998 octets a line; long ones are broken softly already before that.
        let isPlain = isASCII && lines.allSatisfy { $0.count <= 200 }
        let charset = isASCII ? "us-ascii" : "utf-8"
        var out = HeaderText.field("Content-Type", "text/\(subtype); charset=\(charset)")
        guard isPlain else {
            out += HeaderText.field("Content-Transfer-Encoding", "quoted-printable") + [13, 10]
            return out + QuotedPrintable.encode(Array(text.utf8))
        }
        out += [13, 10]
        for (index, line) in lines.enumerated() {
            if index > 0 { out += [13, 10] }
            out += line.last == 13 ? line.dropLast() : line
        }
        return out
    }

    // RFC 2183 §2.3, RFC 2231 §4
    private static func disposition(_ filename: String) -> [UInt8] {
        let isPlain = filename.utf8.allSatisfy { $0 >= 32 && $0 < 127 && $0 != 0x22 && $0 != 0x5C }
        guard !isPlain else {
            return HeaderText.field("Content-Disposition", "attachment; filename=\"\(filename)\"")
        }
        let encoded = RFC2231.percentEncoded(filename)
        return HeaderText.field("Content-Disposition", "attachment; filename*=utf-8''\(encoded)")
    }
}
