/// A message's envelope as a program of this host gave it; addresses as written, maybe without a domain.
package struct LocalEnvelope: Sendable, Equatable {
    /// Empty: the null sender.
    package var sender: String
    package var recipients: [String]
    /// Parameters of MAIL and RCPT, each with a blank in front.
    package var mailParameters = ""
    package var recipientParameters = ""

    package init(sender: String, recipients: [String]) {
        self.sender = sender
        self.recipients = recipients
    }

    /// Fit for a line of SMTP. Anything else would be a way to say more than one command.
    static func isPlain(_ address: String) -> Bool {
        address.utf8.count <= 512 && !address.isEmpty
            && address.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "<" && $0 != ">" }
            && !(0x80...0x9F).contains(address.unicodeScalars.first?.value ?? 0)
    }
}

/// What became of a message that was handed over.
struct Handover: Sendable {
    struct Refusal: Sendable, Equatable {
        var recipient: String
        var reply: SubmissionReply

        /// With the recipient, which most replies name themselves.
        var text: String { reply.text.contains("<\(recipient)>") ? reply.text : "<\(recipient)>: \(reply.text)" }
    }

    /// The server's answer to the text; nil where nobody was to have it.
    var accepted: SubmissionReply?
    var refused: [Refusal] = []
}

extension SubmissionSocket {
    /// Greeting and EHLO.
    ///
    /// - Parameter name: says whose mail it is, where the server itself brings it.
    /// - Returns: the keywords offered.
    func begin(as name: String) throws(SendmailFailure) -> Set<String> {
        let greeting = try reply()
        guard greeting.isPositive else { throw SendmailFailure(.temporary, "the server says \(greeting.text)") }
        let hello = try command("EHLO \(name)")
        guard hello.isPositive else { throw SendmailFailure(.temporary, "the server says \(hello.text)") }
        return Set(hello.lines.compactMap { $0.split(separator: " ").first.map { $0.uppercased() } })
    }

    /// One transaction.
    ///
    /// - Throws: with `temporary` where the message may go later; otherwise what the sender did wrong.
    func hand(
        _ envelope: LocalEnvelope, keywords: Set<String>,
        text: ((ArraySlice<UInt8>) throws(SendmailFailure) -> Void) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) -> Handover {
        var handover = Handover()
        let needsUTF8 = ([envelope.sender] + envelope.recipients).contains { $0.utf8.contains { $0 >= 0x80 } }
        let more = (keywords.contains("8BITMIME") ? " BODY=8BITMIME" : "") + (needsUTF8 ? " SMTPUTF8" : "")
        let dsn = keywords.contains("DSN")
        let mail = try command("MAIL FROM:<\(envelope.sender)>\(more)\(dsn ? envelope.mailParameters : "")")
        try Self.check(mail, "the sender <\(envelope.sender)>")
        var taken = 0
        for recipient in envelope.recipients {
            let answer = try command("RCPT TO:<\(recipient)>\(dsn ? envelope.recipientParameters : "")")
            if answer.isPositive {
                taken += 1
            } else if answer.isTransient {
                throw SendmailFailure(.temporary, "<\(recipient)>: \(answer.text)")
            } else {
                handover.refused.append(.init(recipient: recipient, reply: answer))
            }
        }
        guard taken > 0 else { return handover }
        let data = try command("DATA")
        guard data.code == 354 else {
            throw SendmailFailure(data.isTransient ? .temporary : .unavailable, "the server says \(data.text)")
        }
        try text { piece throws(SendmailFailure) in try self.sendText(piece) }
        let end = try finishText()
        try Self.check(end, "the message")
        handover.accepted = end
        return handover
    }

    private static func check(_ reply: SubmissionReply, _ what: String) throws(SendmailFailure) {
        guard !reply.isPositive else { return }
        if reply.isTransient { throw SendmailFailure(.temporary, "\(what): \(reply.text)") }
        throw SendmailFailure(reply.text.hasPrefix("5.7.") ? .noPermission : .data, "\(what): \(reply.text)")
    }
}
