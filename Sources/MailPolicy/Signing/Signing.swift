import MailConfig
package import MailSyntax

/// Who a message comes from, when it comes to signing it.
package enum MessageOrigin: Sendable, Hashable {
    case login(LoginFacts)
    /// A client of a trusted network, or a user of this host, who sends for whom it likes.
    case trusted
    /// Made here: a bounce, a report.
    case system
    /// Brought by another server, and on its way through an alias.
    case stranger
}

extension MessageOrigin {
    /// What a client's mail counts as.
    package init(_ client: ClientFacts, rules: PolicyRules) {
        if let login = client.login {
            self = .login(login)
        } else if case .granted = Policy.relayPermission(client, rules) {
            self = .trusted
        } else {
            self = .stranger
        }
    }
}

package struct SigningFacts: Sendable, Hashable {
    package var origin: MessageOrigin
    /// The (first) mailbox of the final `From`; nil when there is none that can be read.
    package var headerFrom: EmailAddress?

    package init(origin: MessageOrigin, headerFrom: EmailAddress?) {
        self.origin = origin
        self.headerFrom = headerFrom
    }
}

/// Whom the signature of a message speaks for.
package enum SigningDecision: Sendable, Hashable {
    /// The author, or the login where the author isn't the login's own. Which keys sign for that address is decided when
    /// the message leaves, by `chooseSigningKeys`.
    case sign(EmailAddress)
    case leave
}

/// Keys that sign for an author.
package enum SigningKeys: Sendable, Hashable {
    /// The active ones of a domain in the directory; `signedAs` is what stands in `d=`.
    case directory(DomainName, signedAs: DomainName)
    /// One of the key table, with the `i=` of the signing table.
    case table(SigningTables.Key, identity: String?)
}

package enum SigningKeysDecision: Sendable, Hashable {
    /// None: nothing signs for the author.
    case keys([SigningKeys])
    case unavailable(String)
}

extension Policy {
    /// Chooses whom the signature speaks for: the author in the header's `From`, when whoever sends has a right to it.
    ///
    /// A signature vouches for the `From`: a stranger's message is never signed, a login that writes a `From` it may
    /// not use gets the signature of its own domain, and whoever may send for anybody gets that of the `From`.
    package static func chooseSigning(
        _ facts: SigningFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SigningDecision> {
        var context = EvaluationContext(answers)
        switch facts.origin {
        case .stranger:
            context.step(TraceStage.signing, "origin", note: "not signed: it came from another server")
            return context.decided(.leave)
        case .system:
            // The host's own name is below the domain it serves.
            return sign(for: facts.headerFrom, "from-domain", facts, rules, parents: true, &context)
        case .trusted:
            return sign(for: facts.headerFrom, "from-domain", facts, rules, &context)
        case .login(let login):
            // Keys of single users are for them alone; others are those of the whole domain.
            let isForUsers = rules.manifest.dkim.signingTable != nil
            guard let from = facts.headerFrom, let domain = from.domain,
                domain != login.address.domain || (isForUsers && from.folded != login.address.folded)
            else {
                let author = facts.headerFrom?.domain == nil ? login.address : facts.headerFrom
                return sign(for: author, "from-domain", facts, rules, &context)
            }
            switch ownership(of: from, login, rules, &context) {
            case .asking: return context.asking()
            case .own: return sign(for: from, "from-domain", facts, rules, &context)
            default: return sign(for: login.address, "login-domain", facts, rules, &context)
            }
        }
    }

    /// - Parameter parents: keys of a domain above will do, whatever `dkim.subdomains` says.
    private static func sign(
        for author: EmailAddress?, _ rule: String, _ facts: SigningFacts, _ rules: PolicyRules, parents: Bool = false,
        _ context: inout EvaluationContext
    ) -> Evaluation<SigningDecision> {
        let from = facts.headerFrom.map { "From: \($0)" }
        guard var author, author.domain != nil else {
            context.step(TraceStage.signing, rule, before: from, note: "not signed: there is no domain")
            return context.decided(.leave)
        }
        let setting = parents ? .parent : rules.manifest.dkim.subdomains
        switch signingKeys(of: author, rule, from, rules, setting, &context) {
        case .asking: return context.asking()
        // Whether anything signs can be found out when the message leaves.
        case .unavailable: return context.decided(.sign(author))
        case .keys(let keys):
            guard let first = keys.first else {
                // It may become an author of ours on the way out.
                let mayChange = rules.rewriting.hasGeneric || rules.rewriting.hasSendingHeaderChecks
                return context.decided(mayChange ? .sign(author) : .leave)
            }
            if parents, case .directory(_, let domain) = first {
                author = EmailAddress(localPart: author.localPart, domain: domain)
            }
            return context.decided(.sign(author))
        }
    }

    /// Chooses the keys that sign for an author: those that the signing table names; where it has none, those of the
    /// author's domain in the directory, or of a domain above where `dkim.subdomains` allows that.
    package static func chooseSigningKeys(
        _ author: EmailAddress, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SigningKeysDecision> {
        var context = EvaluationContext(answers)
        let setting = rules.manifest.dkim.subdomains
        switch signingKeys(of: author, "from-domain", "From: \(author)", rules, setting, &context) {
        case .asking: return context.asking()
        case .unavailable(let reason): return context.decided(.unavailable(reason))
        case .keys(let keys): return context.decided(.keys(keys))
        }
    }

    private enum FoundKeys {
        case asking
        case unavailable(String)
        case keys([SigningKeys])
    }

    private static func signingKeys(
        of author: EmailAddress, _ rule: String, _ from: String?, _ rules: PolicyRules,
        _ subdomains: Manifest.DKIM.Subdomains, _ context: inout EvaluationContext
    ) -> FoundKeys {
        guard let domain = author.domain else { return .keys([]) }
        if rules.manifest.dkim.signingTable != nil {
            switch context.ask(.signingTable(author)) {
            case nil: return .asking
            case .unavailable(let reason): return .unavailable(reason)
            case .signingTable(let matches):
                let keys = tableKeys(matches, from, rules, &context)
                if !keys.isEmpty { return .keys(keys) }
            default: break
            }
        }
        switch directoryKeys(of: domain, subdomains, &context) {
        case .asking: return .asking
        case .unavailable(let reason): return .unavailable(reason)
        case .nobody:
            let note = "not signed: \(domain) is not a domain of this server"
            context.step(TraceStage.signing, rule, before: from, note: note)
            return .keys([])
        case .keys(let owner, let name):
            let note = owner == domain ? nil : "with the keys of \(owner)"
            context.step(TraceStage.signing, rule, origin: "directory", before: from, after: "d=\(name)", note: note)
            return .keys([.directory(owner, signedAs: name)])
        }
    }

    private static func tableKeys(
        _ matches: [SigningTables.Match], _ from: String?, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> [SigningKeys] {
        var keys: [SigningKeys] = []
        for match in rules.manifest.dkim.multipleSignatures ? matches : Array(matches.prefix(1)) {
            guard let key = match.key else {
                let note = "the key table has no \(match.name)"
                context.step(TraceStage.signing, "table", origin: match.origin, before: from, note: note)
                continue
            }
            let next = SigningKeys.table(key, identity: match.identity)
            guard !keys.contains(next) else { continue }
            context.step(
                TraceStage.signing, "table", origin: match.origin, before: from,
                after: "\(match.name): d=\(key.domain), s=\(key.selector)")
            keys.append(next)
        }
        return keys
    }

    private enum DirectoryKeys {
        case asking
        case unavailable(String)
        /// No domain of this server.
        case nobody
        case keys(of: DomainName, signedAs: DomainName)
    }

    private static func directoryKeys(
        of domain: DomainName, _ subdomains: Manifest.DKIM.Subdomains, _ context: inout EvaluationContext
    ) -> DirectoryKeys {
        var name = domain
        // A domain of ours without keys is told of when the message leaves.
        var found = DirectoryKeys.nobody
        while true {
            switch context.ask(.signingKeys(name)) {
            case nil: return .asking
            case .unavailable(let reason): return .unavailable(reason)
            case .selectors(let selectors?):
                if !selectors.isEmpty { return .keys(of: name, signedAs: subdomains == .own ? domain : name) }
                if name == domain { found = .keys(of: name, signedAs: name) }
            default: break
            }
            guard subdomains != .off, let parent = name.parent else { return found }
            name = parent
        }
    }
}

extension TraceStep {
    /// The author was rewritten on the way out, and the new one is signed for.
    package static func signing(_ author: EmailAddress, rewrittenTo next: EmailAddress) -> TraceStep {
        TraceStep(
            stage: TraceStage.signing, rule: "rewritten-from", before: "From: \(author)", after: "From: \(next)")
    }

    /// What keys do with a message that leaves.
    ///
    /// - Parameters:
    ///   - selectors: of the keys that sign.
    ///   - origin: where the keys stand.
    ///   - isLeftOut: the header can't be signed.
    package static func signing(
        _ domain: DomainName, selectors: [String], origin: String = "directory", isLeftOut: Bool = false
    ) -> TraceStep {
        var step = TraceStep(stage: TraceStage.signing, rule: "dkim", origin: origin, before: "d=\(domain)")
        if selectors.isEmpty {
            step.note = "not signed: the domain has no active key"
        } else if isLeftOut {
            step.note = "not signed: the header has no From, or is too long"
        } else {
            step.after = selectors.map { "s=\($0)" }.joined(separator: ", ")
        }
        return step
    }
}
