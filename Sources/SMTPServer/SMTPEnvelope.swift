import Directory
import MailIntake
import MailPolicy
import MailSyntax
import OutboundQueue
import SMTPCore

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
    /// What the sender hears of recipients that are accepted.
    private(set) var notices: [SuccessNotice] = []
    /// What each recipient asks for, where each is answered by itself (LMTP).
    private(set) var shares: [RecipientShare] = []
    var trace: [TraceStep]
    /// What is being found out of the client and the sender; nil for mail that is not checked.
    var senderChecks: SenderChecks?
    private let answersEach: Bool
    private var accounts: Set<Int64> = []
    private var addresses: Set<String> = []
    /// What was asked for each of `recipients`.
    private var asked: [SMTPRecipient] = []
    private var copies: [AdmittedRecipient] = []

    /// Nobody is told of failures of what aliases send on for a stranger, whose address anybody may have written.
    var silencesForwards = false
    /// The same of what waits here for a mailbox.
    var silencesMailboxes = false

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
        let (recipient, notice) = Self.noticing(recipient, of: admitted)
        if let notice { notices.append(notice) }
        for target in admitted.local where accounts.insert(target.account).inserted {
            local.append(delivery(target, of: admitted, for: recipient))
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
            .map { delivery($0, of: admitted) }
        let newRemote = admitted.remote.filter { addresses.insert($0.folded).inserted }
            .map { NewQueueRecipient(address: $0, notify: .never) }
        local += newLocal
        remote += newRemote
        if answersEach { shares.append(RecipientShare(local: newLocal, remote: newRemote)) }
    }

    /// Leaves the message to nobody, until a copy is added.
    mutating func dropRecipients() {
        (local, remote, accounts, addresses, copies, notices) = ([], [], [], [], [], [])
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
        let (recipient, notice) = Self.noticing(recipient, of: admitted)
        return RecipientShare(
            local: admitted.local.map { delivery($0, of: admitted, for: recipient) },
            remote: admitted.remote.map { queued($0, of: admitted, for: recipient) },
            notices: notice.map { [$0] } ?? [])
    }

    /// What this server tells of a recipient's success, and what is left to be told of those whom it stands for.
    ///
    /// One account: that it is delivered. Several, here or elsewhere: that it is expanded; none of them tells of success
    /// then, and each of failure and delay as was asked. One address elsewhere: that is the next server's to tell.
    // RFC 3461 §5.2.7.2, RFC 3461 §5.2.7.3
    private static func noticing(
        _ recipient: SMTPRecipient, of admitted: AdmittedRecipient
    ) -> (SMTPRecipient, SuccessNotice?) {
        guard let words = recipient.notify, words.contains("SUCCESS") else { return (recipient, nil) }
        var notice = SuccessNotice(
            recipient: admitted.address, originalRecipient: recipient.originalRecipient, outcome: .expanded)
        guard admitted.local.count + admitted.remote.count > 1 else {
            guard let target = admitted.local.first else { return (recipient, nil) }
            notice.outcome = .delivered(AccountID(rawValue: target.account))
            return (recipient, notice)
        }
        var recipient = recipient
        let rest = words.filter { $0 != "SUCCESS" }
        recipient.notify = rest.isEmpty ? ["NEVER"] : rest
        return (recipient, notice)
    }

    private func delivery(
        _ target: ExpandedTarget, of admitted: AdmittedRecipient, for recipient: SMTPRecipient? = nil
    ) -> LocalDelivery {
        // Of a copy the sender knows nothing.
        var notify = recipient.map { Self.notify($0.notify) } ?? .never
        if silencesMailboxes { notify = notify.contains(.success) ? .success : .never }
        return LocalDelivery(
            account: AccountID(rawValue: target.account), recipient: admitted.address, tag: target.tag,
            notify: notify, originalRecipient: recipient?.originalRecipient)
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

extension SMTPBodyType {
    var queued: MessageBodyType {
        switch self {
        case .sevenBit: .sevenBit
        case .eightBitMIME: .eightBitMIME
        case .binaryMIME: .binaryMIME
        }
    }
}
