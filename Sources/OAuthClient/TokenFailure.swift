/// Why there is no token to log in with. Its description is for operators and replies in the queue: no secret is in it.
package struct TokenFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nobody has logged in, or the token is of another client or endpoint.
        case noToken
        /// The provider has ended the refresh token: password changed, consent withdrawn, unused for too long.
        case revoked
        /// The provider takes no requests of this client: id, secret, scopes.
        case client
        /// No answer, or none that is one.
        case unreachable
        /// The mail server takes no token, not even a new one.
        case refused
        /// The token is over and there is no refresh token.
        case expired
        /// The client's secret can't be read, or a token can't be kept.
        case local
    }

    package var kind: Kind
    package var text: String

    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    package var description: String { text }

    /// What an operator does about it, for the route of that name.
    package func remedy(route: String) -> String {
        switch kind {
        case .noToken, .revoked, .expired: "log in again: martlet route login \(route)"
        case .refused:
            "see that username is the mailbox that has logged in, and that scopes allow sending; then: martlet route login \(route)"
        case .client: "correct oauth2 of route \(route) (client_id, client_secret_file, tenant, scopes)"
        case .unreachable: "nothing to do if it passes; else see that this host reaches the token endpoint"
        case .local: "correct the file or variable named in the message"
        }
    }

    /// Whether asking again soon may help.
    var isTemporary: Bool { kind == .unreachable || kind == .local }
}
