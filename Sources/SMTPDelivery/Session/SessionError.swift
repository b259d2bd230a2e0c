import Glibc
import MailPolicy
import MailSyntax
import NIOCore
import OutboundQueue
import SMTPCore

/// What ended a session, or kept it from beginning.
enum SessionError: Error, Sendable {
    case connectFailed(String)
    case timedOut(ClientSession.Stage)
    case lost(ClientSession.Stage)
    case nonsense(ClientSession.Stage, String)
    /// A refusal that concerns everybody, before any message.
    case refused(ClientSession.Stage, SMTPRemoteReply)
    case tlsUnavailable(String)
    case tlsFailed(String)
    /// What the destination publishes about TLS forbids the host.
    case forbidden(String, TraceStep)
    /// A file of ours, of authorities or a client certificate, can't be used.
    case tlsUnusable(String)
    case noMechanism(offered: String)
    case noCredentials
    /// No access token could be had; the reason names no secret.
    case tokenUnavailable(String)
    /// AUTH was refused; with what the host has said of a token, if anything.
    case loginRefused(SMTPRemoteReply, String?)
    /// The exchange of AUTH broke off.
    case loginBroken(String)

    /// The failure as the queue sees it: always the host's, so that another host is tried, then time.
    func failure(host: String) -> DeliveryFailure {
        switch self {
        case .connectFailed(let reason):
            Self.failure(host, EnhancedStatusCode(4, 4, 1), "could not connect: \(reason)")
        case .timedOut(let stage):
            Self.failure(host, EnhancedStatusCode(4, 4, 2), "timed out while \(stage.doing)")
        case .lost(let stage):
            Self.failure(host, EnhancedStatusCode(4, 4, 2), "lost connection while \(stage.doing)")
        case .nonsense(let stage, let reason):
            Self.failure(host, EnhancedStatusCode(4, 5, 0), "protocol error while \(stage.doing): \(reason)")
        case .refused(let stage, let reply):
            DeliveryFailure(
                .host,
                reply.isPermanent ? .permanent : .temporary,
                DeliveryReply(
                    code: reply.code,
                    status: reply.code >= 400 ? reply.statusOrDefault : EnhancedStatusCode(4, 5, 0),
                    text: stage == .greeting ? reply.text : "\(reply.text) (in reply to \(stage.rawValue))",
                    host: host
                )
            )
        case .tlsUnavailable(let reason):
            Self.failure(host, EnhancedStatusCode(4, 7, 4), "TLS is required: \(reason)")
        case .tlsFailed(let reason):
            Self.failure(host, EnhancedStatusCode(4, 7, 5), "TLS failed: \(reason)")
        case .forbidden(let reason, _):
            Self.failure(host, EnhancedStatusCode(4, 7, 5), reason)
        case .tlsUnusable(let reason):
            Self.failure(host, EnhancedStatusCode(4, 3, 5), "local error: \(reason)")
        case .noMechanism(let offered):
            Self.failure(
                host, EnhancedStatusCode(4, 7, 0), "no login mechanism in common: the host offers \(offered)")
        case .noCredentials:
            Self.failure(host, EnhancedStatusCode(4, 3, 5), "local error: the login for the host could not be read")
        case .tokenUnavailable(let reason):
            Self.failure(host, EnhancedStatusCode(4, 7, 0), "no access token for the login: \(reason)")
        case .loginRefused(let reply, let complaint):
            Self.refusal(host, reply, complaint: complaint)
        case .loginBroken(let reason):
            Self.failure(host, EnhancedStatusCode(4, 7, 0), "login failed: \(reason)")
        }
    }

    /// The whole message was sent and the answer did not come: it may be there, so it is not sent again at once.
    var mayHaveDelivered: Bool {
        switch self {
        case .timedOut(.endOfData), .lost(.endOfData), .nonsense(.endOfData, _): true
        default: false
        }
    }

    /// The user name, the password or the setting of the login is wrong, and somebody has to look.
    var concernsLogin: Bool {
        switch self {
        case .loginRefused(let reply, _): reply.isPermanent
        case .noMechanism, .noCredentials, .tokenUnavailable, .loginBroken: true
        default: false
        }
    }

    // RFC 4954 §6: 5xx says that the login is wrong, 4xx that it can't be checked now; the mail waits after both.
    private static func refusal(_ host: String, _ reply: SMTPRemoteReply, complaint: String?) -> DeliveryFailure {
        let words = complaint.map { "; the host says of the token: \($0)" } ?? ""
        let isRefusal = reply.isTemporary || reply.isPermanent
        return DeliveryFailure(
            .host, reply.isPermanent ? .permanent : .temporary,
            DeliveryReply(
                code: reply.code,
                status: isRefusal ? reply.statusOrDefault : EnhancedStatusCode(4, 5, 0),
                text: "\(reply.text) (in reply to AUTH)\(words)",
                host: host
            )
        )
    }

    /// A transport's error in a few words.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "timed out"
        default: String("\(error)".prefix(200))
        }
    }

    private static func failure(_ host: String, _ status: EnhancedStatusCode, _ text: String) -> DeliveryFailure {
        DeliveryFailure(.host, .temporary, DeliveryReply(status: status, text: text, host: host))
    }
}

extension ClientSession.Stage {
    fileprivate var doing: String {
        switch self {
        case .greeting, .content, .endOfData: rawValue
        default: "talking (\(rawValue))"
        }
    }
}
