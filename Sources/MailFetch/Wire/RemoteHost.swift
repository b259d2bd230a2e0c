package import SASLCore

/// Another mail server, as an operator names it.
package struct RemoteHost: Sendable, Equatable {
    package enum Security: String, Sendable, Codable, CaseIterable {
        /// TLS from the first octet.
        case tls
        /// STARTTLS or STLS before anything is said; without it nothing is.
        case starttls
        /// No TLS.
        case none
    }

    package var host: String
    package var port: Int
    package var security: Security
    /// False takes any certificate, and sends a password without TLS too.
    package var verifies: Bool
    /// PEM file of authorities instead of the system's.
    package var authorities: String?

    package init(
        host: String, port: Int, security: Security, verifies: Bool = true, authorities: String? = nil
    ) {
        self.host = host
        self.port = port
        self.security = security
        self.verifies = verifies
        self.authorities = authorities
    }

    package var shown: String { "\(host):\(port)" }
}

/// Who logs in.
package struct RemoteLogin: Sendable {
    package var user: String
    /// A password, or an access token.
    package var secret: Secret
    package var isToken: Bool

    package init(user: String, secret: Secret, isToken: Bool = false) {
        self.user = user
        self.secret = secret
        self.isToken = isToken
    }
}

/// Why mail could not be had from another server: in words, with what to do.
package struct RemoteFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case name
        case connect
        case tls
        case login
        /// The server has no way to log in that may be used.
        case mechanism
        /// The server said no.
        case refused
        /// The server breaks the rules, or a limit of ours.
        case malformed
        case timeout
        case lost
        /// Nothing to do with the other server.
        case local
    }

    package var kind: Kind
    package var text: String
    package var remedy: String

    package init(_ kind: Kind, _ text: String, remedy: String? = nil) {
        self.kind = kind
        self.text = text
        self.remedy = remedy ?? Self.remedy(kind)
    }

    package var description: String { text }

    private static func remedy(_ kind: Kind) -> String {
        switch kind {
        case .name: "correct the host's name, or look at this machine's resolver"
        case .connect: "see that host and port are right and that a firewall lets this machine out"
        case .tls:
            "see that the port speaks TLS the way that is set, and that the host's certificate is valid for its name"
        case .login: "see that user and password are right; many providers want a password for applications, or OAuth2"
        case .mechanism: "use TLS, or give an OAuth2 login"
        case .refused: "see what the host says"
        case .malformed: "the host does not keep to the protocol: try its other one (IMAP or POP3)"
        case .timeout, .lost: "it is tried again; if this stays, ask whoever runs the host"
        case .local: "see this server's log"
        }
    }
}
