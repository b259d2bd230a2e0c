package import NetTransport

/// What a connection must have before a message goes over it.
package struct SessionSecurity: Sendable, Hashable {
    package enum Mode: Sendable, Hashable {
        /// Never TLS.
        case clear
        /// STARTTLS where it is offered, whoever answers.
        case opportunistic
        /// STARTTLS or nothing.
        case required(CertificateVerification)
        /// TLS from the first octet.
        case implicit(CertificateVerification)
    }

    package var mode: Mode
    /// The name the certificate must have, and SNI.
    package var serverName: String

    package init(mode: Mode, serverName: String) {
        self.mode = mode
        self.serverName = serverName
    }
}
