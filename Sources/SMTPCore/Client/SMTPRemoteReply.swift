package import MailSyntax

/// A reply of a remote server. // RFC 5321 §4.2
package struct SMTPRemoteReply: Sendable, Hashable {
    /// 200 to 599.
    package var code: Int
    /// The lines without code and separator; at least one, which may be empty.
    package var lines: [String]

    package init(code: Int, lines: [String]) {
        self.code = code
        self.lines = lines.isEmpty ? [""] : lines
    }

    /// Positive completion; 3xx, which asks for more, is expected in its own places only. // RFC 5321 §4.2.1
    package var isPositive: Bool { (200..<300).contains(code) }
    package var isTemporary: Bool { (400..<500).contains(code) }
    package var isPermanent: Bool { code >= 500 }

    /// The enhanced status code of the first line, when its class is the reply's. // RFC 2034 §4
    package var status: EnhancedStatusCode? {
        guard let word = lines.first?.split(separator: " ").first, let status = EnhancedStatusCode(parsing: word),
            status.classDigit == code / 100
        else { return nil }
        return status
    }

    /// The status, or the general one of the reply's class.
    package var statusOrDefault: EnhancedStatusCode { status ?? EnhancedStatusCode(min(max(code / 100, 2), 5), 0, 0) }

    /// The text of all lines without their status codes, in one line of bounded length.
    package var text: String {
        let prefix = status.map { "\($0)" }
        let texts = lines.map { line -> Substring in
            guard let prefix, line.hasPrefix(prefix) else { return line[...] }
            return line.dropFirst(prefix.count).drop { $0 == " " }
        }
        return String(texts.joined(separator: " ").prefix(1000))
    }
}

/// What the framer makes of a server's octets.
package enum SMTPReplyFrame: Sendable, Hashable {
    case reply(SMTPRemoteReply)
    /// Not SMTP, or beyond every limit; the text says what was wrong. Nothing follows.
    case nonsense(String)
}
