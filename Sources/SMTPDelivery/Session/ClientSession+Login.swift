import MailSyntax
import SASLCore
import SMTPCore

extension ClientSession {
    // RFC 4954 §4
    mutating func logIn(_ credentials: ClientCredentials) async throws {
        guard tls != nil || credentials.allowsClearText else {
            throw SessionError.tlsUnavailable("credentials are never sent without TLS")
        }
        guard case .password(let secret) = credentials.proof else { throw SessionError.noMechanism }
        let user = Array(credentials.username.utf8)
        let answer: SMTPRemoteReply
        if capabilities.mechanisms.contains("PLAIN") {
            let response = [0] + user + [0] + secret.bytes
            answer = try await command("AUTH PLAIN \(Base64.encode(response))", .auth)
        } else if capabilities.mechanisms.contains("LOGIN") {
            answer = try await logInByPrompts(user, secret.bytes)
        } else {
            throw SessionError.noMechanism
        }
        guard answer.code == 235 else { throw SessionError.refused(.auth, answer) }
    }

    private mutating func logInByPrompts(_ user: [UInt8], _ password: [UInt8]) async throws -> SMTPRemoteReply {
        var answer = try await command("AUTH LOGIN", .auth)
        for secret in [user, password] {
            guard answer.code == 334 else { return answer }
            answer = try await command(Base64.encode(secret), .auth)
        }
        return answer
    }
}
