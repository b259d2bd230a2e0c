import Directory
import Logging
import MailConfig
import MailSyntax
import OAuthClient
import SASLCore
import SQLEngine

/// From an endpoint's word on a token to a login.
struct TokenLogins: Sendable {
    private let introspector: TokenIntrospector
    private let settings: @Sendable () -> Manifest.TokenLogins

    init(poster: any FormPoster, logger: Logger, settings: @escaping @Sendable () -> Manifest.TokenLogins) {
        introspector = TokenIntrospector(poster: poster, clock: SystemClock(), logger: logger) {
            try SecretText.read(.file($0))
        }
        self.settings = settings
    }

    func judge(_ token: Secret) async -> TokenVerdict {
        let settings = settings()
        let scope = settings.scopes.isEmpty ? nil : settings.scopes.joined(separator: " ")
        switch await introspector.standing(of: token, settings) {
        case .active(let owner): return .valid(login: owner)
        case .inactive: return .refused(.invalidToken, scope: scope, discovery: settings.discovery)
        case .insufficientScope: return .refused(.insufficientScope, scope: scope, discovery: settings.discovery)
        case .unknown(let text): return .unavailable(text)
        }
    }
}
