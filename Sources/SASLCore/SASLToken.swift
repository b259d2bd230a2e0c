/// An access token as a client sent it. Nothing here has been checked.
package struct SASLToken: Sendable, Equatable {
    /// Whom the client means to be; nil: whom the token names.
    package let login: String?
    package let token: Secret

    package init(login: String?, token: Secret) {
        self.login = login
        self.token = token
    }

    /// Why a token is refused, in the words of RFC 6750 §3.1.
    package enum Refusal: String, Sendable, Equatable {
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
    }
}

extension SASLToken.Refusal {
    /// What the client is told, as JSON; it then ends the exchange.
    ///
    /// - Parameters:
    ///   - scope: what a token needs.
    ///   - discovery: the address of the OpenID configuration, by which a client finds where to get a token.
    package func explanation(
        for mechanism: SASLMechanism, scope: String? = nil, discovery: String? = nil
    ) -> [UInt8] {
        var members: [(String, String)]
        switch mechanism {
        case .xoauth2:
            // As Google writes it: clients look for a status of 400 or 401, get a fresh token and try again.
            members = [("status", self == .invalidToken ? "401" : "403"), ("schemes", "Bearer")]
            if let scope { members.append(("scope", scope)) }
        default:
            // RFC 7628 §3.2.2
            members = [("status", rawValue)]
            if let scope { members.append(("scope", scope)) }
            if let discovery { members.append(("openid-configuration", discovery)) }
        }
        return Array("{\(members.map { "\"\($0.0)\":\(Self.quoted($0.1))" }.joined(separator: ","))}".utf8)
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20: quoted += "?"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension SASLToken {
    private static let separator: UInt8 = 1

    static func read(_ message: [UInt8], _ mechanism: SASLMechanism) -> Result<SASLToken, SASLFailure> {
        do throws(SASLFailure) {
            return .success(mechanism == .xoauth2 ? try xoauth2(message) : try oauthBearer(message))
        } catch {
            return .failure(error)
        }
    }

    // RFC 7628 §3.1: client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
    private static func oauthBearer(_ message: [UInt8]) throws(SASLFailure) -> SASLToken {
        let head = message.prefix { $0 != separator }
        let parts = head.split(separator: 0x2C, omittingEmptySubsequences: false)
        // RFC 7628 §3.1: no channel binding is defined, so "p=" is not for this mechanism
        guard parts.count == 3, parts[2].isEmpty, parts[0].count == 1, let flag = parts[0].first,
            flag == UInt8(ascii: "n") || flag == UInt8(ascii: "y")
        else { throw .malformed }
        var login: String?
        if !parts[1].isEmpty {
            guard parts[1].starts(with: Array("a=".utf8)) else { throw .malformed }
            login = try SCRAMServer.identity(parts[1].dropFirst(2))
        }
        return SASLToken(login: login, token: try bearer(of: try pairs(message.dropFirst(head.count))))
    }

    // user=NAME ^A auth=Bearer TOKEN ^A ^A
    private static func xoauth2(_ message: [UInt8]) throws(SASLFailure) -> SASLToken {
        let pairs = try pairs([separator] + message)
        guard let user = pairs.first(where: { $0.name == "user" }) else { throw .malformed }
        let login = try SASLServer.identity(user.value).get()
        return SASLToken(login: login, token: try bearer(of: pairs))
    }

    /// What stands between the separators; the last pair is followed by two.
    private static func pairs(
        _ octets: some Collection<UInt8>
    ) throws(SASLFailure) -> [(name: String, value: ArraySlice<UInt8>)] {
        let octets = Array(octets)
        guard octets.count <= 2 * SASLLimits.token else { throw .tooLong }
        guard octets.first == separator, octets.suffix(2) == [separator, separator] else { throw .malformed }
        var pairs: [(name: String, value: ArraySlice<UInt8>)] = []
        for part in octets.split(separator: separator, maxSplits: 32) {
            guard let equals = part.firstIndex(of: 0x3D), equals > part.startIndex else { throw .malformed }
            let name = part[..<equals]
            // RFC 7628 §3.1: key = 1*(ALPHA)
            guard name.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) }) else { throw .malformed }
            pairs.append((String(decoding: name, as: UTF8.self).lowercased(), part[(equals + 1)...]))
        }
        return pairs
    }

    // RFC 6750 §2.1: the scheme has no case, the token is of the characters of b64token
    private static func bearer(of pairs: [(name: String, value: ArraySlice<UInt8>)]) throws(SASLFailure) -> Secret {
        guard let value = pairs.first(where: { $0.name == "auth" })?.value,
            let space = value.firstIndex(of: 0x20),
            String(decoding: value[..<space], as: UTF8.self).lowercased() == "bearer"
        else { throw .malformed }
        let token = value[space...].drop { $0 == 0x20 }
        guard token.count <= SASLLimits.token else { throw .tooLong }
        guard !token.isEmpty, token.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .malformed }
        return Secret(token)
    }
}
