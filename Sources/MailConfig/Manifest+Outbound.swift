extension Manifest {
    /// How mail leaves.
    package struct Outbound: Sendable, Equatable {
        /// TLS towards the hosts found by MX.
        package enum TLSPolicy: String, Sendable, CaseIterable {
            /// When the host offers it; the certificate is not judged.
            case opportunistic
            /// Never without it; the certificate is not judged.
            case required
            /// Never.
            case none
        }

        /// Whether what others publish is looked for.
        package enum Discovery: String, Sendable, CaseIterable {
            case auto
            case off
        }

        /// The name in EHLO; nil is the host name: ask `Manifest.heloName`.
        package var heloName: String?
        /// Local addresses to send from: at most one IPv4 and one IPv6.
        package var bind: [String] = []
        /// The port of hosts found by MX; anything but 25 is for closed networks and tests.
        package var port = 25
        package var tls = TLSPolicy.opportunistic
        /// TLSA records are asked for where the resolver validates.
        package var dane = Discovery.auto
        /// The policies of domains are asked for.
        package var mtaSTS = Discovery.auto
        /// The port that MTA-STS policies are fetched from; anything but 443 is for closed networks and tests.
        package var mtaSTSPort = 443
        /// PEM file of authorities instead of the system's, for MTA-STS.
        package var caFile: String?
        package var timeouts = OutboundTimeouts()
        /// What is written under `smarthost`; ask `smarthost` instead.
        package var smarthostSettings = SmarthostSettings()

        /// The host everything goes through, when there is one.
        package var smarthost: Smarthost? {
            guard let host = smarthostSettings.host else { return nil }
            let tls = smarthostSettings.tls
            return Smarthost(
                host: host,
                port: smarthostSettings.port ?? tls.standardPort,
                tls: tls,
                verify: smarthostSettings.verify,
                username: smarthostSettings.username,
                passwordFile: smarthostSettings.passwordFile
            )
        }
    }

    /// How long a remote server may take.
    package struct OutboundTimeouts: Sendable, Equatable {
        /// To connect.
        package var connect: Duration = .seconds(30)
        /// The banner and each reply to a command.
        package var command: Duration = .seconds(300)
        /// The reply to the end of data.
        package var final: Duration = .seconds(600)
    }

    /// The `outbound.smarthost` section as it is written.
    package struct SmarthostSettings: Sendable, Equatable {
        package var host: String?
        package var port: Int?
        package var tls = Smarthost.TLSMode.starttls
        package var verify = true
        package var username: String?
        package var passwordFile: String?

        package init(
            host: String? = nil, port: Int? = nil, tls: Smarthost.TLSMode = .starttls, verify: Bool = true,
            username: String? = nil, passwordFile: String? = nil
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.verify = verify
            self.username = username
            self.passwordFile = passwordFile
        }
    }
}

/// A host that takes all outgoing mail.
package struct Smarthost: Sendable, Hashable {
    /// How TLS starts.
    package enum TLSMode: String, Sendable, CaseIterable {
        /// STARTTLS, required.
        case starttls
        /// From the first octet.
        case implicit
        case none

        package var standardPort: Int {
            switch self {
            case .starttls: 587
            case .implicit: 465
            case .none: 25
            }
        }
    }

    /// A host name or an address; its MX is not looked up.
    package var host: String
    package var port: Int
    package var tls: TLSMode
    /// The certificate must be valid for `host`.
    package var verify: Bool
    /// Set together with `passwordFile`, or not at all.
    package var username: String?
    /// The file that holds the password on its first line.
    package var passwordFile: String?

    package init(
        host: String, port: Int, tls: TLSMode, verify: Bool = true, username: String? = nil, passwordFile: String? = nil
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.verify = verify
        self.username = username
        self.passwordFile = passwordFile
    }
}
