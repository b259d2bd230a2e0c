import FoundationEssentials
import MailConfig
import MailSyntax

/// An endpoint's answer on a token, read with suspicion. // RFC 7662 §2.2
struct Introspection {
    private let members: [String: Member]

    /// - Throws: where it is no object of JSON, or the endpoint doesn't know us.
    init(_ answer: EndpointAnswer) throws(TokenFailure) {
        switch answer.status {
        case 200: break
        // RFC 7662 §2.3
        case 401, 403: throw TokenFailure(.client, "the endpoint does not take our client_id and secret")
        case 300..<400:
            throw TokenFailure(
                .unreachable, "the endpoint answered \(answer.status), a redirect, which is not followed")
        default: throw TokenFailure(.unreachable, "the endpoint answered \(answer.status)")
        }
        guard let members = try? JSONDecoder().decode([String: Member].self, from: Data(answer.body)) else {
            throw TokenFailure(.unreachable, "the endpoint answered something that is no JSON object")
        }
        self.members = members
    }

    /// What it means here, and when the token ends.
    func standing(_ settings: Manifest.TokenLogins, now: Timestamp) -> (TokenStanding, expiry: Timestamp?) {
        // RFC 7662 §2.2: "active" alone decides whether the rest means anything
        guard case .flag(true) = members["active"] else { return (.inactive, nil) }
        let expiry = members["exp"]?.time
        if let expiry, expiry <= now { return (.inactive, nil) }
        if let begin = members["nbf"]?.time, begin > now { return (.inactive, begin) }
        if !settings.audience.isEmpty {
            let audience = Set(members["aud"]?.texts ?? [])
            guard !audience.isDisjoint(with: settings.audience) else { return (.inactive, expiry) }
        }
        // RFC 6749 §3.3: words with a blank between them; some write a list
        let scopes = Set((members["scope"]?.texts ?? []).flatMap { $0.split(separator: " ").map(String.init) })
        guard scopes.isSuperset(of: settings.scopes) else { return (.insufficientScope, expiry) }
        guard let owner = members[settings.claim]?.texts.first, !owner.isEmpty, owner.utf8.count <= 320 else {
            return (.inactive, expiry)
        }
        return (.active(owner: owner), expiry)
    }

    /// A value of any kind, as far as it matters.
    private enum Member: Decodable {
        case flag(Bool)
        case number(Double)
        case text(String)
        case list([String])
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let flag = try? value.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else if let text = try? value.decode(String.self) {
                self = .text(text)
            } else if let list = try? value.decode([String].self) {
                self = .list(list)
            } else {
                self = .other
            }
        }

        var texts: [String] {
            switch self {
            case .text(let text): [text]
            case .list(let list): list
            case .flag, .number, .other: []
            }
        }

        /// Seconds since 1970, as far as they are a time.
        var time: Timestamp? {
            guard case .number(let seconds) = self, seconds.isFinite, (0..<1e11).contains(seconds) else { return nil }
            return Timestamp(seconds: Int64(seconds))
        }
    }
}
