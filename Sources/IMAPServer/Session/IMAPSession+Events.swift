import Directory
import IMAPCore
import Logging
import MailSyntax
import NetTransport
import Telemetry

/// What is recorded of a session for those who read logs.
extension IMAPSession {
    private var peer: MailEvent.Peer {
        var account: String?
        if case .authenticated(let who) = phase { account = who.address.description }
        return MailEvent.Peer(
            session: connection.info.id.description, listener: connection.info.listener,
            client: connection.info.remote.description, login: account ?? lastLogin, tls: tls?.version)
    }

    func record(login: String, mechanism: String, report: LoginReport) {
        let outcome: MailEvent.Login.Outcome =
            switch report.outcome {
            case .success: .success
            case .invalidCredentials: .failure(reason: "invalid-credentials")
            case .disabled: .failure(reason: "disabled")
            case .throttled: .failure(reason: "throttled")
            case .temporaryFailure: .failure(reason: "temporary")
            }
        service.events.record(
            .login(.init(outcome: outcome, service: "imap", peer: peer, user: login, mechanism: mechanism)))
        if case .unusableCredential(let why) = report.reason {
            logger.warning(
                "stored password can't be used", metadata: [LogKey.login: "\(login)", LogKey.reason: "\(why)"])
        }
    }

    func recordEnd(_ reason: String) {
        let duration = started.duration(to: .now)
        service.events.record(
            .disconnected(
                .init(
                    service: "imap", peer: peer, reason: reason, messages: messagesTold,
                    duration: Int(clamping: duration.components.seconds * 1000)
                        + Int(duration.components.attoseconds / 1_000_000_000_000_000))))
    }
}
