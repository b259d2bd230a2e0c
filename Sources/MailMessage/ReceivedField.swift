package import MailSyntax

/// The trace field put on top of each message (RFC 5321 §4.4), in the shape that filters of Postfix's users match.
package struct ReceivedField: Sendable {
    /// What the client said in EHLO.
    package var helo: String
    /// The verified name of the client; nil is shown as `unknown`.
    package var reverseName: String?
    package var client: IPAddress
    package var tls: (version: String, cipher: String, bits: Int)?
    /// The login, shown only when given.
    package var authenticatedSender: String?
    /// Instead of the client: the user of this host whose program brought the message.
    package var localUser: String?
    package var hostname: String
    /// RFC 3848: `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `LMTP`, `UTF8SMTP` …
    package var `protocol`: String
    package var id: MailID
    /// Only where there is one recipient, since others must not learn of each other.
    package var forRecipient: EmailAddress?
    package var date: Timestamp
    /// Minutes east of UTC; nil takes the zone of the host.
    package var offsetMinutes: Int?

    package init(
        helo: String,
        reverseName: String?,
        client: IPAddress,
        tls: (version: String, cipher: String, bits: Int)? = nil,
        authenticatedSender: String? = nil,
        hostname: String,
        protocol: String,
        id: MailID,
        forRecipient: EmailAddress? = nil,
        date: Timestamp,
        offsetMinutes: Int? = nil
    ) {
        self.helo = helo
        self.reverseName = reverseName
        self.client = client
        self.tls = tls
        self.authenticatedSender = authenticatedSender
        self.hostname = hostname
        self.protocol = `protocol`
        self.id = id
        self.forRecipient = forRecipient
        self.date = date
        self.offsetMinutes = offsetMinutes
    }

    /// The whole field with CRLF.
    package func render() -> [UInt8] {
        let name = reverseName.map(safe) ?? "unknown"
        if let localUser { return renderLocal(localUser) }
        var out = "Received: from \(safe(helo)) (\(name) \(client.addressLiteral))\r\n\t"
        if let tls {
            let cipher = safe(tls.cipher)
            out += "(using \(safe(tls.version)) with cipher \(cipher) (\(tls.bits)/\(tls.bits) bits))\r\n\t"
        }
        if let authenticatedSender {
            out += "(Authenticated sender: \(safe(authenticatedSender)))\r\n\t"
        }
        out += "by \(hostname) (Martlet) with \(`protocol`) id \(id)"
        if let forRecipient { out += "\r\n\tfor <\(forRecipient)>" }
        out += "; \(InternetDate.format(date, offsetMinutes: offsetMinutes))\r\n"
        return Array(out.utf8)
    }

    // RFC 5321 §4.4: a message that came by no connection has no From clause.
    private func renderLocal(_ user: String) -> [UInt8] {
        let words = user.split(separator: " ").map { safe($0.filter { !"()".contains($0) }) }
        var out = "Received: by \(hostname) (Martlet, from \(words.joined(separator: " ")))\r\n\tid \(id)"
        if let forRecipient { out += " for <\(forRecipient)>" }
        out += "; \(InternetDate.format(date, offsetMinutes: offsetMinutes))\r\n"
        return Array(out.utf8)
    }

    /// What a client said may not end a comment or a line, or look like another clause.
    private func safe(_ text: String) -> String {
        guard !text.isEmpty else { return "unknown" }
        // RFC 6531 §3.7.3: only a message that came with SMTPUTF8 may have other than ASCII in its header
        let allowsUnicode = `protocol`.hasPrefix("UTF8")
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(255) {
            let isPlain = scalar.value > 32 && scalar.value < 127 && !"()<>;\\\"".unicodeScalars.contains(scalar)
            out.append(isPlain || (allowsUnicode && scalar.value >= 0xA0) ? scalar : "?")
        }
        return String(out)
    }
}
