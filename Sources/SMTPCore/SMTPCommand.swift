package import MailSyntax

/// A path as it was given in MAIL or RCPT, a source route dropped. // RFC 5321 §4.1.2
package enum SMTPPath: Sendable, Hashable, CustomStringConvertible {
    /// `<>`
    case null
    case address(EmailAddress)
    /// A local part without a domain: `<Postmaster>`, or the `MAIL FROM:<FBI>` of old scripts.
    case unqualified(String)

    package var description: String {
        switch self {
        case .null: ""
        case .address(let address): address.description
        case .unqualified(let local): local
        }
    }
}

/// RFC 6152 §2, RFC 3030 §3
package enum SMTPBodyType: String, Sendable, Hashable {
    case sevenBit = "7BIT"
    case eightBitMIME = "8BITMIME"
    case binaryMIME = "BINARYMIME"
}

/// MAIL: the sender and what goes with it.
package struct SMTPSender: Sendable, Hashable {
    package var path: SMTPPath
    /// The path was written with octets outside ASCII, be it in the local part or as a U-label of the domain.
    package var isInternationalized = false
    /// SIZE= in octets, nil when not given or 0. // RFC 1870 §6
    package var size: Int?
    package var body: SMTPBodyType = .sevenBit
    package var smtpUTF8 = false
    /// REQUIRETLS: it goes on over TLS that is verified, or comes back. // RFC 8689 §2
    package var requiresTLS = false
    /// RET=FULL or HDRS. // RFC 3461 §4.3
    package var dsnReturn: String?
    /// ENVID=, decoded from xtext. // RFC 3461 §4.4
    package var envelopeID: String?
    /// AUTH=, decoded from xtext; "<>" is given as the empty string. // RFC 4954 §5
    package var authSender: String?
    /// HOLDFOR= or HOLDUNTIL=. // RFC 4865 §3
    package var release: SMTPFutureRelease?

    package init(path: SMTPPath) { self.path = path }
}

/// RCPT: the recipient and what goes with it.
package struct SMTPRecipient: Sendable, Hashable {
    package var path: SMTPPath
    /// The path was written with octets outside ASCII.
    package var isInternationalized = false
    /// NOTIFY=, upper-case words; nil when not given. // RFC 3461 §4.1
    package var notify: [String]?
    /// ORCPT= as "type;address", the address decoded from xtext. // RFC 3461 §4.2
    package var originalRecipient: String?

    package init(path: SMTPPath) { self.path = path }
}

/// A command line that obeys the grammar.
package enum SMTPCommand: Sendable, Hashable {
    case helo(String)
    case ehlo(String)
    case mail(SMTPSender)
    case rcpt(SMTPRecipient)
    case data
    case bdat(size: Int, isLast: Bool)
    case auth(mechanism: String, initialResponse: [UInt8]?)
    case startTLS
    case rset
    case noop
    case quit
    case vrfy(String)
    case expn(String)
    case help
    case xclient(SMTPXClient)

    /// The verb, for logs and metrics; a closed set.
    package var verb: String {
        switch self {
        case .helo: "HELO"
        case .ehlo: "EHLO"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data: "DATA"
        case .bdat: "BDAT"
        case .auth: "AUTH"
        case .startTLS: "STARTTLS"
        case .rset: "RSET"
        case .noop: "NOOP"
        case .quit: "QUIT"
        case .vrfy: "VRFY"
        case .expn: "EXPN"
        case .help: "HELP"
        case .xclient: "XCLIENT"
        }
    }
}

/// Why a line is no command.
package enum SMTPSyntaxError: Error, Sendable, Hashable {
    case unknownCommand
    /// HTTP, TLS or another protocol; there is no point in talking on.
    case otherProtocol
    /// The verb is known, its arguments are not well-formed; the reply says how.
    case arguments(SMTPReply)
}
