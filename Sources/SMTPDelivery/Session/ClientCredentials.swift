package import SASLCore

/// Gives OAuth 2 access tokens that are valid now. // RFC 6749 §1.4
package protocol AccessTokenSource: Sendable {
    /// A token to log in with. What is thrown is shown to the operator (its description holds no secret), and the mail
    /// waits.
    func accessToken() async throws -> Secret
    /// A server has refused a token; the next call of ``accessToken()`` should not give the same one again.
    func refused(_ token: Secret, reason: String) async
}

/// The login at the hosts of one route. Never shown.
package struct ClientCredentials: Sendable, CustomStringConvertible {
    package enum Proof: Sendable {
        case password(Secret)
        case token(any AccessTokenSource)
    }

    package var username: String
    package var proof: Proof
    /// Names of SASL mechanisms that may be used, `!NAME` for one that may not; empty: the strongest of those offered.
    package var mechanisms: [String]
    /// A password or a token is also sent without TLS.
    package var allowsClearText: Bool

    package init(username: String, proof: Proof, mechanisms: [String] = [], allowsClearText: Bool = false) {
        self.username = username
        self.proof = proof
        self.mechanisms = mechanisms
        self.allowsClearText = allowsClearText
    }

    package init(username: String, password: [UInt8], mechanisms: [String] = [], allowsClearText: Bool = false) {
        self.init(
            username: username, proof: .password(Secret(password)), mechanisms: mechanisms,
            allowsClearText: allowsClearText)
    }

    package var description: String { "\(username):•••" }
}
