package import MailConfig
package import MailSyntax

/// What the manifest says of checks, in the form it is asked.
package struct AuthenticationRules: Sendable {
    package let settings: Manifest.Authentication
    /// No message is checked at all.
    package let areOff: Bool
    private let domains: PatternIndex

    init(_ settings: Manifest.Authentication) {
        self.settings = settings
        areOff = settings.modes.areOff && settings.domains.allSatisfy { $0.applied(to: settings.modes).areOff }
        domains = PatternIndex(settings.domains.map(\.pattern))
    }

    /// Whether some message's check is made: the author isn't known until the message is here.
    package var mayCheckSPF: Bool { any { $0.checksSPF } }
    package var mayCheckDKIM: Bool { any { $0.checksDKIM } }
    package var mayCheckARC: Bool { any { $0.arc != .off } }
    package var mayCheckReverse: Bool { any { $0.reverse != .off } || hasNamedForwarders }

    /// Some known forwarder is known by its name.
    var hasNamedForwarders: Bool {
        settings.forwarders.contains { if case .network = $0 { false } else { true } }
    }

    private func any(_ isSet: (Manifest.Authentication.Modes) -> Bool) -> Bool {
        isSet(settings.modes) || settings.domains.contains { isSet($0.applied(to: settings.modes)) }
    }

    /// What holds for mail of an author's domain, and where an exception is written.
    package func modes(
        for author: DomainName?
    ) -> (modes: Manifest.Authentication.Modes, origin: String?) {
        guard !domains.isEmpty, let author,
            let index = domains.first(matching: EmailAddress(localPart: "x", domain: author))
        else { return (settings.modes, nil) }
        let rule = settings.domains[index]
        return (rule.applied(to: settings.modes), rule.origin)
    }

    func forwarder(_ client: IPAddress, name: DomainName?) -> Manifest.Forwarder? {
        settings.forwarders.first { $0.matches(client, name: name) }
    }
}

extension Manifest.Authentication.DomainRule {
    func applied(to modes: Manifest.Authentication.Modes) -> Manifest.Authentication.Modes {
        var modes = modes
        modes.spf = spf ?? modes.spf
        modes.dkim = dkim ?? modes.dkim
        modes.arc = arc ?? modes.arc
        modes.reverse = reverse ?? modes.reverse
        modes.dmarc = dmarc ?? modes.dmarc
        modes.rejection = rejection ?? modes.rejection
        return modes
    }
}

extension PolicyRules {
    /// Whether a client's mail is checked.
    package func checks(_ client: ClientFacts) -> Bool { !authentication.areOff && distrusts(client) }

    /// Whether a client is a stranger, and not somebody who hands mail on for us: what it says in our name is forged.
    package func distrusts(_ client: ClientFacts) -> Bool {
        guard client.role == .mx, MessageOrigin(client, rules: self) == .stranger else { return false }
        return !authentication.settings.exempt.contains { $0.contains(client.address) }
    }
}
