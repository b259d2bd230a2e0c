package import DNSCore
package import MailSyntax

/// Whether a client's address has a name that has the address. // RFC 8601 §3
package enum ReverseResult: Sendable, Hashable {
    case pass(DomainName)
    case fail(String)
    case temporaryError(String)
    /// There is no name to look at. // RFC 8601 §2.7.3
    case permanentError(String)

    package var keyword: String {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .temporaryError: "temperror"
        case .permanentError: "permerror"
        }
    }

    package var reason: String? {
        switch self {
        case .pass: nil
        case .fail(let reason), .temporaryError(let reason), .permanentError(let reason): reason
        }
    }

    /// The confirmed name.
    package var name: DomainName? {
        if case .pass(let name) = self { return name }
        return nil
    }
}

/// Forward-confirmed reverse DNS.
package enum ReverseCheck {
    /// Names of one address that are looked at. // RFC 8601 §3
    static let mostNames = 10

    package static func check(_ client: IPAddress, resolver: any DNSResolver) async -> ReverseResult {
        let names: [String]
        switch await resolver.resolve(client.reverseName, .ptr) {
        case .success(let answer): names = answer.names
        case .failure(let failure):
            guard !failure.isTemporary else { return .temporaryError("the name of \(client): \(failure)") }
            return .permanentError("\(client) has no name")
        }
        var trouble: String?
        for name in names.prefix(mostNames).compactMap({ DomainName($0) }) {
            switch await resolver.resolve(name, client.isV6 ? .aaaa : .a) {
            case .success(let answer):
                if answer.addresses.contains(client) { return .pass(name) }
            case .failure(let failure):
                if failure.isTemporary { trouble = "the addresses of \(name): \(failure)" }
            }
        }
        if let trouble { return .temporaryError(trouble) }
        return .fail("none of the names of \(client) has its address")
    }
}
