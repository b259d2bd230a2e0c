package import MailConfig
import MailSyntax

/// The steps of `martlet route login`: each is one request, and nothing is kept between them.
package struct RouteLoginFlow: Sendable {
    private let requests: TokenRequests
    private let service: TokenService

    package init(requests: TokenRequests, service: TokenService) {
        self.requests = requests
        self.service = service
    }

    /// The prompt to show: the device flow where the provider has one, unless a code is wanted.
    package func begin(_ key: TokenKey, _ oauth2: OAuth2, wantsCode: Bool) async throws(TokenFailure) -> LoginPrompt {
        if let endpoint = oauth2.deviceEndpoint, !wantsCode {
            return try await requests.deviceCode(key, oauth2, endpoint: endpoint)
        }
        guard let endpoint = oauth2.authorizationEndpoint else {
            throw TokenFailure(
                .client, "oauth2 of \(key) has neither device_endpoint nor authorization_endpoint: bring a --token-file"
            )
        }
        let pkce = PKCE.random()
        let state = PKCE.randomWord(octets: 16)
        return LoginPrompt(
            route: key.route, login: key.login, way: .code,
            url: AuthorizationCode.url(oauth2, endpoint: endpoint, pkce: pkce, state: state, login: key.login),
            interval: 0, lifetime: 600, verifier: pkce.verifier, state: state)
    }

    /// One poll of a device prompt. A token that comes is kept.
    package func poll(_ prompt: LoginPrompt, _ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) -> PollResult
    {
        guard let code = prompt.deviceCode else { throw TokenFailure(.noToken, "the prompt has no device code") }
        let result = try await requests.poll(code, oauth2)
        if case .token(let token) = result { try await service.adopt(token, key, oauth2) }
        return result
    }

    /// Takes what was pasted; the token is kept.
    package func finish(
        _ prompt: LoginPrompt, pasted: String, _ key: TokenKey, _ oauth2: OAuth2
    ) async throws(TokenFailure) {
        let code = try AuthorizationCode.code(in: pasted, state: prompt.state)
        try await service.adopt(try await requests.redeem(code, verifier: prompt.verifier, oauth2), key, oauth2)
    }

    /// Takes a token file of the sasl-xoauth2 plug-in.
    package func importFile(_ bytes: [UInt8], _ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) {
        try await service.adopt(try TokenFile.read(bytes), key, oauth2)
    }

    /// Proves the token: renews it where that is possible.
    ///
    /// - Returns: what is worth knowing; nil when all is well.
    package func check(_ key: TokenKey, _ oauth2: OAuth2) async throws(TokenFailure) -> String? {
        guard await service.status(key, oauth2).canRefresh else {
            return "the provider gave no refresh token: log in again when this one is over, or ask for it in scopes "
                + "(offline_access)"
        }
        try await service.check(key, oauth2)
        return nil
    }
}
