import MailSyntax

// MAIL, RCPT, DATA and BDAT: check, ask, apply.
extension SMTPSession {
    /// Why MAIL is out of place now, if it is.
    func orderOfMail() -> SMTPReply? {
        if helo == nil { return configuration.requiresTLS && !isTLS ? .startTLSFirst : .helloFirst }
        return transaction == nil ? nil : .nestedMail
    }

    func mail(_ sender: SMTPSender) -> Action {
        if let reply = orderOfMail() { return .reply(reply) }
        // RFC 1870 §6.1
        if let size = sender.size, let limit = limits.messageSize, size > limit { return .reply(.messageTooBig) }
        if sender.isInternationalized, !sender.smtpUTF8 { return .reply(Self.needsUTF8) }
        if case .unqualified = sender.path, login == nil, configuration.authentication != .required,
            !configuration.judgesBareNames
        {
            return .reply(SMTPReply(501, .init(5, 1, 7), "Sender address needs a domain"))
        }
        return .judgeSender(sender)
    }

    // RFC 6531 §3.4, RFC 6531 §3.5: without the option neither part of an address may be other than ASCII
    private static var needsUTF8: SMTPReply {
        SMTPReply(553, .init(5, 6, 7), "Address needs the SMTPUTF8 option")
    }

    /// Policy has spoken about the sender; a positive reply begins the transaction.
    package mutating func senderJudged(_ sender: SMTPSender, _ reply: SMTPReply) -> Action {
        if reply.isPositive { transaction = Transaction(sender: sender) }
        // RFC 3207 §4: who has to log in, and can't before TLS, is told what comes first
        if reply.code == 530, !isTLS, configuration.offersTLS, !configuration.offersClearTextAuthentication {
            return refusedByPolicy(.startTLSFirst)
        }
        return refusedByPolicy(reply)
    }

    /// Why a command that belongs to a transaction is out of place where there is none.
    private var outOfOrder: SMTPReply {
        if let reply = orderOfMail() { return reply }
        if configuration.requiresTLS, !isTLS { return .startTLSFirst }
        if configuration.authentication == .required, login == nil { return .authenticationRequired }
        return .mailFirst
    }

    mutating func rcpt(_ recipient: SMTPRecipient) -> Action {
        guard let transaction else { return .reply(outOfOrder) }
        guard transaction.chunks == .none else { return .reply(.chunksUnderWay) }
        // RFC 5321 §4.5.3.1.10
        guard transaction.recipients < limits.recipients else {
            self.transaction?.refused += 1
            return overshot(.tooManyRecipients)
        }
        if recipient.isInternationalized, !transaction.sender.smtpUTF8 { return .reply(Self.needsUTF8) }
        switch recipient.path {
        // RFC 5321 §4.5.1: postmaster without a domain is always good
        case .unqualified(let local) where local.lowercased() != "postmaster" && !configuration.judgesBareNames:
            return .reply(SMTPReply(501, .init(5, 1, 3), "Recipient address needs a domain"))
        default:
            return .judgeRecipient(recipient)
        }
    }

    /// Policy has spoken about the recipient; a positive reply adds it.
    package mutating func recipientJudged(_ reply: SMTPReply) -> Action {
        if reply.isPositive {
            transaction?.recipients += 1
        } else {
            transaction?.refused += 1
        }
        return reply.isTransient ? overshot(reply) : refusedByPolicy(reply)
    }

    func data() -> Action {
        guard let transaction else { return .reply(outOfOrder) }
        guard transaction.chunks == .none else { return .reply(.chunksUnderWay) }
        // RFC 3030 §3: text that ends with a dot can't be any octets
        guard transaction.sender.body != .binaryMIME else { return .reply(.binaryNeedsChunks) }
        guard transaction.recipients > 0 else { return .reply(withoutRecipients) }
        return .receiveData(.startMail)
    }

    // RFC 2033 §4.2: with LMTP it is 503 in any case
    private var withoutRecipients: SMTPReply {
        transaction?.refused ?? 0 > 0 && configuration.role != .lmtp ? .noValidRecipients : .recipientFirst
    }

    // RFC 3030 §2: the octets come whatever we think of the command
    mutating func bdat(size: Int, isLast: Bool) -> Action {
        isLastChunk = isLast
        guard transaction != nil else { return discard(size, outOfOrder) }
        if case .failed(let reply) = transaction?.chunks { return discard(size, reply) }
        guard let transaction, transaction.recipients > 0 else {
            return discard(size, withoutRecipients)
        }
        var total = 0
        if case .active(let before) = transaction.chunks { total = before }
        let (sum, overflow) = total.addingReportingOverflow(size)
        if overflow || sum > limits.messageSize ?? .max { return discard(size, .messageTooBig) }
        let isFirst = transaction.chunks == .none
        self.transaction?.chunks = .active(total: sum)
        return .receiveChunk(size: size, isFirst: isFirst, isKept: true)
    }

    private mutating func discard(_ size: Int, _ reply: SMTPReply) -> Action {
        transaction?.chunks = .failed(reply)
        pendingRefusal = reply
        return .receiveChunk(size: size, isFirst: true, isKept: false)
    }

    /// DATA is over.
    package mutating func dataEnded(octets: Int, fault: SMTPDataFault?) -> DataVerdict {
        owedReplies = configuration.role == .lmtp ? transaction?.recipients ?? 1 : 1
        guard let fault else { return .accept }
        transaction = nil
        return .refuse(Self.reply(to: fault))
    }

    /// A chunk is over. With a refused last one the transaction is, as with refused DATA.
    package mutating func chunkEnded(octets: Int, fault: SMTPDataFault?) -> DataVerdict {
        // RFC 2033 §4.3: a last chunk is answered as often as there are recipients, be it never
        owedReplies = configuration.role == .lmtp && isLastChunk ? transaction?.recipients ?? 1 : 1
        if let reply = pendingRefusal ?? fault.map(Self.reply(to:)) {
            pendingRefusal = nil
            transaction?.chunks = .failed(reply)
            if isLastChunk { transaction = nil }
            return .refuse(reply)
        }
        guard isLastChunk else {
            return .goOn(SMTPReply(250, .init(2, 0, 0), "\(octets) octets received"))
        }
        return .accept
    }

    static func reply(to fault: SMTPDataFault) -> SMTPReply {
        switch fault {
        case .bareLineEnding: .bareLineEndingInData
        case .lineTooLong: .textLineTooLong
        case .tooLarge: .messageTooBig
        }
    }

    /// The message was taken or refused, and the transaction is over.
    package mutating func messageDone(_ reply: SMTPReply) -> Action {
        transaction = nil
        if reply.isPositive { messageAccepted() }
        return repeated(reply)
    }

    /// The message was taken or refused for each recipient, in the order of RCPT.
    // RFC 2033 §4.2
    package mutating func messageDone(_ replies: [SMTPReply]) -> Action {
        transaction = nil
        if replies.contains(where: \.isPositive) { messageAccepted() }
        return .replies(replies)
    }

    /// A reply as often as it is owed.
    private mutating func repeated(_ reply: SMTPReply) -> Action {
        defer { owedReplies = 1 }
        guard configuration.role == .lmtp else { return refusedByPolicy(reply) }
        return .replies(Array(repeating: reply, count: owedReplies))
    }
}

// BDAT's bookkeeping, for the session task.
extension SMTPSession {
    /// The message may be any octets below its header.
    package var isTakingBinary: Bool { transaction?.sender.body == .binaryMIME }

    /// The data that is coming in belongs to BDAT.
    package var isTakingChunks: Bool {
        if pendingRefusal != nil { return true }
        return (transaction?.chunks ?? .none) != .none
    }

    /// The refusal of `.refuse` is to be sent; it counts as an error.
    package mutating func dataRefused(_ reply: SMTPReply) -> Action { repeated(reply) }
}
