/// Bounds on what one SMTP client can make us hold or do.
package struct SMTPLimits: Sendable, Hashable {
    /// Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512, extensions for more
    /// (RFC 4954 §4, RFC 3461 §5, RFC 6531 §3.4); 4096 is room for all of them.
    package var commandLine = 4096
    /// Octets of one line of an AUTH exchange with its CRLF. // RFC 4954 §4: 12288
    package var authLine = 12_288
    /// Octets of a line of message text with its CRLF. RFC 5321 §4.5.3.1.6 lets 1000 through; real mail has longer.
    package var textLine = 1_048_576
    /// Octets of a message; nil is unlimited. Announced as SIZE.
    package var messageSize: Int? = 50_000_000
    /// Octets of a message's header.
    package var headerSize = 262_144
    /// Recipients of one transaction. // RFC 5321 §4.5.3.1.8: at least 100
    package var recipients = 1000
    /// Commands since the last accepted message that did nothing for one (NOOP, RSET, VRFY, HELP, EHLO).
    package var idleCommands = 100
    /// Refused or broken commands in a session.
    package var errors = 20
    /// Failed logins in a session.
    package var loginFailures = 5
    /// `Received` fields before a message counts as looping. // RFC 5321 §6.3: at least 100
    package var hops = 100

    package init() {}
}

/// Deviations from the grammar that real clients need. Each is off in a strict parser.
package struct SMTPWorkarounds: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// `MAIL FROM: <a@b>`: many scripts and devices, Outlook Express among them, put a space after the colon.
    package static let spaceAfterColon = SMTPWorkarounds(rawValue: 1)

    package static let all: SMTPWorkarounds = [.spaceAfterColon]
}
