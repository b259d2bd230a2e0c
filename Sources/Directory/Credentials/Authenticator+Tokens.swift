import MailSyntax
package import SASLCore

/// What whoever issues access tokens says of one.
package enum TokenVerdict: Sendable, Equatable {
    /// It is good, and this is the address of whom it was given to.
    case valid(login: String)
    /// - Parameters:
    ///   - scope: what a token needs; told to the client.
    ///   - discovery: where the client finds out how to get one; told to it.
    case refused(SASLToken.Refusal, scope: String? = nil, discovery: String? = nil)
    /// Nothing is known of it; the text is for the log.
    case unavailable(String)
}

// OAUTHBEARER and XOAUTH2. RFC 7628
extension Authenticator {
    /// Judges a token.
    ///
    /// - Returns: the verdict, whom it is about, and what the client is told of a token that is refused, nil for others.
    func judge(
        _ token: SASLToken, _ mechanism: SASLMechanism, client: IPAddress
    ) async -> (LoginReport, login: String, explanation: [UInt8]?) {
        let claimed = token.login ?? ""
        guard !isThrottled(client) else { return (LoginReport(.throttled, .throttled), claimed, nil) }
        guard let tokens = options.tokens else {
            return (LoginReport(.temporaryFailure("tokens are not taken"), .unavailable("no tokens")), claimed, nil)
        }
        let report: LoginReport
        var login = claimed
        var explanation: [UInt8]?
        switch await tokens(token.token) {
        case .unavailable(let text):
            report = LoginReport(.temporaryFailure("the token cannot be checked now"), .unavailable(text))
        case .refused(let refusal, let scope, let discovery):
            report = LoginReport(.invalidCredentials, .wrongPassword)
            explanation = refusal.explanation(for: mechanism, scope: scope, discovery: discovery)
        case .valid(let owner):
            if login.isEmpty { login = owner }
            report = await judge(owner: owner, claimed: token.login)
            // RFC 7628 §3.2.2: a good token of somebody else is an invalid one here
            if case .invalidCredentials = report.outcome {
                explanation = SASLToken.Refusal.invalidToken.explanation(for: mechanism)
            }
        }
        record(report, from: client)
        return (report, login, explanation)
    }

    private func judge(owner: String, claimed: String?) async -> LoginReport {
        let folded = EmailAddress(owner)?.folded
        if let claimed, EmailAddress(claimed)?.folded != folded {
            return LoginReport(.invalidCredentials, .authorizationDenied)
        }
        do {
            guard let folded, let found = try await source.credentials(for: folded) else {
                return LoginReport(.invalidCredentials, .unknownAccount)
            }
            guard found.account.isEnabled else { return LoginReport(.disabled, .accountDisabled) }
            return LoginReport(.success(found.account), .verified)
        } catch {
            return LoginReport(.temporaryFailure("the account cannot be looked up now"), .unavailable("\(error)"))
        }
    }
}
