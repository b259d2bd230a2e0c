import MailSyntax

// What a client can be told about the server, in the state that the session is in.
extension SMTPSession {
    /// The EHLO keywords.
    package var keywords: [String] {
        var keywords = ["PIPELINING", limits.messageSize.map { "SIZE \($0)" } ?? "SIZE"]
        if offersTLS { keywords.append("STARTTLS") }
        if offersAuthentication { keywords.append("AUTH " + mechanisms.joined(separator: " ")) }
        keywords += ["ENHANCEDSTATUSCODES", "8BITMIME"]
        if offersDSN { keywords.append("DSN") }
        if isTLS { keywords.append("REQUIRETLS") }  // RFC 8689 §2
        if let latestRelease {
            let time = InternetTimestamp.utc(latestRelease)
            keywords.append("FUTURERELEASE \(configuration.futureRelease) \(time)")
        }
        if configuration.offersXClient { keywords.append("XCLIENT " + SMTPXClient.names.joined(separator: " ")) }
        return keywords + ["SMTPUTF8", "CHUNKING", "BINARYMIME", "HELP"]
    }

    /// The answer to HELP names the commands that have an effect now. // RFC 5321 §4.1.1.8
    var help: SMTPReply {
        var verbs = configuration.role == .lmtp ? ["LHLO"] : ["HELO", "EHLO"]
        if offersTLS { verbs.append("STARTTLS") }
        if offersAuthentication { verbs.append("AUTH") }
        verbs += ["MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP", "QUIT"]
        return SMTPReply(214, .init(2, 0, 0), "Commands: " + verbs.joined(separator: " "))
    }

    /// A stranger's reverse-path may be anybody's address: reports of success to it would be backscatter. Where DSN is not
    /// offered, the client's own server says that the message was relayed (RFC 3461 §5.2.2), so nobody goes without.
    var offersDSN: Bool {
        configuration.offersDSN && (configuration.role != .mx || knowsClient || login != nil)
    }

    /// Messages may be sent later: on the ports for users alone, who can log in. // RFC 4865 §4.2
    package var offersFutureRelease: Bool {
        configuration.role == .submission && configuration.authentication != .off && configuration.futureRelease > 0
    }

    /// In whole seconds, as it is told.
    func latestRelease(at now: Timestamp) -> Timestamp {
        Timestamp(seconds: now.seconds + Int64(configuration.futureRelease))
    }

    private var offersTLS: Bool { configuration.offersTLS && !isTLS }

    // RFC 4954 §4, RFC 8314 §3.3: passwords do not travel in plaintext, unless the operator asks for it
    private var offersAuthentication: Bool {
        guard configuration.authentication != .off, login == nil else { return false }
        return isTLS || configuration.offersClearTextAuthentication
    }
}
