package import MailSyntax

/// What a server says about itself on one listener.
package struct SMTPSessionConfiguration: Sendable {
    /// Which rules hold.
    package enum Role: Sendable, Hashable {
        /// Mail from other servers (25).
        case mx
        /// Mail from users (587, 465).
        case submission
        /// Mail for mailboxes here, from a program that has it already.
        case lmtp
        /// Mail from printers, scripts and old appliances.
        case device
        /// Mail from programs of this host, by the `sendmail` command.
        case sendmail
    }

    /// Logins.
    package enum Authentication: Sendable, Hashable {
        /// Offered; who is let in without one is policy's to say.
        case required
        case optional
        case off
    }

    /// In the greeting and in EHLO.
    package var hostname: String
    package var role: Role
    /// STARTTLS can be offered.
    package var offersTLS: Bool
    package var limits: SMTPLimits
    package var authentication: Authentication
    /// AUTH is offered without TLS too.
    package var offersClearTextAuthentication = false
    /// The SASL mechanisms of AUTH, before TLS; ``SMTPSession/mechanisms`` are those of the session as it is.
    package var mechanisms = ["PLAIN", "LOGIN"]
    /// Names without a domain are policy's to complete; for clients of our own networks.
    package var judgesBareNames = false
    package var workarounds: SMTPWorkarounds = .all
    /// The DSN extension is offered; on the port for other servers to clients of ours alone
    /// (``SMTPSession/knowsClient``).
    package var offersDSN = true
    /// How long a message may wait for the time that its sender chooses, in seconds; 0 offers nothing. For users alone.
    package var futureRelease = 0
    /// The client may say on whose behalf it speaks.
    package var offersXClient = false

    package init(hostname: String, role: Role, offersTLS: Bool, limits: SMTPLimits) {
        self.hostname = hostname
        self.role = role
        self.offersTLS = offersTLS
        self.limits = limits
        authentication = role == .submission ? .required : .off
    }

    /// Users log in here and their passwords go over TLS alone: before it nothing else is answered.
    // RFC 3207 §4, RFC 8314 §3.3
    var requiresTLS: Bool { role == .submission && authentication == .required && !offersClearTextAuthentication }
}

/// The server's side of one SMTP connection, as a value: frames in, actions out.
///
/// Responsibilities: the order of commands, syntax, limits, and every reply that doesn't depend on policy or storage.
/// States: not greeted → greeted → (authenticated) → in a transaction → taking data or chunks. A transaction
/// is a value of its own; RSET, HELO, EHLO and STARTTLS replace it. // RFC 5321 §4.1.4
/// Not here: who may send what to whom (`.judgeSender`, `.judgeRecipient`), passwords (`.authenticate`), octets of
/// messages (the framer counts them), time.
package struct SMTPSession: Sendable {
    /// What the session task does next. `reply` in the name of a case: send it and go on with the next frame.
    package enum Action: Sendable, Hashable {
        case reply(SMTPReply)
        /// Send them all: those of a message's recipients, one for each.
        case replies([SMTPReply])
        /// Send it, then close.
        case close(SMTPReply)
        /// Hand it to the transport; continue with ``SMTPSession/tlsEstablished()``.
        case startTLS(SMTPReply)
        /// Run the exchange; continue with ``SMTPSession/authenticationEnded(_:login:)``.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// Take what it says of the client; continue with ``SMTPSession/impersonated(_:login:)``.
        case impersonate(SMTPXClient)
        /// Continue with ``SMTPSession/senderJudged(_:)``.
        case judgeSender(SMTPSender)
        /// Continue with ``SMTPSession/recipientJudged(_:)``.
        case judgeRecipient(SMTPRecipient)
        /// Send it and expect data; continue with ``SMTPSession/dataEnded(octets:fault:)``.
        case receiveData(SMTPReply)
        /// Expect a chunk; continue with ``SMTPSession/chunkEnded(octets:fault:)``. `isKept`: its octets belong to the
        /// message, else they are thrown away.
        case receiveChunk(size: Int, isFirst: Bool, isKept: Bool)
    }

    /// What is to become of the data that has ended.
    package enum DataVerdict: Sendable, Hashable {
        /// Store it, then ``SMTPSession/messageDone(_:)`` with ``SMTPSession/owedReplies`` replies.
        case accept
        /// A chunk that was not the last: send the reply.
        case goOn(SMTPReply)
        /// Forget it: the transaction is over.
        case refuse(SMTPReply)
    }

    enum Chunks: Sendable, Hashable {
        case none
        /// Taking chunks; `total` includes the one that is coming in.
        case active(total: Int)
        /// One was refused: the rest is thrown away until RSET. // RFC 3030 §2
        case failed(SMTPReply)
    }

    struct Transaction: Sendable {
        var sender: SMTPSender
        var recipients = 0
        /// A recipient was refused, so that DATA without one says why.
        var refused = 0
        var chunks = Chunks.none
    }

    package let configuration: SMTPSessionConfiguration
    private var parser: SMTPCommandParser
    /// The name given with HELO or EHLO.
    package private(set) var helo: String?
    /// EHLO was used, not HELO.
    package private(set) var isExtended = false
    package private(set) var isTLS: Bool
    /// The address that logged in.
    package private(set) var login: String?
    /// The latest time that the client was told in EHLO it may choose for its message; nil where nothing was offered.
    // RFC 4865 §4.2
    package private(set) var latestRelease: Timestamp?
    /// The client is of a network of ours.
    package var knowsClient = false
    var transaction: Transaction?
    private var now: Timestamp?
    /// What to answer when the octets of a refused BDAT have gone by.
    var pendingRefusal: SMTPReply?
    /// The chunk that is coming in says it is the last.
    var isLastChunk = false
    /// Replies that the data which has just ended is owed: one, or with LMTP one for each recipient.
    package internal(set) var owedReplies = 1
    private var errors = 0
    private var idleCommands = 0
    private var loginFailures = 0
    /// The verb of the last command, for events and logs; "other" when it was none.
    package private(set) var lastVerb = "connect"

    /// The SASL mechanisms of AUTH now: some depend on the TLS connection.
    package var mechanisms: [String]

    package init(configuration: SMTPSessionConfiguration, isTLS: Bool) {
        self.configuration = configuration
        mechanisms = configuration.mechanisms
        self.isTLS = isTLS
        var parser = SMTPCommandParser()
        parser.workarounds = configuration.workarounds
        parser.isLMTP = configuration.role == .lmtp
        parser.offersAuthentication = configuration.authentication != .off
        self.parser = parser
    }

    var limits: SMTPLimits { configuration.limits }

    // RFC 5321 §4.3.1
    package var greeting: SMTPReply {
        SMTPReply(220, nil, "\(configuration.hostname) \(configuration.role == .lmtp ? "LMTP" : "ESMTP") Martlet")
    }

    /// The keyword of the "with" clause in Received. // RFC 3848 §2, RFC 6531 §4.3
    package var protocolName: String {
        guard isExtended else { return "SMTP" }
        let base =
            switch (transaction?.sender.smtpUTF8 == true, configuration.role == .lmtp) {
            case (false, false): "ESMTP"
            case (true, false): "UTF8SMTP"
            case (false, true): "LMTP"
            case (true, true): "UTF8LMTP"
            }
        return base + (isTLS ? "S" : "") + (login != nil ? "A" : "")
    }

    /// A message is being described or sent.
    package var isInTransaction: Bool { transaction != nil }

    // MARK: frames

    /// A command line came, without its CRLF.
    ///
    /// - Parameter now: nil where nothing depends on it (``offersFutureRelease``).
    package mutating func lineReceived(_ line: [UInt8], now: Timestamp? = nil) -> Action {
        parser.offersDSN = offersDSN
        parser.offersRequireTLS = isTLS
        parser.offersFutureRelease = latestRelease != nil
        if offersFutureRelease { self.now = now }
        do {
            let command = try parser.parse(line)
            lastVerb = command.verb.lowercased()
            return counted(perform(command))
        } catch {
            switch error {
            case .otherProtocol:
                lastVerb = "other"
                return .close(.notSMTP)
            case .unknownCommand:
                lastVerb = "other"
                return counted(.reply(.unknownCommand))
            case .arguments(let reply):
                lastVerb = Self.verb(of: line)
                return counted(.reply(ordered(reply)))
            }
        }
    }

    /// A line over its limit, or one that didn't end with CR LF, was skipped.
    package mutating func brokenLineReceived(_ reply: SMTPReply) -> Action {
        lastVerb = "other"
        return counted(.reply(reply))
    }

    private static func verb(of line: [UInt8]) -> String {
        String(decoding: line.prefix { $0 != 0x20 }.prefix(8), as: UTF8.self).lowercased()
    }

    /// A wrong order is told before wrong arguments where both are wrong.
    private func ordered(_ reply: SMTPReply) -> SMTPReply {
        switch lastVerb {
        case "mail": orderOfMail() ?? reply
        case "rcpt": transaction == nil ? .mailFirst : reply
        default: reply
        }
    }

    private mutating func perform(_ command: SMTPCommand) -> Action {
        switch command {
        case .helo(let name): return hello(name, isExtended: false)
        case .ehlo(let name): return hello(name, isExtended: true)
        case .mail(let sender): return mail(sender)
        case .rcpt(let recipient): return rcpt(recipient)
        case .data: return data()
        case .bdat(let size, let isLast): return bdat(size: size, isLast: isLast)
        case .auth(let mechanism, let initial): return auth(mechanism, initial)
        case .startTLS: return startTLS()
        case .quit: return .close(.goodbye)
        case .rset:
            transaction = nil
            return idle(.ok)
        case .noop: return idle(.ok)
        case .vrfy, .expn:
            // RFC 3207 §4: where TLS is required, nothing else is answered before it
            if configuration.requiresTLS, !isTLS { return .reply(.startTLSFirst) }
            if case .expn = command { return idle(.notImplemented) }
            return idle(.cannotVerify)
        case .help: return idle(help)
        case .xclient(let client): return xclient(client)
        }
    }

    // MARK: counting

    private mutating func idle(_ reply: SMTPReply) -> Action {
        idleCommands += 1
        return idleCommands > limits.idleCommands ? .close(.tooManyCommands) : .reply(reply)
    }

    /// Counts a refusal; past the limit the session ends.
    private mutating func counted(_ action: Action) -> Action {
        guard case .reply(let reply) = action, reply.isPermanent else { return action }
        return countError() ? .close(.tooManyErrors) : action
    }

    private mutating func countError() -> Bool {
        errors += 1
        return errors > limits.errors
    }

    /// A recipient put off for now is no error, but a transaction that has had as many of them as it may have recipients
    /// gets nowhere.
    mutating func overshot(_ reply: SMTPReply) -> Action {
        guard transaction?.refused ?? 0 > limits.recipients else { return .reply(reply) }
        return countError() ? .close(.tooManyErrors) : .reply(reply)
    }

    // MARK: hello, TLS, AUTH

    // RFC 5321 §4.1.1.1, RFC 5321 §4.1.4: also resets
    private mutating func hello(_ name: String, isExtended: Bool) -> Action {
        transaction = nil
        helo = name
        self.isExtended = isExtended
        // The keyword tells whole seconds.
        latestRelease = isExtended ? now.map { latestRelease(at: $0) } : nil
        guard isExtended else { return idle(SMTPReply(250, nil, configuration.hostname)) }
        return idle(SMTPReply(250, nil, lines: [configuration.hostname] + keywords))
    }

    // RFC 3207 §4
    private func startTLS() -> Action {
        if isTLS { return .reply(SMTPReply(503, .init(5, 5, 1), "TLS is already on")) }
        guard configuration.offersTLS else { return .reply(.notImplemented) }
        return .startTLS(.readyForTLS)
    }

    /// The handshake is done: nothing that was said before counts. // RFC 3207 §4.2
    package mutating func tlsEstablished() {
        isTLS = true
        helo = nil
        isExtended = false
        login = nil
        latestRelease = nil
        transaction = nil
    }

    private func xclient(_ client: SMTPXClient) -> Action {
        guard configuration.offersXClient else {
            return .reply(SMTPReply(550, .init(5, 7, 0), "XCLIENT is not allowed from here"))
        }
        guard transaction == nil else {
            return .reply(SMTPReply(503, .init(5, 5, 1), "Not during a mail transaction"))
        }
        return .impersonate(client)
    }

    /// The session begins anew on behalf of another client; what it is answered is a greeting.
    ///
    /// - Parameter login: who has logged in, as far as the session knew or was told.
    package mutating func impersonated(_ client: SMTPXClient, login: String?) -> Action {
        transaction = nil
        latestRelease = nil
        helo = client.helo?.value
        isExtended = helo != nil && client.isExtended ?? true
        self.login = login
        return idle(greeting)
    }

    private func auth(_ mechanism: String, _ initialResponse: [UInt8]?) -> Action {
        guard configuration.authentication != .off else { return .reply(.notImplemented) }
        guard isTLS || configuration.offersClearTextAuthentication else { return .reply(.encryptionRequired) }
        guard isExtended else { return .reply(.helloFirst) }
        if login != nil { return .reply(SMTPReply(503, .init(5, 5, 1), "Already authenticated")) }
        if transaction != nil { return .reply(SMTPReply(503, .init(5, 5, 1), "Not during a mail transaction")) }
        guard mechanisms.contains(mechanism) else { return .reply(.unknownMechanism) }
        return .authenticate(mechanism: mechanism, initialResponse: initialResponse)
    }

    /// The AUTH exchange is over; `login` when it succeeded.
    package mutating func authenticationEnded(_ reply: SMTPReply, login: String?) -> Action {
        if let login {
            self.login = login
            return .reply(reply)
        }
        if reply.code == 535 {
            loginFailures += 1
            if loginFailures >= limits.loginFailures { return .close(.tooManyLogins) }
        }
        return counted(.reply(reply))
    }

    /// How many logins failed so far; the session task delays its answer by it.
    package var failedLogins: Int { loginFailures }

    /// A refusal by policy is an error of the client's too; not with LMTP, where one connection brings the mail of many.
    mutating func refusedByPolicy(_ reply: SMTPReply) -> Action {
        configuration.role == .lmtp ? .reply(reply) : counted(.reply(reply))
    }

    /// A message was accepted: idle commands count anew.
    mutating func messageAccepted() { idleCommands = 0 }
}
