import Blobs
import Directory
import Glibc
import Logging
import MailIntake
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SMTPCore
import SQLEngine
import Telemetry

/// What MAIL and RCPT have added up to.
struct SMTPEnvelope {
    var sender: SMTPSender
    /// After canonical addresses and masquerading.
    var reversePath: ReversePath
    /// What the client was allowed to send as.
    var admittedSender: ReversePath
    private(set) var recipients: [AdmittedRecipient] = []
    private(set) var local: [LocalDelivery] = []
    private(set) var remote: [NewQueueRecipient] = []
    /// What each recipient asks for, where each is answered by itself (LMTP).
    private(set) var shares: [RecipientShare] = []
    var trace: [TraceStep]
    private let answersEach: Bool
    private var accounts: Set<Int64> = []
    private var addresses: Set<String> = []
    /// What was asked for each of `recipients`.
    private var asked: [SMTPRecipient] = []
    private var copies: [AdmittedRecipient] = []

    /// Nobody is told of failures of what aliases send on for a stranger, whose address anybody may have written.
    var silencesForwards = false

    /// - Parameter answersEach: with LMTP.
    init(sender: SMTPSender, reversePath: ReversePath, trace: [TraceStep], answersEach: Bool) {
        self.answersEach = answersEach
        self.sender = sender
        admittedSender = reversePath
        self.reversePath = reversePath
        self.trace = trace
    }

    /// Adds what a recipient becomes; each account and each remote address once, but for `shares`.
    mutating func add(_ admitted: AdmittedRecipient, for recipient: SMTPRecipient) {
        recipients.append(admitted)
        asked.append(recipient)
        if answersEach { shares.append(share(admitted, for: recipient)) }
        merge(admitted, for: recipient)
    }

    private mutating func merge(_ admitted: AdmittedRecipient, for recipient: SMTPRecipient) {
        for target in admitted.local where accounts.insert(target.account).inserted {
            local.append(Self.delivery(target, of: admitted, for: recipient))
        }
        for address in admitted.remote where addresses.insert(address.folded).inserted {
            remote.append(queued(address, of: admitted, for: recipient))
        }
    }

    var hasForwards: Bool { recipients.contains { $0.isForwarded } }

    /// Adds somebody beside the recipients, of whom the sender does not know.
    mutating func addCopy(_ admitted: AdmittedRecipient) {
        copies.append(admitted)
        let newLocal = admitted.local.filter { accounts.insert($0.account).inserted }
            .map { Self.delivery($0, of: admitted) }
        let newRemote = admitted.remote.filter { addresses.insert($0.folded).inserted }
            .map { NewQueueRecipient(address: $0, notify: .never) }
        local += newLocal
        remote += newRemote
        if answersEach { shares.append(RecipientShare(local: newLocal, remote: newRemote)) }
    }

    /// Leaves the message to nobody, until a copy is added.
    mutating func dropRecipients() {
        (local, remote, accounts, addresses, copies) = ([], [], [], [], [])
        shares = shares.map { _ in RecipientShare(local: [], remote: []) }
    }

    /// Leaves the message not to this recipient. With LMTP it keeps its reply.
    mutating func remove(_ address: EmailAddress) {
        let key = address.folded
        let kept = zip(recipients, asked).filter { $0.0.address.folded != key }
        let keptCopies = copies.filter { $0.address.folded != key }
        let keptShares = zip(shares, recipients).map { share, recipient in
            recipient.address.folded == key ? RecipientShare(local: [], remote: []) : share
        }
        dropRecipients()
        if answersEach {
            shares = keptShares
        } else {
            (recipients, asked) = (kept.map(\.0), kept.map(\.1))
        }
        for (admitted, recipient) in kept { merge(admitted, for: recipient) }
        for copy in keptCopies { addCopy(copy) }
    }

    private func share(_ admitted: AdmittedRecipient, for recipient: SMTPRecipient) -> RecipientShare {
        RecipientShare(
            local: admitted.local.map { Self.delivery($0, of: admitted, for: recipient) },
            remote: admitted.remote.map { queued($0, of: admitted, for: recipient) })
    }

    private static func delivery(
        _ target: ExpandedTarget, of admitted: AdmittedRecipient, for recipient: SMTPRecipient? = nil
    ) -> LocalDelivery {
        LocalDelivery(
            account: AccountID(rawValue: target.account), recipient: admitted.address, tag: target.tag,
            reportsSuccess: recipient?.notify?.contains("SUCCESS") ?? false,
            originalRecipient: recipient?.originalRecipient)
    }

    private func queued(
        _ address: EmailAddress, of admitted: AdmittedRecipient, for recipient: SMTPRecipient
    ) -> NewQueueRecipient {
        var original = recipient.originalRecipient
        // RFC 3461 §5.2.1: the sender knows the recipient by the address it wrote.
        if original == nil, address.folded != admitted.address.folded {
            let type = admitted.address.needsSMTPUTF8 ? "utf-8" : "rfc822"
            original = "\(type);\(admitted.address)"
        }
        let isSilent = silencesForwards && admitted.isForwarded
        return NewQueueRecipient(
            address: address, originalRecipient: original,
            notify: isSilent ? .never : Self.notify(recipient.notify))
    }

    private static func notify(_ words: [String]?) -> DSNNotify {
        guard let words else { return .standard }
        var notify: DSNNotify = []
        for word in words {
            switch word {
            case "SUCCESS": notify.insert(.success)
            case "FAILURE": notify.insert(.failure)
            case "DELAY": notify.insert(.delay)
            default: notify.insert(.never)
            }
        }
        return notify
    }
}

extension SMTPPath {
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
        let facts = SenderFacts(client: client, path: sender.path.written)
        let reply: SMTPReply
        do {
            let (decision, trace) = try await Policy.run(
                { [rules = context.settings.rules] in Policy.admitSender(facts, rules: rules, $0) },
                answer: context.backend.answer
            )
            switch decision {
            case .accept(let reversePath), .rewritten(let reversePath, _):
                envelope = SMTPEnvelope(
                    sender: sender, reversePath: reversePath, trace: trace, answersEach: context.settings.role == .lmtp)
                if case .rewritten(_, let admitted) = decision { envelope?.admittedSender = admitted }
                let silences = !isOwnClient && !context.settings.rules.rewriting.hasSRS
                envelope?.silencesForwards = silences
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
