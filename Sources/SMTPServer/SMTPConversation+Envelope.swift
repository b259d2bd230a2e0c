import Blobs
import Glibc
import Logging
import MailIntake
import MailPolicy
import MailSyntax
import NetTransport
import SMTPCore
import SQLEngine
import Telemetry

extension SMTPPath {
    /// What is checked: as it was written, before it is rewritten. A name without a domain has none.
    var reversePath: ReversePath {
        if case .address(let address) = self { .address(address) } else { .null }
    }

    var written: WrittenPath {
        switch self {
        case .null: .null
        case .address(let address): .address(address)
        case .unqualified(let text): .unqualified(text)
        }
    }
}

extension SMTPSessionConfiguration.Role {
    var client: ClientRole {
        switch self {
        case .mx: .mx
        case .submission: .submission
        case .lmtp: .lmtp
        case .device: .device
        case .sendmail: .sendmail
        }
    }
}

extension SMTPReply {
    init(_ reply: PolicyReply) {
        self.init(reply.code, reply.enhanced, reply.text)
    }
}

// MAIL and RCPT.
extension SMTPConversation {
    var client: ClientFacts {
        ClientFacts(
            address: info.remote,
            helo: session.helo,
            role: context.settings.role.client,
            listener: context.settings.listener,
            requiresLogin: context.settings.authentication == .required,
            tls: session.isTLS,
            login: login,
            isTrusted: isTrusted,
            localUser: localUser?.id,
            localUserName: localUser?.name
        )
    }

    /// Who may send is known by name or network: nobody else's server.
    var isOwnClient: Bool { MessageOrigin(client, rules: context.settings.rules) != .stranger }

    /// On the socket of `sendmail` the kernel says who is there.
    private mutating func findLocalUser() async {
        guard context.settings.role == .sendmail else { return }
        guard let user = LocalUser(connection.info.localPeer, helo: session.helo), user.id != localUser?.id else {
            return
        }
        localUser = await user.named()
    }

    mutating func judge(_ sender: SMTPSender) async -> SMTPSession.Action {
        await findLocalUser()
        var facts = SenderFacts(client: client, path: sender.path.written)
        facts.release = releaseFacts(sender)
        let reply: SMTPReply
        do {
            let (decision, trace) = try await Policy.run(
                { [rules = context.settings.rules, facts] in Policy.admitSender(facts, rules: rules, $0) },
                answer: context.backend.answer
            )
            switch decision {
            case .accept(let reversePath), .rewritten(let reversePath, _):
                envelope = SMTPEnvelope(
                    sender: sender, reversePath: reversePath, trace: trace, answersEach: context.settings.role == .lmtp)
                if case .rewritten(_, let admitted) = decision { envelope?.admittedSender = admitted }
                let isUnknown = !isOwnClient
                let silencesForwards = isUnknown && !context.settings.rules.rewriting.hasSRS
                envelope?.silencesMailboxes = isUnknown
                envelope?.silencesForwards = silencesForwards
                let senderChecks = isUnknown ? makeSenderChecks(sender.path.reversePath) : nil
                envelope?.senderChecks = senderChecks
                if let refusal = await milterRefusal(of: sender) {
                    envelope = nil
                    reply = refusal
                } else {
                    reply = SMTPReply(250, .init(2, 1, 0), "Ok")
                }
            case .reject(let refusal):
                reply = SMTPReply(refusal)
            }
        } catch {
            reply = trouble(error, "the sender could not be judged")
        }
        if !reply.isPositive { recordRefusal(reply, stage: "mail", from: sender.path.description) }
        return session.senderJudged(sender, reply)
    }

    mutating func judge(_ recipient: SMTPRecipient) async -> SMTPSession.Action {
        var facts = RecipientFacts(
            client: client,
            path: recipient.path.written,
            sender: envelope?.reversePath ?? .null,
            declaredSize: envelope?.sender.size ?? 0,
            hostname: context.settings.hostname,
            server: info.local
        )
        facts.admittedSender = envelope?.admittedSender
        facts.earlierRecipients = envelope?.recipients.count ?? 0
        let reply: SMTPReply
        do {
            let (decision, trace) = try await Policy.run(
                { [rules = context.settings.rules, facts] in Policy.admitRecipient(facts, rules: rules, $0) },
                answer: context.backend.answer
            )
            switch decision {
            case .accept(let admitted):
                if let refusal = await milterRefusal(of: recipient, admitted) {
                    reply = refusal
                    break
                }
                envelope?.add(admitted, for: recipient)
                envelope?.trace += trace
                reply = SMTPReply(250, .init(2, 1, 5), "Ok")
            case .reject(let refusal):
                reply = SMTPReply(refusal)
            }
        } catch {
            reply = trouble(error, "the recipient could not be judged")
        }
        if !reply.isPositive {
            if reply.code == 554, reply.enhanced == EnhancedStatusCode(5, 7, 1), isStranger { report(.relaying) }
            let from = envelope?.reversePath.description
            recordRefusal(reply, stage: "rcpt", from: from, to: recipient.path.description)
        }
        return session.recipientJudged(reply)
    }

    /// Logs a trouble of ours under an id that the client gets too.
    func trouble(_ error: any Error, _ what: String) -> SMTPReply {
        let id = context.backend.nextID().description
        logger.error(
            "message not accepted",
            metadata: [LogKey.errorID: "\(id)", LogKey.error: "\(error)", LogKey.reason: "\(what)"]
        )
        return Self.isFull(error) ? .storageFull(id) : .localError(id)
    }

    private static func isFull(_ error: any Error) -> Bool {
        switch error {
        case DatabaseError.full: true
        case let error as FileError: error.code == ENOSPC || error.code == EDQUOT
        default: false
        }
    }

    func recordRefusal(_ reply: SMTPReply, stage: String, from: String? = nil, to: String? = nil, id: MailID? = nil) {
        let event = MailEvent.Rejected(
            peer: peer,
            stage: stage,
            from: from,
            to: to,
            id: id?.description,
            code: reply.code,
            enhanced: reply.enhanced?.description,
            reason: reply.text
        )
        context.events.record(reply.isTransient ? .refusedTemporarily(event) : .rejected(event))
    }
}
