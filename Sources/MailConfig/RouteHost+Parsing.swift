import MailSyntax

/// Why a text is no next hop.
package struct RouteHostError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for the operator: `"smtpp" is neither a port nor a service`.
    package var description: String
}

extension RouteHost {
    /// Ports that have a name; those of mail, as `/etc/services` and IANA have them. // RFC 8314 §7.3
    private static let services = ["smtp": 25, "lmtp": 24, "submission": 587, "submissions": 465, "smtps": 465]

    /// Reads one next hop as Postfix writes it: `[mail.isp.example]:587`, `isp.example`, `[192.0.2.1]:submission`,
    /// `[2001:db8::1]`, `unix:/run/lmtp`, `inet:[host]:port`. nil where ``parse(_:)`` says what is wrong.
    package init?(parsing text: some StringProtocol) {
        guard let host = try? Self.parse(text) else { return nil }
        self = host
    }

    /// Reads one next hop. A name without brackets is a domain, whose MX records are looked up; an IPv4 address without
    /// brackets is that address.
    package static func parse(_ text: some StringProtocol) throws(RouteHostError) -> RouteHost {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
                throw RouteHostError(description: "\"\(path)\" is not an absolute path of at most 107 octets")
            }
            return RouteHost(.socket(path: path))
        }
        guard !text.contains("://") else {
            throw RouteHostError(description: "a link is no host: the name alone, with a port behind it")
        }
        var rest = text.hasPrefix("inet:") ? text[...].dropFirst(5) : text[...]
        var bracketed: Substring?
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { throw RouteHostError(description: "a `]` is missing") }
            bracketed = Substring(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else {
                throw RouteHostError(description: "after `]` there may be `:` and a port, and nothing else")
            }
        }
        let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if bracketed == nil, parts.count == 2, parts[1].contains(":") {
            throw RouteHostError(description: "an IPv6 address stands in brackets: `[2001:db8::1]:25`")
        }
        let port = parts.count == 2 ? try Self.port(parts[1]) : nil
        if let bracketed { return RouteHost(.host(try hostName(bracketed)), port: port) }
        let name = Substring(parts.first ?? "")
        if let address = IPAddress(name) { return RouteHost(.host(address.description), port: port) }
        guard let domain = DomainName(name) else {
            throw RouteHostError(description: "\"\(name)\" is not a host name or address")
        }
        return RouteHost(.domain(domain.ascii), port: port)
    }

    /// Reads several next hops, parted by commas or blanks, in order; at least one.
    package static func parse(list text: some StringProtocol) throws(RouteHostError) -> [RouteHost] {
        var hosts: [RouteHost] = []
        for part in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            hosts.append(try parse(part))
        }
        guard !hosts.isEmpty else { throw RouteHostError(description: "a host is missing") }
        return hosts
    }

    private static func port(_ text: some StringProtocol) throws(RouteHostError) -> Int {
        if let named = services[text.lowercased()] { return named }
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text), (1...65535).contains(number)
        else {
            let names = services.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")
            throw RouteHostError(description: "\"\(text)\" is neither a port from 1 to 65535 nor one of \(names)")
        }
        return number
    }

    /// A name or an address, as it stands between brackets; `IPv6:` may come first. // RFC 5321 §4.1.3
    private static func hostName(_ text: Substring) throws(RouteHostError) -> String {
        let plain = text.lowercased().hasPrefix("ipv6:") ? text.dropFirst(5) : text
        if let address = IPAddress(plain) { return address.description }
        guard let name = DomainName(plain) else {
            throw RouteHostError(description: "\"\(plain)\" is not a host name or address")
        }
        return name.ascii
    }
}
