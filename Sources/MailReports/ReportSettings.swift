package import MailSyntax

/// Who reports, and how much.
package struct ReportSettings: Sendable, Hashable {
    package var kinds: Set<ReportKind> = Set(ReportKind.allCases)
    /// The full name of this host.
    package var hostname: DomainName
    /// nil: postmaster of the domain that signs for this host.
    package var from: EmailAddress?
    /// nil: the domain of `from`.
    package var organization: String?
    /// nil: `from`.
    package var contact: EmailAddress?
    /// Octets of a report as it is sent.
    package var maximumSize = 10 << 20
    /// From the end of the day until the first report may leave.
    package var delay: Duration = .seconds(1800)
    /// The program; its version is nobody's business.
    package var generator = "Martlet"

    package init(hostname: DomainName) {
        self.hostname = hostname
    }
}

/// Whose name stands on reports.
package struct ReportAuthor: Sendable, Hashable {
    package var from: EmailAddress
    /// The domain whose key signs what is sent; nil: there is none that readers would take for the author's.
    package var signer: DomainName?
    package var organization: String
    package var contact: EmailAddress
    /// The domain of the contact, and of file names. // RFC 8460 §5.3
    package var submitter: DomainName

    /// - Parameter hasKeys: whether a domain's signatures can be made here.
    package init(_ settings: ReportSettings, hasKeys: (DomainName) -> Bool) {
        let domain = settings.from?.domain ?? settings.hostname
        // The closest above it, with which a DMARC check of From agrees. // RFC 7489 §7.2.1.1
        signer = domain.labels.indices.lazy
            .compactMap { DomainName(domain.labels[$0...].joined(separator: ".")) }
            .first(where: hasKeys)
        from = settings.from ?? EmailAddress(localPart: "postmaster", domain: signer ?? domain)
        let contact = settings.contact ?? from
        self.contact = contact
        submitter = contact.domain ?? from.domain ?? settings.hostname
        organization = settings.organization ?? (from.domain ?? settings.hostname).ascii
    }
}
