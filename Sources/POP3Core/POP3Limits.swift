/// Bounds on what a POP3 client may do.
package struct POP3Limits: Sendable {
    /// The longest command in octets without its line end.
    ///
    /// RFC 2449 §4 has 255; more is taken because passwords and initial responses may be longer.
    package var commandLine = 2_048
    /// The longest line of an authentication exchange in octets without its line end.
    // RFC 5034 §4: independent of the limit on commands
    package var authenticationLine = 12_288
    /// Commands refused for their syntax, name or state until the connection is closed.
    package var badCommands = 20
    /// Refused logins until the connection is closed.
    package var failedLogins = 5
    /// Octets of a multi-line listing that are made at a time.
    package var listingPiece = 32_768

    package init() {}
}
