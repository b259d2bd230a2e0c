import MailSyntax

extension ValueType where Value == String {
    /// A full host name, kept as lower-case A-labels.
    static var hostname: ValueType {
        .scalar("host name", example: "mail.example.org") { text throws(ValueProblem) in
            let remedy = "write the full name of this host, such as `mail.example.org`"
            guard let name = DomainName(text), IPAddress(text) == nil else {
                throw ValueProblem(message: "is `\(text)`, not a host name", remedy: remedy)
            }
            guard name.labels.count > 1 || name.ascii == "localhost" else {
                throw ValueProblem(message: "is `\(text)`, which has no domain", remedy: remedy)
            }
            return name.ascii
        } render: {
            $0
        }
    }

    /// A host name (one label will do) or an address.
    static var host: ValueType {
        .scalar("host name or address", example: "smtp.example.net") { text throws(ValueProblem) in
            if let address = IPAddress(text) { return address.description }
            guard let name = DomainName(text), !name.labels.allSatisfy({ $0.allSatisfy(\.isNumber) }) else {
                let remedy =
                    "write a name or an address alone, such as `smtp.example.net`; the port has its own setting"
                throw ValueProblem(message: "is `\(text)`, not a host name or address", remedy: remedy)
            }
            return name.ascii
        } render: {
            $0
        }
    }

    static var address: ValueType {
        .scalar("IP address", example: "192.0.2.1") { text throws(ValueProblem) in
            guard let address = IPAddress(text) else {
                let remedy = "write an IPv4 or IPv6 address, such as `192.0.2.1` or `\"2001:db8::1\"`"
                throw ValueProblem(message: "is `\(text)`, not an IP address", remedy: remedy)
            }
            return address.description
        } render: {
            $0
        }
    }

    /// A file or folder, made whole with the manifest's folder.
    static var path: ValueType {
        ValueType(
            name: "path",
            read: { node, reading in
                guard let text = scalarText(node, example: "/etc/martlet/file", &reading) else { return nil }
                if text.isEmpty || text.hasPrefix("~") || text.unicodeScalars.contains("\0") {
                    let remedy = "write the whole path from `/`, or one that starts in the manifest's folder"
                    reading.reportValue(node, "is `\(text)`, not a path", remedy: remedy)
                    return nil
                }
                return reading.resolve(text)
            },
            render: { .scalar($0) }
        )
    }

    /// A short text of certain characters.
    static func text(
        _ name: String, example: String, remedy: String, allowed: @escaping @Sendable (String) -> Bool
    ) -> ValueType {
        .scalar(name, example: example) { text throws(ValueProblem) in
            guard allowed(text) else { throw ValueProblem(message: "is `\(text)`, not a \(name)", remedy: remedy) }
            return text
        } render: {
            $0
        }
    }

    // RFC 2971 §3.3: names of up to 30 octets, values of up to 1024
    static var idField: ValueType {
        text("name=value", example: "name=Martlet", remedy: "write it as `support-url=https://example.org/help`") {
            text in
            guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
            let name = text.utf8[..<equals]
            let value = text.utf8[text.utf8.index(after: equals)...]
            return (1...30).contains(name.count) && (1...1024).contains(value.count)
                && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        }
    }

    static var userName: ValueType {
        text("user name", example: "martlet", remedy: "write the name of a system user, such as `martlet`") { text in
            let first = text.utf8.first ?? 0
            return text.utf8.count <= 32 && (isLetter(first) || first == UInt8(ascii: "_"))
                && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == 45 || $0 == 95 || $0 == 46 }
        }
    }

    // RFC 6376 §3.1
    static var selector: ValueType {
        text("selector", example: "rsa1", remedy: "write letters, digits and `-`, such as `rsa1`") { text in
            DomainName(text).map { $0.ascii == text.lowercased() && !text.contains("_") } ?? false
        }
    }

    static var delimiters: ValueType {
        let remedy = "write characters such as `+` or `+-`, or `\"\"` for none"
        return text("set of characters", example: "+", remedy: remedy) { text in
            text.utf8.count <= 8 && text.utf8.allSatisfy { "!#$%&'*+-/=?^_`{|}~.".utf8.contains($0) }
        }
    }

    static var credential: ValueType {
        text("text", example: "user@example.net", remedy: "write a user name without control characters") { text in
            !text.isEmpty && text.utf8.count <= 255 && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
        }
    }
}

private func isLetter(_ octet: UInt8) -> Bool { (65...90).contains(octet) || (97...122).contains(octet) }
private func isDigit(_ octet: UInt8) -> Bool { (48...57).contains(octet) }

extension ValueType where Value == Manifest.DNSForwarder {
    static var forwarder: ValueType {
        .scalar("address@port", example: "192.0.2.53@53") { text throws(ValueProblem) in
            let remedy = "write an address, with `@` and the port if it isn't 53, such as `192.0.2.53@5353`"
            let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            let port = parts.count == 2 ? Int(parts[1]) : 53
            guard let first = parts.first, let address = IPAddress(first), let port, (1...65535).contains(port) else {
                throw ValueProblem(message: "is `\(text)`, not the address of a DNS server", remedy: remedy)
            }
            return Manifest.DNSForwarder(address: address.description, port: port)
        } render: {
            $0.description
        }
    }
}

extension ValueType {
    /// A list whose items are single values.
    static func list<Item: Sendable & Equatable>(
        of item: ValueType<Item>, named name: String, example: String
    ) -> ValueType where Value == [Item] {
        ValueType(
            name: name, range: item.range, shape: .list,
            read: { node, reading in
                guard let items = listItems(node, example: example, &reading) else { return nil }
                var values: [Item] = []
                for node in items {
                    if let value = item.read(node, &reading) { values.append(value) }
                }
                return values.count == items.count ? values : nil
            },
            render: { .list($0.compactMap(item.render)) }
        )
    }
}
