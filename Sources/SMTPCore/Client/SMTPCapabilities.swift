/// What a server offers in its reply to EHLO. // RFC 5321 §4.1.1.1
package struct SMTPCapabilities: Sendable, Hashable {
    package private(set) var keywords: [String: [String]] = [:]

    package init() {}

    /// The first line is the server's greeting; malformed lines are passed over.
    package init(_ reply: SMTPRemoteReply) {
        for line in reply.lines.dropFirst() {
            // "AUTH=LOGIN" is what old servers write for "AUTH LOGIN"; both may stand side by side.
            let words = line.split(whereSeparator: { $0 == " " || $0 == "=" }).map(String.init)
            guard let keyword = words.first?.uppercased() else { continue }
            keywords[keyword, default: []] += words.dropFirst()
        }
    }

    package func offers(_ keyword: String) -> Bool { keywords[keyword] != nil }

    package var offersPipelining: Bool { offers("PIPELINING") }  // RFC 2920
    package var offersStartTLS: Bool { offers("STARTTLS") }  // RFC 3207
    package var offersEightBit: Bool { offers("8BITMIME") }  // RFC 6152
    package var offersSMTPUTF8: Bool { offers("SMTPUTF8") }  // RFC 6531
    package var offersSize: Bool { offers("SIZE") }  // RFC 1870

    package var offersDSN: Bool { offers("DSN") }  // RFC 3461
    package var offersRequireTLS: Bool { offers("REQUIRETLS") }  // RFC 8689 §2
    package var offersChunking: Bool { offers("CHUNKING") }  // RFC 3030 §2
    package var offersBinary: Bool { offersChunking && offers("BINARYMIME") }  // RFC 3030 §3

    /// The largest message it takes, in octets; nil when it names none.
    package var maximumSize: Int? {
        guard let text = keywords["SIZE"]?.first, let size = Int(text), size > 0 else { return nil }
        return size
    }

    /// The SASL mechanisms, in capitals.
    package var mechanisms: [String] { (keywords["AUTH"] ?? []).map { $0.uppercased() } }
}
