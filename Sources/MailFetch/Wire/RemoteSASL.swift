import MailSyntax
import SASLCore

/// The mechanisms to try at a server, and one exchange.
enum RemoteSASL {
    /// - Parameters:
    ///   - offered: names as the server gives them.
    ///   - mayReveal: nobody listens, or nobody minds.
    static func mechanism(_ login: RemoteLogin, offered: [String], mayReveal: Bool) -> SASLClientMechanism? {
        SASLClientMechanism.candidates(
            offered: offered, filter: [], hasToken: login.isToken, mayReveal: mayReveal
        ).first
    }

    static func client(_ mechanism: SASLClientMechanism, _ login: RemoteLogin, _ remote: RemoteHost) -> SASLClient {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let nonce = (0..<24).map { _ in alphabet.randomElement() ?? 0x41 }
        return SASLClient(
            mechanism,
            identity: SASLClientIdentity(
                login: login.user, secret: login.secret, host: remote.host, port: remote.port),
            nonce: String(decoding: nonce, as: UTF8.self))
    }

    /// The answer to a challenge, given and returned as it stands on the wire.
    @concurrent
    static func respond(_ client: SASLClient, to challenge: [UInt8]) async -> (SASLClient, String?, String?) {
        var client = client
        guard let decoded = Base64.decode(challenge) else { return (client, nil, "its challenge is not base64") }
        switch client.respond(to: decoded) {
        case .response(let bytes): return (client, Base64.encode(bytes), nil)
        case .failed(let failure): return (client, nil, failure.description)
        }
    }

    static func noMechanism(_ remote: RemoteHost, _ offered: [String], _ login: RemoteLogin) -> RemoteFailure {
        let names = offered.isEmpty ? "nothing" : PeerText.clean(offered.joined(separator: " "), limit: 100)
        return RemoteFailure(
            .mechanism, "\(remote.shown) offers no way to log in that may be used here (it has \(names))",
            remedy: login.isToken
                ? "use a password instead of OAuth2, or another host"
                : "use TLS, or give an OAuth2 login")
    }
}
