import Directory
import IMAPCore
import MailSyntax
import NetTransport

// RFC 8437 §3
extension IMAPSession {
    /// Back to the state before the login; of everything that was agreed only TLS stays.
    func unauthenticate() async throws -> Completion {
        // RFC 8437 §4.1: compression would have to end with the login; a new connection does the same.
        if isCompressed { throw SessionEnd.bye(nil, "Log in on a new connection.", "unauthenticate") }
        // RFC 8437 §3: no expunge, and none is announced
        await deselect()
        lastLogin = try login().address.description
        phase = .notAuthenticated
        // RFC 8437 §4.1
        enabled = []
        notification = nil
        if let deadline = service.settings.loginDeadline {
            try await control(.totalDeadline(deadline))
            try await control(.deadline(deadline))
        }
        return .ok(
            .capability(IMAPCapabilities.keywords(capabilityState)), "Logged out, ready for another login.",
            announce: .nothing)
    }
}
