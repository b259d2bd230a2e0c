import MailSyntax

// Addresses, networks, hosts: single values that the mail half of the manifest is made of.

extension ValueType where Value == IPNetwork {
    static var network: ValueType {
        .scalar("network", example: "192.0.2.0/24") { text throws(ValueProblem) in
            let remedy = "write a network such as `192.0.2.0/24` or `\"2001:db8::/32\"`, or one address"
            guard let network = IPNetwork(text) else {
                throw ValueProblem(message: "is `\(text)`, not a network", remedy: remedy)
            }
            // A slip of the pen, as in 192.0.2.5/16, would trust more than was meant.
            let base = text.split(separator: "/", maxSplits: 1).first.flatMap { IPAddress($0) }
            guard base == network.base else {
                throw ValueProblem(
                    message: "is `\(text)`, an address within the network `\(network)`",
                    remedy: "write `\(network)` for the network, or the address without `/`")
            }
            return network
        } render: {
            $0.description
        }
    }
}

extension ValueType where Value == [IPNetwork] {
    static var networks: ValueType { .list(of: .network, named: "list of networks", example: "192.0.2.0/24") }
}

extension ValueType where Value == IPAddress {
    static var ipAddress: ValueType {
        let text = ValueType<String>.address
        return ValueType(
            name: text.name,
            read: { node, reading in text.read(node, &reading).flatMap { IPAddress($0) } },
            render: { .scalar($0.description) }
        )
    }
}

extension ValueType where Value == EmailAddress {
    static var emailAddress: ValueType {
        .scalar("address", example: "user@example.org") { text throws(ValueProblem) in
            guard let address = EmailAddress(text) else {
                throw ValueProblem(
                    message: "is `\(text)`, not an address", remedy: "write one such as `user@example.org`")
            }
            return address
        } render: {
            $0.description
        }
    }
}

extension ValueType where Value == DomainName {
    static var domain: ValueType {
        .scalar("domain", example: "example.org") { text throws(ValueProblem) in
            guard let domain = DomainName(text), IPAddress(text) == nil else {
                throw ValueProblem(message: "is `\(text)`, not a domain", remedy: "write one such as `example.org`")
            }
            return domain
        } render: {
            $0.ascii
        }
    }
}

extension ValueType where Value == AddressPattern {
    static var addressPattern: ValueType {
        .scalar("address pattern", example: "@example.org") { text throws(ValueProblem) in
            guard let pattern = AddressPattern(text) else {
                throw ValueProblem(
                    message: "is `\(text)`, not an address pattern",
                    remedy:
                        "write `user@example.org`, `@example.org`, `@.example.org` for the domains below it, `*` or `<>`"
                )
            }
            return pattern
        } render: {
            $0.description
        }
    }
}

extension ValueType where Value == [AddressPattern] {
    static var addressPatterns: ValueType {
        .list(of: .addressPattern, named: "list of address patterns", example: "@example.org")
    }

    /// Domains alone: no address, no `<>`.
    static var domainPatterns: ValueType { .list(of: .domainPattern, named: "list of domains", example: "example.org") }
}

extension ValueType where Value == AddressPattern {
    /// A domain, or the domains below one.
    static var domainPattern: ValueType {
        var item = ValueType<AddressPattern>.addressPattern
        let read = item.read
        item.read = { node, reading in
            guard let pattern = read(node, &reading) else { return nil }
            switch pattern {
            case .any, .domain, .subdomains: return pattern
            case .address, .null:
                let remedy = "write `example.org`, or `.example.org` for the domains below it"
                reading.reportValue(node, "has `\(pattern)`, not a domain", remedy: remedy)
                return nil
            }
        }
        return item
    }
}

extension ValueType where Value == Set<Manifest.RewriteClass> {
    static var rewriteClasses: ValueType { words(Manifest.RewriteClass.self) }
}

extension ValueType {
    /// A list of words that is a set; it is shown in the order of the words.
    static func words<Word: RawRepresentable & CaseIterable & Hashable & Sendable>(_: Word.Type) -> ValueType
    where Value == Set<Word>, Word.RawValue == String {
        let list = ValueType<[Word]>.list(
            of: .word, named: "list of words", example: Word.allCases.first?.rawValue ?? "")
        return ValueType(
            name: list.name, range: list.range, shape: .list,
            read: { node, reading in list.read(node, &reading).map(Set.init) },
            render: { set in .list(Word.allCases.filter(set.contains).map { .scalar($0.rawValue) }) }
        )
    }
}

extension ValueType where Value == String {
    /// Unique names of things in the manifest.
    static var objectName: ValueType {
        text("name", example: "isp", remedy: "write letters, digits, `-`, `_` and `.`, 64 at most") { text in
            !text.isEmpty && text.utf8.count <= 64
                && text.utf8.allSatisfy {
                    ($0 | 32 >= 97 && $0 | 32 <= 122) || (48...57).contains($0) || $0 == 45 || $0 == 95 || $0 == 46
                }
        }
    }

    /// One line of text.
    static var line: ValueType {
        text("line of text", example: "text", remedy: "write one line without control characters") { text in
            !text.isEmpty && text.utf8.count <= 500
                && text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
        }
    }

    static var localPart: ValueType {
        text("local part", example: "root", remedy: "write what stands before the `@`") { text in
            !text.isEmpty && !text.contains("@") && EmailAddress("\(text)@example.org") != nil
        }
    }
}
