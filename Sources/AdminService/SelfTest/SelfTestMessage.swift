import MailSyntax

/// A message of the self-test: long enough, odd enough, and found again by its id.
struct SelfTestMessage: Sendable {
    let id: String
    /// CRLF lines; the header and then the body.
    let bytes: [UInt8]
    let body: [UInt8]

    init(from: String, to: [String], name: String, now: Timestamp) {
        var source = SystemRandomNumberGenerator()
        let unique = String(source.next() as UInt64, radix: 36)
        id = "<\(name).\(unique)@selftest.martlet.invalid>"
        let header = """
            From: Martlet self-test <\(from)>
            To: \(to.map { "<\($0)>" }.joined(separator: ",\n "))
            Subject: Martlet self-test (\(name))
            Date: \(InternetDate.format(now))
            Message-ID: \(id)
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit
            Auto-Submitted: auto-generated
            """
        let text = """
            This is the self-test of a Martlet server. It removes this message again.

            .A line that begins with a dot, and one that is nothing else:
            .
            Größe, naïve, 燕 and a long line: \(String(repeating: "0123456789", count: 60))
            \tA tab, and blanks at the end  \u{20}

            \(unique)
            """
        body = Self.crlf(text)
        bytes = Self.crlf(header + "\n") + body
    }

    private static func crlf(_ text: String) -> [UInt8] {
        Array(text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\r\n" }.joined().utf8)
    }
}
