import MailConfig
package import MailSyntax

/// What rewriting needs of the manifest, made ready once.
package struct RewriteRules: Sendable {
    let settings: Manifest.Rewrite
    /// Behind `@` of what has no domain; nil in a manifest without a host name.
    package let origin: DomainName?
    /// Start `+ext` in a local part.
    let delimiters: String
    /// Domains whose local parts are keys by themselves.
    private let localDomains: Set<DomainName>
    private let exceptions: Set<String>
    /// Where masquerading was written.
    let masqueradeOrigin: String

    /// Addresses of envelope or header may change when mail is taken in.
    package let hasCanonical: Bool
    /// Header fields may change when mail is taken in, of clients that `headerClients` means.
    package let rewritesHeader: Bool
    package let hasVirtual: Bool
    /// A recipient may become another one before the directory is asked.
    let changesRecipients: Bool
    package let hasSRS: Bool
    package let hasCopies: Bool
    package let hasHeaderChecks: Bool
    /// Headers below the message's own are checked.
    package let hasPartHeaderChecks: Bool
    /// Addresses of envelope or header may change on the way out.
    package let hasGeneric: Bool
    package let hasSendingHeaderChecks: Bool

    init(_ manifest: Manifest, origins: [String: String]) {
        masqueradeOrigin = origins["rewrite.masquerade_domains"] ?? TraceStep.builtIn
        settings = manifest.rewrite
        let hostname = DomainName(manifest.server.hostname)
        origin = settings.origin ?? hostname
        delimiters = manifest.mail.recipientDelimiter
        let localhost = DomainName("localhost")
        localDomains = Set([origin, hostname, localhost].compactMap { $0 })
        exceptions = Set(settings.masquerade.exceptions.map { EmailAddress.fold($0) })
        let tables = [settings.canonical, settings.senderCanonical, settings.recipientCanonical]
        hasCanonical = tables.contains { !$0.isEmpty } || !settings.masquerade.domains.isEmpty
        rewritesHeader = settings.headerClients != .none && (hasCanonical || settings.origin != nil)
        hasVirtual = !settings.virtual.isEmpty
        hasSRS = settings.srs != nil
        changesRecipients = hasCanonical || hasVirtual || hasSRS
        hasCopies = settings.alwaysBCC != nil || !settings.senderBCC.isEmpty || !settings.recipientBCC.isEmpty
        let checks = settings.headerChecks
        hasPartHeaderChecks = [settings.mimeHeaderChecks ?? checks, settings.nestedHeaderChecks ?? checks]
            .contains { !$0.isEmpty }
        hasHeaderChecks = hasPartHeaderChecks || !settings.headerChecks.isEmpty
        hasGeneric = !settings.generic.isEmpty
        hasSendingHeaderChecks = !settings.sendingHeaderChecks.isEmpty
    }

    /// Whether header fields of a client are rewritten.
    ///
    /// - Parameter isOwn: a login, a trusted network, a device, `sendmail`.
    package func rewritesHeader(ofOwnClient isOwn: Bool) -> Bool {
        switch settings.headerClients {
        case .own: rewritesHeader && isOwn
        case .all: rewritesHeader
        case .none: false
        }
    }

    func isLocal(_ address: EmailAddress) -> Bool { address.domain.map(localDomains.contains) ?? false }
    func propagates(_ purpose: TablePurpose) -> Bool { settings.propagateExtensions.contains(purpose) }
    func isExceptedFromMasquerade(_ localPart: String) -> Bool { exceptions.contains(EmailAddress.fold(localPart)) }

    /// What has no domain, with the origin as its domain; nil when that is no address.
    package func qualified(_ localPart: String) -> EmailAddress? {
        origin.flatMap { EmailAddress("\(localPart)@\($0)") }
    }
}
