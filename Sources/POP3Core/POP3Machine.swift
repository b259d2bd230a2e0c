/// What the server does next.
package enum POP3Action: Sendable {
    /// Send these octets and go on with the next command.
    case reply([UInt8])
    /// Send this and close.
    case close([UInt8])
    /// Send this line in plaintext, then begin TLS; report with `tlsEstablished` or `tlsRefused`.
    case startTLS([UInt8])
    /// Check this password and report with `loginAccepted`, `loginRefused` or `loginUnavailable`.
    case login(POP3Login)
    /// Hand this to a mechanism and report with `challenge` or as for `login`.
    case exchange(POP3Exchange)
    /// Send all pieces of this, then go on.
    case list(POP3Listing)
    /// Send the message; report with `messageUnavailable` when nothing of it was sent yet and it cannot be read.
    case retrieve(POP3Retrieval)
    /// Remove these messages in one step, then report with `deletionsFinished`.
    case remove(uids: [UInt32])
}

/// A password given with USER and PASS. It is never printed.
package struct POP3Login: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let user: [UInt8]
    package let password: [UInt8]

    package var description: String { "login" }
    package var debugDescription: String { "login" }
}

/// A step of a SASL exchange on the client's side. It is never printed.
package enum POP3Exchange: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// AUTH with a mechanism that was announced, and the initial response in base64 if one was given.
    case start(mechanism: String, initialResponse: [UInt8]?)
    /// A line of the exchange in base64, or `*`.
    case line([UInt8])
    /// A line that was too long.
    case lineTooLong

    package var description: String { "exchange" }
    package var debugDescription: String { "exchange" }
}

/// A message to be sent.
package struct POP3Retrieval: Sendable, Equatable {
    package let entry: POP3Maildrop.Entry
    /// For TOP: how many lines of the body are wanted.
    package let bodyLines: Int?
    /// Whether headers may hold UTF-8; else the client gets a surrogate of a message that does. RFC 6856 §2.1
    package let isUTF8: Bool

    /// The reply's first line.
    /// - Parameter octets: of the message as it is sent.
    package func head(octets: Int) -> [UInt8] {
        POP3Reply.ok(bodyLines == nil ? "\(octets) octets" : "top of message follows")
    }
}

/// How the session is encrypted.
package enum POP3Security: Sendable, Equatable {
    /// Not, and there is no TLS to offer: nobody can log in.
    case plaintextOnly
    /// Not yet; STLS is offered.
    case plaintext
    case encrypted
}

/// The server's side of a POP3 session: RFC 1939 with CAPA (RFC 2449), STLS (RFC 2595) and AUTH (RFC 5034).
///
/// It goes from AUTHORIZATION to TRANSACTION when a login is accepted and its maildrop given, and to UPDATE on QUIT from there.
/// Lines go in with `lineReceived`; an action that asks for a report takes no line until the report was made. Passwords are
/// taken over TLS only. Not here: the idle timer, the mechanisms, the store.
package struct POP3Machine: Sendable {
    enum State: Sendable {
        /// The name that USER gave, for PASS.
        case authorization(user: [UInt8]?)
        /// Between AUTH and its end.
        case exchange
        /// The password is being checked.
        case checking
        case transaction
        /// Deletions are being carried out.
        case update
        case closed
    }

    let limits: POP3Limits
    let implementation: String
    /// How long an account has to wait between logins, in seconds; 0 for not at all.
    let loginDelay: Int
    /// What AUTH offers, in order of preference; some depend on the TLS connection.
    package var mechanisms: [String]
    private let hostname: String
    var security: POP3Security
    var state = State.authorization(user: nil)
    /// The messages and their marks; beside the state, so that a mark does not copy them. Empty before TRANSACTION.
    var maildrop = POP3Maildrop(uidValidity: 0, entries: [])
    /// The client has asked for UTF-8 mode. RFC 6856 §2.1
    var isUTF8 = false
    private var badCommands = 0
    private var failedLogins = 0

    /// - Parameters:
    ///   - hostname: for the greeting.
    ///   - mechanisms: what AUTH offers, in order of preference.
    package init(
        hostname: String,
        security: POP3Security,
        mechanisms: [String] = ["PLAIN", "LOGIN"],
        implementation: String = "Martlet",
        loginDelay: Int = 0,
        limits: POP3Limits = POP3Limits()
    ) {
        self.hostname = hostname
        self.security = security
        self.mechanisms = mechanisms
        self.implementation = implementation
        self.loginDelay = loginDelay
        self.limits = limits
    }

    /// The first line of a session.
    // RFC 1939 §4; without a timestamp in angle brackets, since APOP is not offered
    package var greeting: [UInt8] { POP3Reply.ok("\(hostname) POP3 server ready") }

    /// Whether the next line belongs to an authentication exchange.
    package var isExchanging: Bool {
        if case .exchange = state { true } else { false }
    }

    /// Whether somebody has logged in.
    package var isInTransaction: Bool {
        if case .transaction = state { true } else { false }
    }

    package mutating func lineReceived(_ line: [UInt8]) -> POP3Action {
        if case .exchange = state {
            state = .checking
            return .exchange(.line(line))
        }
        do throws(POP3CommandError) {
            return perform(try POP3Command(parsing: line))
        } catch {
            return bad(error.text)
        }
    }

    package mutating func lineTooLongReceived() -> POP3Action {
        if case .exchange = state {
            state = .checking
            return .exchange(.lineTooLong)
        }
        return bad("line too long")
    }

    /// TLS is on: everything said before is forgotten.
    // RFC 2595 §4
    package mutating func tlsEstablished() {
        security = .encrypted
        isUTF8 = false
        state = .authorization(user: nil)
    }

    /// STLS did not lead to TLS, and the connection still stands in plaintext. The action closes it.
    package mutating func tlsRefused() -> POP3Action {
        state = .closed
        return .close(POP3Reply.error("TLS could not be started"))
    }

    // MARK: reports on logins

    /// The mechanism asks for another line.
    package mutating func challenge(_ base64: String) -> POP3Action {
        state = .exchange
        return .reply(Array("+ \(base64)\r\n".utf8))
    }

    /// The password was right, and this is what the account's INBOX holds.
    package mutating func loginAccepted(_ maildrop: POP3Maildrop) -> POP3Action {
        guard case .checking = state else { return .close([]) }
        state = .transaction
        self.maildrop = maildrop
        return .reply(POP3Reply.ok("logged in, \(maildrop.remaining) messages"))
    }

    /// The password was wrong, the account is unknown or switched off, or the exchange was not to be understood.
    package mutating func loginRefused(_ text: String = "invalid login or password") -> POP3Action {
        failedLogins += 1
        // RFC 3206 §5
        return endOfChecking(POP3Reply.error(text, .auth))
    }

    /// The client cancelled the exchange, or sent what no mechanism understands.
    package mutating func exchangeFailed(_ text: String) -> POP3Action {
        failedLogins += 1
        return endOfChecking(POP3Reply.error(text))
    }

    /// Nothing is known about the password; the client may try again later.
    package mutating func loginUnavailable(_ text: String = "try again later") -> POP3Action {
        failedLogins += 1
        // RFC 3206 §4
        return endOfChecking(POP3Reply.error(text, .temporary))
    }

    /// The password was right, and another session has the maildrop for itself.
    // RFC 2449 §8.1.2
    package mutating func maildropInUse() -> POP3Action {
        failedLogins += 1
        return endOfChecking(POP3Reply.error("another session has this mailbox open", .inUse))
    }

    /// The password was right, and the last login was too short a while ago.
    // RFC 2449 §8.1.1
    package mutating func loggedInTooSoon() -> POP3Action {
        failedLogins += 1
        return endOfChecking(POP3Reply.error("wait \(loginDelay) seconds between logins", .loginDelay))
    }

    private mutating func endOfChecking(_ reply: [UInt8]) -> POP3Action {
        if failedLogins >= limits.failedLogins {
            state = .closed
            return .close(reply)
        }
        state = .authorization(user: nil)
        return .reply(reply)
    }

    // MARK: reports on messages

    /// The message of a retrieval is gone or cannot be read; nothing was sent.
    package func messageUnavailable(_ reason: POP3Unavailability) -> [UInt8] {
        switch reason {
        case .gone: POP3Reply.error("the message is gone")
        case .unreadable: POP3Reply.error("the message cannot be read now", .temporary)
        }
    }

    /// The deletions asked for were made, or none of them.
    package mutating func deletionsFinished(_ result: POP3DeletionResult) -> POP3Action {
        state = .closed
        switch result {
        case .removed: return .close(POP3Reply.ok("bye"))
        // RFC 1939 §6: the server says so and closes
        case .failed: return .close(POP3Reply.error("some deleted messages not removed", .temporary))
        }
    }

    /// The server is stopping.
    package mutating func shutDown() -> POP3Action {
        state = .closed
        return .close(POP3Reply.error("server is shutting down", .temporary))
    }

    mutating func bad(_ text: String, _ code: POP3Reply.Code? = nil) -> POP3Action {
        badCommands += 1
        guard badCommands < limits.badCommands else {
            state = .closed
            return .close(POP3Reply.error("too many bad commands"))
        }
        return .reply(POP3Reply.error(text, code))
    }
}

/// Why a message cannot be sent.
package enum POP3Unavailability: Sendable {
    /// Someone else removed it since the login.
    case gone
    case unreadable
}

/// How the removal of messages went.
package enum POP3DeletionResult: Sendable {
    case removed
    case failed
}
