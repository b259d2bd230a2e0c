package import MailAuth
package import MailSyntax

/// What a server is and does for one domain: all that the domain's records follow from.
package struct DomainPlan: Sendable {
    package enum Kind: Sendable, Hashable {
        /// The domain's mailboxes are here.
        case hosted
        /// Mail from the domain leaves from here, and its mailboxes are elsewhere.
        case sendOnly
    }

    /// A port that clients or other servers use.
    package struct Service: Sendable, Hashable {
        /// `mx`, `submission`, `submissions`, `imap`, `imaps`, `pop3`, `pop3s`; others have no record.
        package var kind: String
        package var port: Int

        package init(kind: String, port: Int) {
            self.kind = kind
            self.port = port
        }
    }

    /// A key that signs mail of the domain, will soon, or did.
    package struct Key: Sendable, Hashable {
        package enum Role: Sendable, Hashable {
            /// New mail is signed with it.
            case active
            /// Waits for its record.
            case next
            /// Replaced; its record is wanted until then.
            case retiring(until: Timestamp)
            /// Its record may go.
            case retired
            /// Would sign if other keys did not come first.
            case idle
        }

        package var selector: String
        /// `d=` where it isn't the domain itself, but another in whose name its mail is signed.
        package var domain: DomainName?
        /// Where the key stands, if not in the database.
        package var origin: String?
        /// `rsa-sha256` or `ed25519-sha256`.
        package var algorithm: String
        /// The TXT record's text, not split.
        package var record: String
        package var role: Role

        package init(
            selector: String, algorithm: String, record: String, role: Role = .active, domain: DomainName? = nil,
            origin: String? = nil
        ) {
            self.selector = selector
            self.algorithm = algorithm
            self.record = record
            self.role = role
            self.domain = domain
            self.origin = origin
        }
    }

    package var domain: DomainName
    package var kind: Kind
    /// The server's own name.
    package var hostname: DomainName
    /// The name that the server says of itself when it sends.
    package var heloName: DomainName
    /// Where the server is reached from outside; empty or private ones when it does not know.
    package var addresses: [IPAddress]
    package var services: [Service]
    package var keys: [Key]
    /// There are keys for it beside these, which can't be read.
    package var hasBrokenKeys = false
    /// Those in use, the default one first.
    package var certificates: [CertificateFacts]
    /// The MTA-STS policy that is served for the domain; nil when none is.
    package var policy: MTASTSPolicy?
    /// The port of hosts found by MX; anything but 25 is for closed networks and tests.
    package var exchangePort: Int
    /// Mail for others goes to their MX hosts, not to a smarthost.
    package var sendsDirectly: Bool
    /// Where others send their reports; nil: postmaster of the domain.
    package var reportAddress: EmailAddress?

    /// As it stands in records.
    var reportTarget: String { "mailto:\(reportAddress?.description ?? "postmaster@\(domain)")" }

    package init(
        domain: DomainName, kind: Kind = .hosted, hostname: DomainName, heloName: DomainName? = nil,
        addresses: [IPAddress], services: [Service], keys: [Key], certificates: [CertificateFacts] = [],
        policy: MTASTSPolicy? = nil, exchangePort: Int = 25, sendsDirectly: Bool = true
    ) {
        self.domain = domain
        self.kind = kind
        self.hostname = hostname
        self.heloName = heloName ?? hostname
        self.addresses = addresses
        self.services = services
        self.keys = keys
        self.certificates = certificates
        self.policy = policy
        self.exchangePort = exchangePort
        self.sendsDirectly = sendsDirectly
    }
}

/// A certificate, as far as records and checks depend on it.
package struct CertificateFacts: Sendable, Hashable {
    /// The whole certificate, DER.
    package var der: [UInt8]
    /// Its SubjectPublicKeyInfo, DER.
    package var publicKeyInfo: [UInt8]
    /// DNS names in lower case, and addresses.
    package var names: [String]
    /// Distinguished names.
    package var subject: String
    package var issuer: String
    package var notBefore: Timestamp
    package var notAfter: Timestamp

    package init(
        der: [UInt8], publicKeyInfo: [UInt8], names: [String], subject: String, issuer: String, notBefore: Timestamp,
        notAfter: Timestamp
    ) {
        self.der = der
        self.publicKeyInfo = publicKeyInfo
        self.names = names
        self.subject = subject
        self.issuer = issuer
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    package var isSelfSigned: Bool { subject == issuer }

    /// Whether it is for a host name: by that name, or by a wildcard for its first label. // RFC 9525 §6.3
    func covers(_ host: DomainName) -> Bool {
        names.contains { name in
            if name == host.ascii { return true }
            guard name.hasPrefix("*."), let parent = host.parent else { return false }
            return name.dropFirst(2) == parent.ascii
        }
    }

    /// The name in CAA records of the authority that issued it; nil for a private or unknown one.
    package var authority: String? {
        if isSelfSigned { return nil }
        return Self.authorities.first { issuer.contains($0.organization) }?.domain
    }

    /// Authorities that issue for mail servers, by the organization in their certificates.
    private static let authorities: [(organization: String, domain: String)] = [
        ("Let's Encrypt", "letsencrypt.org"), ("ISRG", "letsencrypt.org"), ("ZeroSSL", "sectigo.com"),
        ("Sectigo", "sectigo.com"), ("Google Trust Services", "pki.goog"), ("Buypass", "buypass.com"),
        ("DigiCert", "digicert.com"), ("GlobalSign", "globalsign.com"), ("SSL Corp", "ssl.com"),
        ("GoDaddy", "godaddy.com"), ("Actalis", "actalis.it"), ("HARICA", "harica.gr"),
    ]
}
