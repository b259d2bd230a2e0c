package import MailConfig
package import MailPolicy
package import MailSyntax
package import SASLCore
package import SMTPCore

/// What the SMTP server needs of the manifest, for one listener.
package struct SMTPServerSettings: Sendable {
    package var hostname: DomainName
    package var role: SMTPSessionConfiguration.Role
    /// The listener's name in logs and events.
    package var listener: String
    package var offersTLS: Bool
    /// What decisions are made by; shared by all listeners.
    package var rules = PolicyRules(Manifest())
    package var authentication: SMTPSessionConfiguration.Authentication
    package var offersClearTextAuthentication = false
    /// The mechanisms of AUTH.
    package var logins = SASLOffer()
    /// Who may use XCLIENT.
    package var xclients: [IPNetwork] = []
    /// How long a stranger waits for the greeting.
    package var greetingDelay = Duration.zero
    /// Clients of this machine are watched like strangers (tests).
    package var watchesLoopback = false
    package var limits = SMTPLimits()
    package var timeouts = Manifest().smtp.timeouts
    /// Octets of a message that are kept in memory; the body of a larger one goes to a temporary file.
    package var memoryLimit = 262_144
    /// How much longer each failed login makes the next answer wait, at most five times as long in all.
    package var failedLoginDelay: Duration = .seconds(1)
    /// What a message that is coming in gets to come to its end when the server stops; less than the listener's drain
    /// time, so that the client is still told.
    package var drainPatience: Duration = .seconds(8)
    /// How long a reverse lookup may still take when a message has come in before its answer.
    package var reverseLookupPatience: Duration = .seconds(2)

    package init(hostname: DomainName, role: SMTPSessionConfiguration.Role, listener: String, offersTLS: Bool) {
        self.hostname = hostname
        self.role = role
        self.listener = listener
        self.offersTLS = offersTLS
        authentication = role == .submission ? .required : .off
    }

    /// The settings of a manifest's listener.
    ///
    /// - Parameter hostname: the manifest's `server.hostname`, parsed.
    package init(_ rules: PolicyRules, listener: Listener, hostname: DomainName, hasCertificate: Bool) {
        let manifest = rules.manifest
        self.init(
            hostname: hostname,
            role: Self.role(listener.kind),
            listener: listener.name,
            offersTLS: hasCertificate
        )
        self.rules = rules
        authentication =
            switch listener.authentication {
            case .required: .required
            case .optional: .optional
            case .off: .off
            }
        offersClearTextAuthentication = listener.allowsClearTextAuth
        // Devices have names and passwords of their own, of which no verifiers are kept.
        logins =
            role == .device
            ? .passwords
            : SASLOffer(
                scram: manifest.logins.scram, channelBinding: manifest.logins.channelBinding,
                tokens: manifest.logins.takesTokens)
        xclients = listener.xclients
        greetingDelay = manifest.smtp.greetingDelay
        timeouts = manifest.smtp.timeouts
        limits.commandLine = manifest.limits.commandLine
        limits.textLine = manifest.limits.textLine
        limits.messageSize = manifest.limits.messageSize
        limits.headerSize = manifest.limits.headerSize
        limits.recipients = manifest.limits.recipients
        limits.idleCommands = manifest.limits.commands
        limits.errors = manifest.limits.errors
        limits.loginFailures = manifest.limits.loginFailures
        limits.hops = manifest.limits.receivedHops
    }

    private static func role(_ kind: ListenerKind) -> SMTPSessionConfiguration.Role {
        switch kind {
        case .submission, .submissions: .submission
        case .lmtp: .lmtp
        case .device: .device
        case .mx, .imap, .imaps, .pop3, .pop3s, .https: .mx
        }
    }

    var session: SMTPSessionConfiguration {
        var session = SMTPSessionConfiguration(
            hostname: hostname.ascii, role: role, offersTLS: offersTLS, limits: limits)
        session.authentication = authentication
        session.mechanisms = logins.mechanisms(isSecure: false, binding: nil).map(\.rawValue)
        session.futureRelease = rules.longestRelease
        session.offersClearTextAuthentication = offersClearTextAuthentication
        return session
    }
}
