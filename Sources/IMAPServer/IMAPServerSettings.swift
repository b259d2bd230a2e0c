package import IMAPCore
package import MailConfig
package import SASLCore

/// What an operator, or a test, may set about IMAP sessions. Every value is named with its reason.
package struct IMAPServerSettings: Sendable, Equatable {
    /// Bounds on what a client may send.
    package var limits = IMAPLimits()
    /// Whether LOGIN and AUTHENTICATE work without TLS. RFC 3501 §11.2 wants it off.
    package var allowsPlaintextLogin = false
    /// From the connection to a successful login; nothing extends it. `nil` is unlimited.
    package var loginDeadline: Duration? = .seconds(60)
    /// How long a logged-in client may be silent, IDLE included.
    // RFC 3501 §5.4: at least 30 minutes; RFC 2177 §3: clients renew IDLE every 29
    package var inactivityDeadline: Duration? = .seconds(30 * 60)
    /// The mechanisms of AUTHENTICATE.
    package var logins = SASLOffer()
    /// How often a client in IDLE hears something; `nil` is never.
    package var idleKeepalive: Duration? = .seconds(240)
    /// How long the answer to a failed login is held back, so that guessing is slow.
    package var loginFailureDelay: Duration = .seconds(2)
    /// Failed logins after which the connection is closed.
    package var maximumLoginFailures = 5
    /// Commands in a row that are answered with BAD after which the connection is closed; a client that is none.
    package var maximumBadCommands = 20
    /// Octets of the header of an APPEND message; it is kept in memory.
    package var headerSize = 256 * 1024
    /// Octets of an APPEND message that are kept in memory; a larger one goes to a temporary file.
    package var appendInMemory = 256 * 1024
    /// The least time between two words of how far a long command has come.
    // RFC 9585 §4: some ten seconds apart
    package var progressInterval: Duration = .seconds(10)
    /// Rows asked of the store at a time.
    package var rowPage = 1000
    /// Messages with header and structure asked of the store at a time; each may be tens of kilobytes.
    package var indexPage = 64
    /// Octets of body read and sent at a time.
    package var bodyPiece = 64 * 1024
    /// Octets of responses gathered before they are sent.
    // With the message that completes it below 64 KiB as a rule, which is what its buffer then takes.
    package var outputPiece = 56 * 1024
    /// Octets of a FETCH of rows that are written at a time, and the next message.
    package var fetchPiece = 64 * 1024
    /// What is done for programs that break on something.
    package var workarounds: Set<Manifest.IMAPWorkaround> = [.eightBitAppend]
    /// Fields of the answer to ID. RFC 2971 §3.3
    package var identification: [IDField] = [IDField(name: "name", value: "Martlet")]
    /// Stands in the greeting; never a version.
    package var greeting = "Martlet ready"

    package init() {}

    /// The same, but for passwords in the clear where those are allowed.
    func allowing(plaintextLogin: Bool) -> IMAPServerSettings {
        guard plaintextLogin else { return self }
        var settings = self
        settings.allowsPlaintextLogin = true
        return settings
    }

    /// Extensions that are there and not offered.
    var withheld: EnabledExtensions { workarounds.contains(.outlookUIDOnly) ? .uidOnly : [] }
}
