import MailSyntax

/// The replies that don't depend on a decision.
extension SMTPReply {
    package static let ok = SMTPReply(250, .init(2, 0, 0), "Ok")
    package static let goodbye = SMTPReply(221, .init(2, 0, 0), "Bye")
    package static let startMail = SMTPReply(354, nil, "End data with <CR><LF>.<CR><LF>")
    package static let readyForTLS = SMTPReply(220, .init(2, 0, 0), "Ready to start TLS")
    // RFC 5321 §3.5.3
    package static let cannotVerify = SMTPReply(252, .init(2, 0, 0), "Cannot VRFY user, but will take mail and try")
    package static let unknownCommand = SMTPReply(500, .init(5, 5, 2), "Command not recognized")
    package static let notImplemented = SMTPReply(502, .init(5, 5, 1), "Command not implemented")
    package static let lineTooLong = SMTPReply(500, .init(5, 5, 2), "Line too long")
    package static let bareLineEnding = SMTPReply(500, .init(5, 5, 2), "Lines end with CR LF")
    package static let bareLineEndingInData = SMTPReply(
        554,
        .init(5, 6, 0),
        "Message refused: CR or LF alone, lines end with CR LF"
    )
    package static let textLineTooLong = SMTPReply(554, .init(5, 6, 0), "Message refused: a line is too long")
    package static let severalFromFields = SMTPReply(554, .init(5, 6, 0), "Message refused: more than one From field")
    package static let helloFirst = SMTPReply(503, .init(5, 5, 1), "Send HELO or EHLO first")
    package static let mailFirst = SMTPReply(503, .init(5, 5, 1), "Need MAIL command")
    package static let recipientFirst = SMTPReply(503, .init(5, 5, 1), "Need RCPT command")
    package static let noValidRecipients = SMTPReply(554, .init(5, 5, 1), "No valid recipients")
    package static let nestedMail = SMTPReply(503, .init(5, 5, 1), "Nested MAIL command")
    static let binaryNeedsChunks = SMTPReply(503, .init(5, 5, 1), "A message with BODY=BINARYMIME needs BDAT")
    package static let chunksUnderWay = SMTPReply(503, .init(5, 5, 1), "BDAT transfer under way")
    package static let startTLSFirst = SMTPReply(530, .init(5, 7, 0), "Must issue a STARTTLS command first")
    // RFC 4954 §6
    package static let encryptionRequired = SMTPReply(
        538,
        .init(5, 7, 11),
        "Encryption required: must issue a STARTTLS command first"
    )
    package static let authenticationRequired = SMTPReply(530, .init(5, 7, 0), "Authentication required")
    package static let authenticated = SMTPReply(235, .init(2, 7, 0), "Authentication successful")
    package static let badCredentials = SMTPReply(535, .init(5, 7, 8), "Authentication credentials invalid")
    package static let authenticationFailedTemporarily = SMTPReply(
        454,
        .init(4, 7, 0),
        "Temporary authentication failure"
    )
    package static let authenticationCancelled = SMTPReply(501, .init(5, 7, 0), "Authentication cancelled")
    package static let badBase64 = SMTPReply(501, .init(5, 5, 2), "Cannot decode the response")
    package static let authenticationLineTooLong = SMTPReply(
        500, .init(5, 5, 6), "Authentication exchange line too long")
    package static let unknownMechanism = SMTPReply(504, .init(5, 5, 4), "Unrecognized authentication mechanism")
    package static let tooManyRecipients = SMTPReply(452, .init(4, 5, 3), "Too many recipients")
    package static let messageTooBig = SMTPReply(552, .init(5, 3, 4), "Message size exceeds fixed limit")
    package static let headerTooBig = SMTPReply(552, .init(5, 3, 4), "Message header size exceeds fixed limit")
    package static let loop = SMTPReply(554, .init(5, 4, 6), "Too many hops: mail loop")
    package static let tooManyErrors = SMTPReply(421, .init(4, 7, 0), "Too many errors")
    package static let tooManyCommands = SMTPReply(421, .init(4, 7, 0), "Too many commands that do nothing")
    package static let tooManyLogins = SMTPReply(421, .init(4, 7, 0), "Too many failed logins")
    package static let timeout = SMTPReply(421, .init(4, 4, 2), "Timeout exceeded, closing connection")
    package static let shuttingDown = SMTPReply(421, .init(4, 3, 2), "Service shutting down, closing connection")
    package static let notSMTP = SMTPReply(554, .init(5, 5, 1), "This is a mail server, goodbye")
    package static let spokeBeforeGreeting = SMTPReply(554, .init(5, 5, 1), "You spoke before the greeting, goodbye")
    package static let improperPipelining = SMTPReply(503, .init(5, 5, 0), "Improper use of command pipelining")
    package static let banned = SMTPReply(421, .init(4, 7, 0), "Too much abuse from your address, try later")
    package static let pipelinedTLS = SMTPReply(554, .init(5, 5, 1), "Octets after STARTTLS, goodbye")

    /// A temporary trouble of ours; the id is in the log too.
    package static func localError(_ id: String) -> SMTPReply {
        SMTPReply(451, .init(4, 3, 0), "Local error in processing, id \(id)")
    }

    /// The disk is full; the id is in the log too. // RFC 5321 §4.2.3
    package static func storageFull(_ id: String) -> SMTPReply {
        SMTPReply(452, .init(4, 3, 1), "Insufficient system storage, id \(id)")
    }

    package static func badArguments(_ hint: String) -> SMTPReply {
        SMTPReply(501, .init(5, 5, 4), hint)
    }
}
