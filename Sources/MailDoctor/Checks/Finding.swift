/// One thing that the doctor has looked at, and what came of it.
package struct Finding: Codable, Sendable, Equatable {
    package enum Severity: String, Codable, Sendable, Comparable, CaseIterable {
        /// As it should be.
        case ok
        /// Worth knowing, or could not be looked at from here.
        case remark
        /// Some mail is refused, delayed or distrusted, or will be soon.
        case warning
        /// Mail is lost, refused or forged.
        case error

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
    }

    /// What was looked at; stable words for monitoring.
    package enum Check: String, Codable, Sendable, CaseIterable {
        case resolver
        case address
        case helo
        case reverse
        case exchange = "mx"
        case reachable = "mx-reachable"
        case startTLS = "starttls"
        case exchangeCertificate = "mx-certificate"
        case spf
        case hostSPF = "host-spf"
        case dkim
        case dmarc
        case policy = "mta-sts"
        case tlsReports = "tls-rpt"
        case tlsa
        case service = "srv"
        case issuer = "caa"
        case dnssec
        case certificate
        case outbound = "port-25"
        case blockList = "block-list"
        case clock
    }

    package var severity: Severity
    package var check: Check
    /// The name, address or file that it is about.
    package var subject: String
    /// What was seen or what is wrong, one sentence without a final full stop.
    package var message: String
    /// Why it matters; nil where all is well.
    package var reason: String?
    /// The exact lines to add or change, or what to do.
    package var fix: [String]

    package init(
        _ severity: Severity, _ check: Check, _ subject: String, _ message: String, reason: String? = nil,
        fix: [String] = []
    ) {
        self.severity = severity
        self.check = check
        self.subject = subject
        self.message = message
        self.reason = severity == .ok ? nil : reason ?? check.reason
        self.fix = fix
    }
}

extension Finding.Check {
    /// Why it matters, where a finding has nothing more to say.
    var reason: String {
        switch self {
        case .resolver: "without answers nothing can be compared"
        case .address: "others find the server by its name, and compare the name with where mail comes from"
        case .helo: "receivers look up the name that a server gives itself, and distrust one that leads nowhere"
        case .reverse: "large providers refuse mail from addresses without a reverse name that leads back"
        case .exchange: "mail for the domain goes where its MX records say, and nowhere else"
        case .reachable: "mail for the domain comes by port 25; what can't connect gives up after some days"
        case .startTLS: "without STARTTLS mail crosses the internet in the clear, and some senders refuse that"
        case .exchangeCertificate: "senders that verify (MTA-STS, many providers) don't deliver to another name"
        case .spf: "receivers refuse mail or file it as junk when the domain doesn't say that this server sends for it"
        case .hostSPF: "reports of failed delivery have no sender domain; receivers check the server's name instead"
        case .dkim: "signatures that can't be checked count as none, and DMARC then depends on SPF alone"
        case .dmarc: "without a policy anybody can forge the domain, and large providers distrust its mail"
        case .policy: "without it somebody between two servers can take TLS away unseen"
        case .tlsReports: "it is the only way to hear that others can't reach the server by TLS"
        case .tlsa: "senders that use DANE deliver only to a server whose certificate the records name"
        case .service: "mail programs set themselves up by these records"
        case .issuer: "an authority must not issue or renew a certificate that CAA records forbid"
        case .dnssec: "without signatures answers can be forged, and DANE can't be used"
        case .certificate: "programs and servers refuse a certificate that has ended or is for another name"
        case .outbound: "mail for others leaves by port 25"
        case .blockList: "many servers refuse mail from listed addresses"
        case .clock: "signatures, tokens and certificates are valid for a time: a wrong clock makes them invalid"
        }
    }
}

/// What the doctor found.
package struct DoctorReport: Codable, Sendable, Equatable {
    package var domain: String
    package var hostname: String
    /// The server's addresses, as far as they are known.
    package var addresses: [String]
    /// Who was asked, and whether signatures were checked.
    package var resolver: String
    package var findings: [Finding]

    package init(domain: String, hostname: String, addresses: [String], resolver: String, findings: [Finding]) {
        self.domain = domain
        self.hostname = hostname
        self.addresses = addresses
        self.resolver = resolver
        self.findings = findings
    }

    /// 0: nothing to do; 1: warnings; 2: errors.
    package var exitStatus: Int32 {
        switch findings.map(\.severity).max() ?? .ok {
        case .ok, .remark: 0
        case .warning: 1
        case .error: 2
        }
    }
}
