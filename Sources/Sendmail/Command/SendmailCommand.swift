import Glibc

/// The `sendmail` command but for the queue: takes a message, hands it to the server, or leaves it in the maildrop.
package struct SendmailCommand {
    package let options: SendmailOptions
    /// The folder with `smtp` and `maildrop`.
    package let directory: String

    package init(options: SendmailOptions, directory: String) {
        self.options = options
        self.directory = directory
    }

    private var socketPath: String { "\(directory)/smtp" }

    /// Takes the message on standard input.
    ///
    /// - Throws: `SendmailFailure`; the message was not taken then, or not for everybody, which the text says.
    package func send(input descriptor: Int32 = STDIN_FILENO) throws(SendmailFailure) {
        let message = MessageInput()
        try message.read(from: descriptor, ignoresDots: options.ignoresDots)
        let envelope = try envelope(of: message)
        addAuthor(to: message, sender: envelope.sender)
        do throws(SendmailFailure) {
            if let refused = try handOver(envelope, message) { return try judge(refused) }
        } catch  where error.status != .temporary {
            throw error
        } catch {
            // The server is there and can't take it now: it will find it in the maildrop.
        }
        try MaildropFile.write(envelope, to: "\(directory)/maildrop") { hand throws(SendmailFailure) in
            try message.forEachPiece(hand)
        }
    }

    /// nil where no server is there.
    private func handOver(_ envelope: LocalEnvelope, _ message: MessageInput) throws(SendmailFailure) -> Handover? {
        guard let socket = SubmissionSocket(path: socketPath) else { return nil }
        let keywords = try socket.begin(as: "localhost")
        let handover = try socket.hand(envelope, keywords: keywords) { hand throws(SendmailFailure) in
            try message.forEachPiece(hand)
        }
        _ = try? socket.command("QUIT")
        return handover
    }

    private func judge(_ handover: Handover) throws(SendmailFailure) {
        let lines = handover.refused.map(\.text)
        guard let first = handover.refused.first else { return }
        let text = lines.joined(separator: "\n")
        let rest = handover.accepted == nil ? "" : "\nthe other recipients get the message"
        // RFC 3463 §3.2, RFC 3463 §3.8
        let status: SendmailFailure.Status =
            first.reply.text.hasPrefix("5.7.")
            ? .noPermission : first.reply.text.hasPrefix("5.1.") ? .noUser : .unavailable
        throw SendmailFailure(status, text + rest)
    }

    // MARK: The envelope

    private func envelope(of message: MessageInput) throws(SendmailFailure) -> LocalEnvelope {
        let written = options.readsRecipients ? HeaderRecipients.of(message.header) : []
        var recipients: [String] = []
        for word in options.recipients {
            // `sendmail 'a@example.org, b@example.org'` is as old as the command.
            for one in word.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
                recipients.append(
                    one.hasPrefix("<") && one.hasSuffix(">") ? String(one.dropFirst().dropLast()) : String(one))
            }
        }
        recipients += written
        guard !recipients.isEmpty else {
            throw SendmailFailure(.usage, "Recipient addresses must be specified on the command line or by -t")
        }
        guard recipients.count <= SendmailLimits.recipients else {
            throw SendmailFailure(.data, "more than \(SendmailLimits.recipients) recipients")
        }
        let sender = options.sender ?? userName(getuid()) ?? "uid-\(getuid())"
        for address in recipients + (sender.isEmpty ? [] : [sender]) where !LocalEnvelope.isPlain(address) {
            throw SendmailFailure(.data, "bad address: \(address)")
        }
        var envelope = LocalEnvelope(sender: sender, recipients: recipients)
        do throws(SendmailOptions.Misuse) {
            envelope.mailParameters = try options.mailParameters
            envelope.recipientParameters = try options.recipientParameters
        } catch {
            throw SendmailFailure(.usage, error.text)
        }
        return envelope
    }

    /// A message without From gets one with the user's full name; the server completes the rest.
    private func addAuthor(to message: MessageInput, sender: String) {
        var header = message.header
        if header.starts(with: "From ".utf8) || header.starts(with: ">From ".utf8), let end = header.firstIndex(of: 10)
        {
            header = Array(header[(end + 1)...])
            message.replaceHeader(header)
        }
        guard let name = options.fullName ?? getenv("NAME").map({ String(cString: $0) }),
            !HeaderRecipients.hasAuthor(header)
        else { return }
        let plain = name.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F && $0 != "\"" && $0 != "\\" }
        guard !plain.isEmpty else { return }
        let address = sender.isEmpty ? userName(getuid()) ?? "" : sender
        message.prepend("From: \"\(String(String.UnicodeScalarView(plain)))\" <\(address)>\n")
    }

    // MARK: Other modes

    /// `-bv`: says of each recipient whether the server would take it.
    package func verify() throws(SendmailFailure) -> (lines: [String], allGood: Bool) {
        guard !options.recipients.isEmpty else { throw SendmailFailure(.usage, "-bv needs recipients") }
        guard let socket = SubmissionSocket(path: socketPath) else {
            throw SendmailFailure(.temporary, "the mail server is down")
        }
        _ = try socket.begin(as: "localhost")
        var lines: [String] = []
        var allGood = true
        let mail = try socket.command("MAIL FROM:<\(options.sender ?? userName(getuid()) ?? "")>")
        guard mail.isPositive else { throw SendmailFailure(.noPermission, mail.text) }
        for recipient in options.recipients {
            guard LocalEnvelope.isPlain(recipient) else { throw SendmailFailure(.data, "bad address: \(recipient)") }
            let answer = try socket.command("RCPT TO:<\(recipient)>")
            allGood = allGood && answer.isPositive
            lines.append("\(recipient)... \(answer.isPositive ? "deliverable" : answer.text)")
        }
        _ = try? socket.command("QUIT")
        return (lines, allGood)
    }

    /// `-bs`: SMTP between standard input and output and the server, until one of them ends.
    package func speakSMTP() throws(SendmailFailure) {
        guard let socket = SubmissionSocket(path: socketPath) else {
            _ = writeAll(STDOUT_FILENO, "421 4.3.2 The mail server is down\r\n".utf8)
            throw SendmailFailure(.temporary, "the mail server is down")
        }
        var places = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket.handle, events: Int16(POLLIN), revents: 0),
        ]
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            guard poll(&places, 2, -1) >= 0 || errno == EINTR else { return }
            for (index, target) in [socket.handle, STDOUT_FILENO].enumerated() where places[index].revents != 0 {
                let count = chunk.withUnsafeMutableBytes { Glibc.read(places[index].fd, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    guard index == 0 else { return }
                    // The server still answers what it has heard.
                    shutdown(socket.handle, Int32(SHUT_WR))
                    places[0].fd = -1
                } else if !writeAll(target, chunk[..<count]) {
                    return
                }
            }
        }
    }
}

extension HeaderRecipients {
    static func hasAuthor(_ header: [UInt8]) -> Bool {
        header.split(separator: 10).contains { line in
            String(decoding: line.prefix(5), as: UTF8.self).lowercased() == "from:"
        }
    }
}
