import MailConfig
import MailSyntax

/// What the tables of a purpose have for an address.
package enum TableFind: Sendable, Hashable {
    /// The questions are noted in the context; evaluate again with their answers.
    case asking
    case notFound
    /// - tag: the `+ext` that the key was found without, delimiter included, as it was written; nil when the key had
    ///   everything, or there is none.
    case found(TableAnswer, tag: String?)
    /// A table that should have been asked before any with an answer didn't answer: defer.
    case unavailable(String)
}

/// One step of a search: the keys that are tried for it, first the better spelling.
private struct FindStep {
    var keys: [String]
    /// Tables of patterns are asked too.
    var isWhole = false
    var tag: String?
}

// Steps are asked for all at once, which saves an evaluation a step; the answers are taken in their order, so that a
// failing table only counts when no earlier step was answered.
extension EvaluationContext {
    /// Looks an address up as Postfix does: `user+ext@domain`, `user@domain`, for local domains `user+ext` and `user`,
    /// and `@domain`. Each step asks every table of the purpose. Tables of patterns see the whole address, and only that.
    ///
    /// A purpose without tables is best not asked for at all: `PolicyRules.hasTables`.
    ///
    /// - Parameters:
    ///   - delimiters: each of them ends the local part where it first stands; empty: there are no extensions.
    ///   - isLocalDomain: the local part alone is a key too.
    mutating func find(
        _ address: EmailAddress, in purpose: TablePurpose, delimiters: String, isLocalDomain: Bool
    ) -> TableFind {
        let split = AddressExtension.split(address.localPart, delimiters)
        let host = address.hostText
        let base = split.tag == nil ? nil : AddressForms(localPart: split.base)
        let full = AddressForms(localPart: address.localPart)
        var steps = [FindStep(keys: full.keys(at: host), isWhole: true)]
        if let base { steps.append(FindStep(keys: base.keys(at: host), tag: split.tag)) }
        if isLocalDomain {
            steps.append(FindStep(keys: full.keys))
            if let base { steps.append(FindStep(keys: base.keys, tag: split.tag)) }
        }
        steps.append(FindStep(keys: ["@\(host)"], tag: split.tag))
        return take(steps, in: purpose)
    }

    /// The same for a reverse-path; the null one is looked up as `nullKey`, and not at all when that is nil.
    mutating func find(
        _ path: ReversePath, in purpose: TablePurpose, nullKey: String? = "<>", delimiters: String, isLocalDomain: Bool
    ) -> TableFind {
        if let address = path.address {
            return find(address, in: purpose, delimiters: delimiters, isLocalDomain: isLocalDomain)
        }
        return nullKey.map { find(key: $0, in: purpose) } ?? .notFound
    }

    /// Looks one key up as it is: a host name, a next hop such as `[mail.example.net]:587`.
    mutating func find(key: String, in purpose: TablePurpose) -> TableFind {
        take([FindStep(keys: [key], isWhole: true)], in: purpose)
    }

    /// A recipient's transport: `user+ext@domain`, `user@domain`, `domain`, `.parent` of each parent, `*`.
    mutating func findTransport(
        _ address: EmailAddress, in purpose: TablePurpose = .transport, delimiters: String
    ) -> TableFind {
        let split = AddressExtension.split(address.localPart, delimiters)
        let host = address.hostText
        var steps = [FindStep(keys: AddressForms(localPart: address.localPart).keys(at: host), isWhole: true)]
        if split.tag != nil {
            steps.append(FindStep(keys: AddressForms(localPart: split.base).keys(at: host), tag: split.tag))
        }
        steps += Self.domainSteps(address.host)
        steps.append(FindStep(keys: ["*"], isWhole: true))
        return take(steps, in: purpose)
    }

    /// A domain, then `.parent` of each of its parents: what TLS policies are looked up by.
    mutating func find(_ domain: DomainName, in purpose: TablePurpose) -> TableFind {
        var steps = Self.domainSteps(.domain(domain))
        if !steps.isEmpty { steps[0].isWhole = true }
        return take(steps, in: purpose)
    }

    private static func domainSteps(_ host: EmailAddress.Host) -> [FindStep] {
        switch host {
        case .literal(let literal):
            return [FindStep(keys: [literal])]
        case .domain(let domain):
            var steps = [FindStep(keys: [domain.ascii])]
            var parent = domain.parent
            while let next = parent {
                steps.append(FindStep(keys: [".\(next.ascii)"]))
                parent = next.parent
            }
            return steps
        }
    }

    private mutating func take(_ steps: [FindStep], in purpose: TablePurpose) -> TableFind {
        for (index, step) in steps.enumerated() {
            for key in step.keys {
                switch ask(.table(purpose, key: key, isWhole: step.isWhole)) {
                case nil:
                    for later in steps[index...] {
                        for key in later.keys { _ = ask(.table(purpose, key: key, isWhole: later.isWhole)) }
                    }
                    return .asking
                case .table(nil): continue
                case .table(let answer?): return .found(answer, tag: step.tag)
                case .unavailable(let reason): return .unavailable(reason)
                default: return .unavailable("wrong answer")
                }
            }
        }
        return .notFound
    }
}

/// A local part as tables may have it: quoted where SMTP needs quotes, and as it is.
private struct AddressForms {
    var keys: [String]

    init(localPart: String) {
        let wire = EmailAddress.wireForm(localPart: localPart)
        keys = wire == localPart ? [wire] : [wire, localPart]
    }

    func keys(at host: String) -> [String] { keys.map { "\($0)@\(host)" } }
}

/// The `+ext` of a local part.
package enum AddressExtension {
    /// Splits at the first of the delimiters. Not split are what has nothing before it, the names that
    /// belong to the mail system, and, where `-` is a delimiter, the names of list owners and list requests.
    ///
    /// - Returns: `tag` with its delimiter; nil when there is none.
    package static func split(_ localPart: String, _ delimiters: String) -> (base: String, tag: String?) {
        guard !delimiters.isEmpty, let index = localPart.firstIndex(where: { delimiters.contains($0) }),
            index != localPart.startIndex, !isReserved(EmailAddress.fold(localPart), delimiters)
        else { return (localPart, nil) }
        return (String(localPart[..<index]), String(localPart[index...]))
    }

    private static func isReserved(_ name: String, _ delimiters: String) -> Bool {
        switch name {
        case "postmaster", "mailer-daemon", "double-bounce": return true
        default:
            guard delimiters.contains("-") else { return false }
            return name.hasPrefix("owner-") || (name.hasSuffix("-request") && name.utf8.count > 8)
        }
    }
}
