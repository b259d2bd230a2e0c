/// What somebody has to do so that a route gets its token, and what the next request needs to know.
///
/// It holds everything between the steps, so that neither the server nor the command keeps state. The codes in it are
/// worth something only together with the login of the person; they travel over the control socket alone.
package struct LoginPrompt: Sendable, Equatable, Codable {
    package enum Way: String, Sendable, Codable {
        /// Open `url`, type `userCode`, and wait.
        case device
        /// Open `url`, log in, and bring back the code or the address that the browser was sent to.
        case code
    }

    package var route: String
    package var login: String
    package var way: Way
    package var url: String
    /// What to type at `url`.
    package var userCode: String?
    /// `url` with the code in it.
    package var directURL: String?
    /// Seconds between polls.
    package var interval: Int
    /// Seconds until the prompt is over.
    package var lifetime: Int
    package var deviceCode: String?
    /// PKCE's. // RFC 7636 §4.1
    package var verifier: String?
    package var state: String?
}

/// How a poll ended.
package enum PollResult: Sendable, Equatable {
    case token(OAuthToken)
    case pending
    /// Ask five seconds later than before, from now on. // RFC 8628 §3.5
    case slowDown
    case failed(TokenFailure)
}
