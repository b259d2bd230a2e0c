import FoundationEssentials
import MailSyntax
import SASLCore

/// What an endpoint said, read with suspicion. // RFC 6749 §5.1, RFC 6749 §5.2, RFC 8628 §3.2
struct EndpointReply: Decodable {
    var accessToken: String?
    var refreshToken: String?
    var tokenType: String?
    var expiresIn: LooseNumber?
    var error: String?
    var errorDescription: String?
    var deviceCode: String?
    var userCode: String?
    var verificationURI: String?
    var verificationURL: String?
    var verificationURIComplete: String?
    var interval: LooseNumber?

    enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"
        case tokenType = "token_type"
        case expiresIn = "expires_in"
        case error
        case errorDescription = "error_description"
        case deviceCode = "device_code"
        case userCode = "user_code"
        case verificationURI = "verification_uri"
        /// Google's name for it.
        case verificationURL = "verification_url"
        case verificationURIComplete = "verification_uri_complete"
        case interval
    }

    /// Reads an answer of any status.
    ///
    /// - Throws: where it is no object of JSON with what such answers have.
    init(_ answer: EndpointAnswer, from host: String) throws(TokenFailure) {
        guard let reply = try? JSONDecoder().decode(EndpointReply.self, from: Data(answer.body)) else {
            switch answer.status {
            case 300..<400:
                throw TokenFailure(.unreachable, "\(host) answered \(answer.status), a redirect, which is not followed")
            case 200: throw TokenFailure(.unreachable, "\(host) answered something that is no JSON object")
            default: throw TokenFailure(.unreachable, "\(host) answered \(answer.status)")
            }
        }
        self = reply
        let isGood = answer.status == 200
        if error == nil, !isGood { throw TokenFailure(.unreachable, "\(host) answered \(answer.status)") }
    }

    /// The token, once it is known that there is no error.
    ///
    /// - Parameter earlier: kept where no new refresh token was given. // RFC 6749 §6
    func token(from host: String, now: Timestamp, earlier: Secret?) throws(TokenFailure) -> OAuthToken {
        guard let accessToken, Self.isTokenText(accessToken) else {
            throw TokenFailure(.unreachable, "\(host) gave no access token")
        }
        // RFC 6749 §7.1
        if let tokenType, tokenType.lowercased() != "bearer" {
            throw TokenFailure(
                .unreachable, "\(host) gave a token of the type \(PlainWords.clean(tokenType, limit: 40))")
        }
        var refresh = earlier
        if let refreshToken, !refreshToken.isEmpty {
            guard Self.isTokenText(refreshToken) else {
                throw TokenFailure(.unreachable, "\(host) gave a refresh token with odd characters")
            }
            refresh = Secret(refreshToken)
        }
        let lifetime = expiresIn.map(\.value).flatMap { $0 > 0 ? min($0, 10 * 365 * 86_400) : nil }
        return OAuthToken(
            access: Secret(accessToken), refresh: refresh, expires: lifetime.map { now.adding(.seconds($0)) })
    }

    // RFC 6749 §A.12, RFC 6749 §A.17
    static func isTokenText(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 16_384 && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// The error in words, without what was sent; nil when there is none.
    func failure(from host: String, sent form: FormFields) -> TokenFailure? {
        guard let error else { return nil }
        var text = "\(host) says \(PlainWords.clean(error, limit: 60))"
        if let errorDescription, !errorDescription.isEmpty {
            text += ": \(PlainWords.clean(errorDescription, limit: 300))"
        }
        // A hostile or clumsy endpoint may say our secrets back to us.
        for name in ["client_secret", "refresh_token", "device_code", "code", "code_verifier"] {
            if let secret = form[name], secret.count >= 4 { text = text.replacing(secret, with: "•••") }
        }
        // RFC 6749 §5.2
        switch error {
        case "invalid_grant": return TokenFailure(.revoked, text)
        case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request":
            return TokenFailure(.client, text)
        default: return TokenFailure(.unreachable, text)
        }
    }
}

/// A number that some providers write as a string. What is neither is nil in effect: 0.
struct LooseNumber: Decodable {
    var value: Int

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            value = number
        } else if let number = try? container.decode(Double.self), number.magnitude < 1e12 {
            value = Int(number)
        } else if let text = try? container.decode(String.self), let number = Int(text) {
            value = number
        } else {
            value = 0
        }
    }
}
