package import MailSyntax

/// What is spoken on a port.
package enum ListenerKind: String, Sendable, Hashable, CaseIterable {
    /// SMTP between servers, STARTTLS offered (25).
    case mx
    /// SMTP from users, STARTTLS required before AUTH (587).
    case submission
    /// SMTP from users inside TLS (465).
    case submissions
    /// IMAP with STARTTLS (143).
    case imap
    /// IMAP inside TLS (993).
    case imaps
    /// POP3 with STLS (110).
    case pop3
    /// POP3 inside TLS (995).
    case pop3s
    /// LMTP: a program on this machine or beside it hands over mail for mailboxes here.
    case lmtp
    /// SMTP from printers, scripts and old appliances (`devices`), which may need what nobody else is given: AUTH
    /// without TLS, or none at all.
    case device
    /// What others ask for over HTTPS: the MTA-STS policy (443).
    case https

    /// The port IANA gave it; 24 (private mail systems) for LMTP, 2525 for devices.
    package var standardPort: Int {
        switch self {
        case .mx: 25
        case .submission: 587
        case .submissions: 465
        case .imap: 143
        case .imaps: 993
        case .pop3: 110
        case .pop3s: 995
        case .lmtp: 24
        case .device: 2525
        case .https: 443
        }
    }

    /// TLS from the first octet.
    package var isImplicitTLS: Bool {
        switch self {
        case .submissions, .imaps, .pop3s, .https: true
        case .mx, .submission, .imap, .pop3, .lmtp, .device: false
        }
    }

    /// SMTP or LMTP.
    package var takesMail: Bool {
        switch self {
        case .mx, .submission, .submissions, .lmtp, .device: true
        case .imap, .imaps, .pop3, .pop3s, .https: false
        }
    }

    /// Those that a manifest without `listeners` has.
    package static let standard: [ListenerKind] = [.mx, .submission, .submissions, .imap, .imaps, .pop3, .pop3s]
}

/// One port that is listened on.
package struct Listener: Sendable, Hashable {
    /// The word for every address of the host: `::` for both families, `0.0.0.0` where the kernel has no IPv6.
    package static let anyAddress = "any"

    /// Unique among the listeners; in logs and metrics.
    package var name: String
    package var kind: ListenerKind
    /// An IPv4 or IPv6 address, or `any`.
    package var address: String
    /// 0…65535; 0 lets the system choose (tests).
    package var port: Int
    /// The path of a Unix-domain socket instead of address and port; for `lmtp`.
    package var socket: String?
    /// Permission bits of `socket`.
    package var socketMode = 0o666
    /// What was written; `authentication` is what holds.
    package var auth: Auth?
    /// AUTH is offered without TLS.
    package var allowsClearTextAuth = false
    /// Proxies whose PROXY header (version 1 or 2) says who the client is; from them it is required.
    package var proxies: [IPNetwork] = []
    /// Clients that may use XCLIENT.
    package var xclients: [IPNetwork] = []

    /// Logins on a listener that takes mail.
    package enum Auth: String, Sendable, Hashable, CaseIterable {
        /// Whoever does not log in, and is not in a trusted network, sends nothing.
        case required
        /// Offered; whoever does not log in is judged by what the listener is for.
        case optional
        case off
    }

    package init(name: String, kind: ListenerKind, address: String = Listener.anyAddress, port: Int? = nil) {
        self.name = name
        self.kind = kind
        self.address = address
        self.port = port ?? kind.standardPort
    }

    /// Logins that hold here: `required` for submission, `optional` for devices and `off` for others where nothing was
    /// written. IMAP and POP3 know no mail without a login.
    package var authentication: Auth {
        switch kind {
        case .submission, .submissions, .imap, .imaps, .pop3, .pop3s: auth ?? .required
        case .device: auth ?? .optional
        case .mx, .lmtp: auth ?? .off
        case .https: .off
        }
    }

    /// Users log in here and not in the clear, so that there has to be a certificate.
    package var needsCertificate: Bool {
        kind.isImplicitTLS || authentication != .off && !allowsClearTextAuth
    }

    /// The addresses to try to bind, first the one that is wanted; the next only when the kernel lacks the family.
    package var bindCandidates: [String] { address == Self.anyAddress ? ["::", "0.0.0.0"] : [address] }

    /// The seven standard ports, each moved up by `portOffset`.
    package static func standard(address: String = anyAddress, portOffset: Int = 0) -> [Listener] {
        ListenerKind.standard.map { kind in
            let port = kind.standardPort + max(0, min(portOffset, 65535 - 995))
            return Listener(name: kind.rawValue, kind: kind, address: address, port: port)
        }
    }
}
