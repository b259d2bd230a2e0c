import MailConfig
import MailSyntax

/// What one lookup makes of an address.
enum AddressMapping {
    case asking
    case notFound
    /// At least one.
    case found([EmailAddress], origin: String)
    case unavailable(String)
}

extension EvaluationContext {
    /// One lookup of an address, its result read as addresses: `@other` keeps the local part, what has no domain gets
    /// the origin, and `+ext` that the key was found without goes behind each local part where the purpose wants it.
    mutating func map(_ address: EmailAddress, by purpose: TablePurpose, _ rules: RewriteRules) -> AddressMapping {
        let find = find(
            address, in: purpose, delimiters: rules.delimiters, isLocalDomain: rules.isLocal(address))
        switch find {
        case .asking: return .asking
        case .notFound: return .notFound
        case .unavailable(let reason): return .unavailable(reason)
        case .found(let answer, let tag):
            let reader = MappedAddresses(rules: rules, of: address, tag: tag, propagates: rules.propagates(purpose))
            guard let addresses = reader.read(answer.value) else {
                return .unavailable("\(answer.origin) is no address: \(answer.value.prefix(100))")
            }
            return .found(addresses, origin: answer.origin)
        }
    }
}

/// Reads the value of a table of addresses.
private struct MappedAddresses {
    let rules: RewriteRules
    let of: EmailAddress
    let tag: String?
    let propagates: Bool

    /// nil when anything in it is no address.
    func read(_ value: String) -> [EmailAddress]? {
        var addresses: [EmailAddress] = []
        for (index, text) in AddressWords.split(value).enumerated() {
            // Postfix puts the local part before the whole value, so that it goes to the first address alone.
            let local = index == 0 && text.first == "@" ? base : nil
            guard let address = address(local.map { "\($0)\(text)" } ?? text) else { return nil }
            addresses.append(address)
        }
        return addresses.isEmpty ? nil : addresses
    }

    /// The local part without the extension, as it is written in SMTP.
    private var base: String {
        guard let tag, of.localPart.hasSuffix(tag) else { return EmailAddress.wireForm(localPart: of.localPart) }
        return EmailAddress.wireForm(localPart: String(of.localPart.dropLast(tag.count)))
    }

    private func address(_ text: String) -> EmailAddress? {
        guard let address = EmailAddress(text) ?? rules.qualified(text) else { return nil }
        guard propagates, let tag else { return address }
        let local = EmailAddress.wireForm(localPart: address.localPart + tag)
        return EmailAddress("\(local)@\(address.hostText)")
    }
}

/// Cuts a list of addresses, as people write it in a table: at commas and blanks outside of quotes; of an item with
/// `<…>`, what stands in there.
enum AddressWords {
    static func split(_ value: String) -> [String] {
        var items: [String] = []
        var words: [String] = []
        var word = String.UnicodeScalarView()
        var angled: String?
        var (isQuoted, isEscaped) = (false, false)

        func endWord() {
            if !word.isEmpty { words.append(String(word)) }
            word = String.UnicodeScalarView()
        }
        func endItem() {
            endWord()
            if let own = angled { items.append(own) } else { items += words }
            words = []
            angled = nil
        }
        for scalar in value.unicodeScalars {
            if isEscaped || isQuoted, !(scalar == "\"" && !isEscaped) {
                isEscaped = !isEscaped && scalar == "\\"
                word.append(scalar)
                continue
            }
            switch scalar {
            case "\"":
                isQuoted.toggle()
                word.append(scalar)
            case "\\":
                isEscaped = true
                word.append(scalar)
            case ",": endItem()
            case " ", "\t", "\n", "\r": endWord()
            case "<": endWord()
            case ">":
                if !word.isEmpty { angled = String(word) }
                word = String.UnicodeScalarView()
            default: word.append(scalar)
            }
        }
        endItem()
        return items
    }
}
