package import MailConfig
import MailSyntax
import SASLCore
package import SQLEngine

/// The requests to a provider's endpoints. // RFC 6749 §3.2
package struct TokenRequests: Sendable {
    private let poster: any FormPoster
    private let readSecret: @Sendable (SecretSource) throws -> String
    let clock: any WallClock

    /// - Parameter readSecret: reads a client's secret; what it throws is shown.
    package init(
        poster: any FormPoster, clock: any WallClock = SystemClock(),
        readSecret: @escaping @Sendable (SecretSource) throws -> String
    ) {
        self.poster = poster
        self.clock = clock
        self.readSecret = readSecret
    }

    /// Client and endpoint, as it is kept beside a token.
    static func issuer(_ oauth2: OAuth2) -> String { "\(oauth2.clientID) \(oauth2.tokenEndpoint)" }

    // RFC 6749 §6
    func refresh(_ current: Secret, _ oauth2: OAuth2) async throws(TokenFailure) -> OAuthToken {
        var form = FormFields(["grant_type": "refresh_token"])
        form.add("refresh_token", String(decoding: current.bytes, as: UTF8.self))
        return try await token(oauth2, form, earlier: current)
    }

    // RFC 8628 §3.1, RFC 8628 §3.2
    func deviceCode(_ key: TokenKey, _ oauth2: OAuth2, endpoint: String) async throws(TokenFailure) -> LoginPrompt {
        var form = try authenticated(FormFields(), oauth2)
        form.add("scope", oauth2.scopes.joined(separator: " "))
        let host = HTTPFormPoster.host(of: endpoint)
        let reply = try EndpointReply(try await poster.post(endpoint, form, caFile: oauth2.caFile), from: host)
        if let failure = reply.failure(from: host, sent: form) { throw failure }
        guard let code = reply.deviceCode, EndpointReply.isTokenText(code), let userCode = reply.userCode,
            let url = reply.verificationURI ?? reply.verificationURL, userCode.count <= 64, url.count <= 1024
        else { throw TokenFailure(.unreachable, "\(host) gave no code for a device") }
        return LoginPrompt(
            route: key.route, login: key.login, way: .device, url: PlainWords.clean(url, limit: 1024),
            userCode: PlainWords.clean(userCode, limit: 64),
            directURL: reply.verificationURIComplete.map { PlainWords.clean($0, limit: 1024) },
            interval: min(max(reply.interval?.value ?? 5, 1), 60),
            lifetime: min(max(reply.expiresIn?.value ?? 900, 30), 3600), deviceCode: code)
    }

    // RFC 8628 §3.4, RFC 8628 §3.5
    func poll(_ deviceCode: String, _ oauth2: OAuth2) async throws(TokenFailure) -> PollResult {
        var form = FormFields(["grant_type": "urn:ietf:params:oauth:grant-type:device_code"])
        form.add("device_code", deviceCode)
        let (reply, host, sent) = try await ask(oauth2, form)
        switch reply.error {
        case nil: return .token(try reply.token(from: host, now: clock.now(), earlier: nil))
        case "authorization_pending": return .pending
        case "slow_down": return .slowDown
        case "access_denied": return .failed(TokenFailure(.noToken, "the login was refused at the provider"))
        case "expired_token": return .failed(TokenFailure(.noToken, "nobody logged in before the code was over"))
        default: return .failed(reply.failure(from: host, sent: sent) ?? TokenFailure(.unreachable, "no answer"))
        }
    }

    // RFC 6749 §4.1.3, RFC 7636 §4.5
    func redeem(_ code: String, verifier: String?, _ oauth2: OAuth2) async throws(TokenFailure) -> OAuthToken {
        var form = FormFields(["grant_type": "authorization_code"])
        form.add("code", code)
        form.add("redirect_uri", oauth2.redirect)
        form.add("code_verifier", verifier)
        do throws(TokenFailure) {
            return try await token(oauth2, form, earlier: nil)
        } catch  where error.kind == .revoked {
            throw TokenFailure(.noToken, "the code is not good (any more): \(error.text)")
        }
    }

    private func token(_ oauth2: OAuth2, _ form: FormFields, earlier: Secret?) async throws(TokenFailure) -> OAuthToken
    {
        let (reply, host, sent) = try await ask(oauth2, form)
        if let failure = reply.failure(from: host, sent: sent) { throw failure }
        return try reply.token(from: host, now: clock.now(), earlier: earlier)
    }

    private func ask(
        _ oauth2: OAuth2, _ form: FormFields
    ) async throws(TokenFailure) -> (EndpointReply, host: String, sent: FormFields) {
        let form = try authenticated(form, oauth2)
        let host = HTTPFormPoster.host(of: oauth2.tokenEndpoint)
        let answer = try await poster.post(oauth2.tokenEndpoint, form, caFile: oauth2.caFile)
        return (try EndpointReply(answer, from: host), host, form)
    }

    // RFC 6749 §2.3.1
    private func authenticated(_ form: FormFields, _ oauth2: OAuth2) throws(TokenFailure) -> FormFields {
        var form = form
        form.add("client_id", oauth2.clientID)
        if let source = oauth2.clientSecret {
            do {
                form.add("client_secret", try readSecret(source))
            } catch {
                throw TokenFailure(.local, "the client's secret can't be read: \(error)")
            }
        }
        return form
    }
}
