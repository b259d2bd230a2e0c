import MailConfig
package import MailSyntax

/// What became of an address.
enum AddressRewrite {
    case asking
    case done(EmailAddress)
    case unavailable(String)
}

// Canonical addresses and masquerading: one address becomes one other, in envelope and header.
extension EvaluationContext {
    /// As often as Postfix does; further changes are left out.
    private static let mostCanonicalSteps = 10

    /// An address as it is from here on, of one of the four classes.
    mutating func canonical(
        _ address: EmailAddress, _ kind: Manifest.RewriteClass, _ rules: RewriteRules
    ) -> AddressRewrite {
        guard rules.hasCanonical else { return .done(address) }
        let isSender = kind == .envelopeSender || kind == .headerSender
        var purposes: [TablePurpose] = []
        let own = isSender ? rules.settings.senderCanonical : rules.settings.recipientCanonical
        if !own.isEmpty { purposes.append(isSender ? .senderCanonical : .recipientCanonical) }
        if !rules.settings.canonical.isEmpty, rules.settings.canonicalClasses.contains(kind) {
            purposes.append(.canonical)
        }
        var address = address
        for purpose in purposes {
            switch repeatedly(address, purpose, rules) {
            case .done(let next): address = next
            case let other: return other
            }
        }
        if rules.settings.masquerade.classes.contains(kind) { address = masquerade(address, rules) }
        return .done(address)
    }

    /// Maps an address until it stays the same.
    private mutating func repeatedly(
        _ address: EmailAddress, _ purpose: TablePurpose, _ rules: RewriteRules
    ) -> AddressRewrite {
        var address = address
        for _ in 0..<Self.mostCanonicalSteps {
            switch map(address, by: purpose, rules) {
            case .asking: return .asking
            case .unavailable(let reason): return .unavailable(reason)
            case .notFound: return .done(address)
            case .found(let found, let origin):
                guard let next = found.first, next.folded != address.folded else {
                    return .done(found.first ?? address)
                }
                step(TraceStage.rewrite, purpose.rawValue, origin: origin, before: "\(address)", after: "\(next)")
                address = next
            }
        }
        step(
            TraceStage.rewrite, purpose.rawValue, before: "\(address)",
            note: "changed \(Self.mostCanonicalSteps) times, and no further")
        return .done(address)
    }

    /// Cuts what stands before a listed domain. From left to right, the first that the domain is in ends the search;
    /// the domain itself stays.
    private mutating func masquerade(_ address: EmailAddress, _ rules: RewriteRules) -> EmailAddress {
        guard let domain = address.domain, !rules.settings.masquerade.domains.isEmpty,
            !rules.isExceptedFromMasquerade(address.localPart),
            let item = rules.settings.masquerade.domains.first(where: {
                $0.domain == domain || domain.isSubdomain(of: $0.domain)
            }), !item.isException, item.domain != domain
        else { return address }
        let next = EmailAddress(localPart: address.localPart, domain: item.domain)
        step(
            TraceStage.rewrite, "masquerade", origin: rules.masqueradeOrigin, before: "\(address)", after: "\(next)")
        return next
    }
}

/// An address in a header field, when mail is taken in.
package struct HeaderAddressFacts: Sendable, Hashable {
    package enum Address: Sendable, Hashable {
        case address(EmailAddress)
        /// A local part alone.
        case unqualified(String)
    }

    package var address: Address
    package var isSender: Bool

    package init(_ address: Address, isSender: Bool) {
        self.address = address
        self.isSender = isSender
    }
}

package enum AddressDecision: Sendable, Hashable {
    case keep
    case replace(EmailAddress)
    /// A table didn't answer: 451, or tried again later.
    case unavailable(String)
}

extension Policy {
    /// What stands in the header instead of an address.
    package static func rewriteHeaderAddress(
        _ facts: HeaderAddressFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<AddressDecision> {
        var context = EvaluationContext(answers)
        let address: EmailAddress
        switch facts.address {
        case .address(let whole): address = whole
        case .unqualified(let name):
            guard let qualified = rules.rewriting.qualified(name) else { return context.decided(.keep) }
            context.step(TraceStage.rewrite, "header-qualify", before: name, after: "\(qualified)")
            address = qualified
        }
        let kind: Manifest.RewriteClass = facts.isSender ? .headerSender : .headerRecipient
        switch context.canonical(address, kind, rules.rewriting) {
        case .asking: return context.asking()
        case .unavailable(let reason): return context.decided(.unavailable(reason))
        case .done(let next):
            return context.decided(facts.address == .address(next) ? .keep : .replace(next))
        }
    }

    /// What an address is called outside: not recursive, and only on the way out.
    package static func rewriteOutgoing(
        _ address: EmailAddress, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<AddressDecision> {
        var context = EvaluationContext(answers)
        guard rules.rewriting.hasGeneric else { return context.decided(.keep) }
        switch context.map(address, by: .generic, rules.rewriting) {
        case .asking: return context.asking()
        case .unavailable(let reason): return context.decided(.unavailable(reason))
        case .notFound: return context.decided(.keep)
        case .found(let found, let origin):
            guard let next = found.first, next != address else { return context.decided(.keep) }
            context.step(
                TraceStage.rewrite, TablePurpose.generic.rawValue, origin: origin, before: "\(address)",
                after: "\(next)")
            return context.decided(.replace(next))
        }
    }
}
