package import MailSyntax
package import SASLCore

/// Whose token it is: each login of each route has its own.
package struct TokenKey: Sendable, Hashable, CustomStringConvertible {
    /// The route's name.
    package var route: String
    /// The user name at the provider.
    package var login: String

    package init(route: String, login: String) {
        self.route = route
        self.login = login
    }

    package var description: String { "\(login) on route \(route)" }
}

/// What a token endpoint gave. // RFC 6749 §5.1
package struct OAuthToken: Sendable, Equatable {
    package var access: Secret
    /// nil where the provider gave none: when the access token is over, somebody has to log in again.
    package var refresh: Secret?
    /// nil: not known, the token is used until a server refuses it.
    package var expires: Timestamp?

    package init(access: Secret, refresh: Secret?, expires: Timestamp?) {
        self.access = access
        self.refresh = refresh
        self.expires = expires
    }
}

/// A token as it is kept.
struct KeptToken: Sendable, Equatable {
    var token: OAuthToken
    /// Which client at which endpoint got it. The refresh token is shown to nobody else, whatever the manifest says later.
    var issuer: String
    var obtained: Timestamp
    /// Why the last refresh failed, in words; nil when it did not.
    var failure: String?
    var failed: Timestamp?
    /// The provider said that the refresh token is over: asking again is of no use.
    var isRevoked = false
}

/// What an operator is told of a token; nothing of it is secret.
package struct TokenStatus: Sendable, Equatable, Codable {
    package var hasToken: Bool
    /// UTC seconds since 1970; nil: not known.
    package var validUntil: Int64?
    package var canRefresh: Bool
    package var obtained: Int64?
    package var failure: String?
    package var failedAt: Int64?

    /// One line: `valid until 2026-11-21T10:00:00Z`, `no token: martlet route login NAME`.
    package func text(route: String, now: Timestamp) -> String {
        guard hasToken else { return "no token: martlet route login \(route)" }
        var text: String
        if let validUntil {
            let stamp = UTCText.render(validUntil)
            text = validUntil > now.seconds ? "valid until \(stamp)" : "expired \(stamp)"
        } else {
            text = "valid until it is refused"
        }
        if !canRefresh { text += ", no refresh token" }
        if let failure { text += ", last refresh failed: \(failure)" }
        return text
    }
}

/// Dates as `2026-11-21T10:00:00Z`.
package enum UTCText {
    package static func render(_ seconds: Int64) -> String {
        // Days to civil date, by H. Hinnant's algorithm; seconds come from our own clock or are clamped before.
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let civilYear = year + era * 400 + (civilMonth <= 2 ? 1 : 0)
        let date = "\(civilYear)-\(two(civilMonth))-\(two(day))"
        return "\(date)T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
