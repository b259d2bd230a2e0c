package import MailConfig
package import POP3Core
package import SASLCore

/// Settings of the POP3 server.
package struct POP3ServerOptions: Sendable {
    /// For the greeting.
    package var hostname: String
    /// From the connection to the end of the login.
    package var loginTimeout = Duration.seconds(180)
    /// Without a command once somebody has logged in.
    // RFC 1939 §3: at least 10 minutes
    package var idleTimeout = Duration.seconds(600)
    package var limits = POP3Limits()
    /// How long the answer to a failed login is held back, so that guessing is slow.
    package var loginFailureDelay = Duration.seconds(2)
    /// One session at a time has the maildrop.
    package var isExclusive = false
    /// How long an account waits between logins; whole seconds are announced.
    package var loginDelay = Duration.zero
    /// The mechanisms of AUTH.
    package var logins = SASLOffer()
    /// What is done for programs that break on something.
    package var workarounds: Set<Manifest.POP3Workaround> = []

    package init(hostname: String) {
        self.hostname = hostname
    }
}
