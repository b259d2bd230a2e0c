/// Where a transcript begins: on which kind of listener, and what was said before.
package struct TranscriptState: Sendable {
    package enum Listener: Sendable {
        /// Mail from other servers; the only kind that IMAP and POP3 have.
        case standard
        case submission
        case lmtp
        /// Logins in the clear are offered.
        case device
    }

    /// How IMAP and POP3 are set up.
    package enum Setup: Sendable {
        case standard
        /// Every mechanism is offered, also those that are off until an operator asks for them.
        case everyMechanism
        /// The account has just logged in, and waits an hour until it may again.
        case waiting
    }

    package let listener: Listener
    package let setup: Setup
    /// TLS from the first octet; else it is offered.
    package let hasImplicitTLS: Bool
    /// The dialogue that leads there.
    package let opening: Transcript

    private init(
        _ name: String, _ listener: Listener, _ setup: Setup = .standard, tls: Bool, _ opening: String...
    ) throws(TranscriptError) {
        self.listener = listener
        self.setup = setup
        hasImplicitTLS = tls
        self.opening = try Transcript(opening: opening.joined(separator: "\n"), name: "the way to \(name)")
    }

    /// - Throws: when the protocol has no such state.
    package static func named(_ name: String, of protocolName: String) throws(TranscriptError) -> TranscriptState {
        let state =
            switch protocolName {
            case "smtp": try smtp(name)
            case "imap": try imap(name)
            default: try pop3(name)
            }
        guard let state else { throw TranscriptError(protocolName, 1, "no such state: \(name)") }
        return state
    }

    private static let lhlo = "C: LHLO walker.example\nS* 250 …"
    private static let hello = "C: EHLO walker.example\nS* 250 …"
    private static let smtpTLS = "C: STARTTLS\nS: 220 …\n# tls"

    private static func smtp(_ name: String) throws(TranscriptError) -> TranscriptState? {
        let greeting = "S: 220 …"
        return switch name {
        case "mx-start": try .init(name, .standard, tls: false)
        case "mx": try .init(name, .standard, tls: false, greeting, hello)
        case "mx-tls": try .init(name, .standard, tls: false, greeting, hello, smtpTLS, hello)
        case "submission-start": try .init(name, .submission, tls: false)
        case "submission": try .init(name, .submission, tls: false, greeting, hello)
        case "submission-tls": try .init(name, .submission, tls: false, greeting, hello, smtpTLS, hello)
        case "submissions-start": try .init(name, .submission, tls: true)
        case "submissions": try .init(name, .submission, tls: true, greeting, hello)
        case "lmtp-start": try .init(name, .lmtp, tls: false)
        case "lmtp": try .init(name, .lmtp, tls: false, greeting, lhlo)
        case "device-start": try .init(name, .device, tls: false)
        case "device": try .init(name, .device, tls: false, greeting, hello)
        case "login":
            try .init(name, .submission, tls: true, greeting, hello, "C: AUTH PLAIN PLAIN64\nS: 235 …")
        default: nil
        }
    }

    private static func imap(_ name: String) throws(TranscriptError) -> TranscriptState? {
        let greeting = "S: * OK …"
        return switch name {
        case "plain-start": try .init(name, .standard, tls: false)
        case "plain": try .init(name, .standard, tls: false, greeting)
        case "starttls":
            try .init(name, .standard, tls: false, greeting, "C: t STARTTLS\nS: t OK …\n# tls")
        case "tls-start": try .init(name, .standard, tls: true)
        case "tls": try .init(name, .standard, tls: true, greeting)
        case "every-mechanism": try .init(name, .standard, .everyMechanism, tls: true, greeting)
        case "login":
            try .init(name, .standard, tls: true, greeting, "C: l LOGIN ACCOUNT \"PASSWORD\"\nS* l OK …")
        default: nil
        }
    }

    private static func pop3(_ name: String) throws(TranscriptError) -> TranscriptState? {
        let greeting = "S: +OK…"
        return switch name {
        case "plain-start": try .init(name, .standard, tls: false)
        case "plain": try .init(name, .standard, tls: false, greeting)
        case "stls": try .init(name, .standard, tls: false, greeting, "C: STLS\nS: +OK…\n# tls")
        case "tls-start": try .init(name, .standard, tls: true)
        case "tls": try .init(name, .standard, tls: true, greeting)
        case "every-mechanism": try .init(name, .standard, .everyMechanism, tls: true, greeting)
        case "waiting": try .init(name, .standard, .waiting, tls: true, greeting)
        case "login":
            try .init(
                name, .standard, tls: true, greeting, "C: USER ACCOUNT\nS: +OK…\nC: PASS PASSWORD\nS: +OK…")
        default: nil
        }
    }
}
