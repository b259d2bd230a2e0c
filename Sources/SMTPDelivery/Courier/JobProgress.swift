import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue

/// How far one attempt at a job has come: who is still to be served, and what is decided.
struct JobProgress: Sendable {
    enum Decision: Sendable {
        case delivered(DeliveryReply)
        case retry(at: Timestamp, DeliveryReply)
        case bounce(DeliveryReply)
        case expire(DeliveryReply)
        /// A route keeps it until an operator releases it.
        case hold(DeliveryReply)
        /// A route throws it away.
        case discard(DeliveryReply)
    }

    struct Decided: Sendable {
        var recipient: QueuedRecipient
        var decision: Decision
        var target: RouteTarget?
        var tls: TLSInfo?
        /// The user name of our login at the target.
        var login: String?
        /// The host that took it reports itself, or hands the duty on.
        var isReportedElsewhere = false
        /// What the host had to prove, and by whose word.
        var security: TraceStep?
        /// It is in a mailbox here and out of the queue, which is durable already.
        var isFiled = false
    }

    let job: DeliveryJob
    let site: DeliverySite
    let content: MessageContent
    private(set) var remaining: [QueuedRecipient]
    private(set) var decided: [Decided] = []
    private var areStepsTaken = false
    /// What the host of the current session has to prove, and by whose word.
    var security: TraceStep?
    /// The host takes no mail like this from us, whoever it is for: the last one that said so.
    var routeRefusal: DeliveryFailure?

    init(job: DeliveryJob, site: DeliverySite, content: MessageContent) {
        self.job = job
        self.site = site
        self.content = content
        remaining = job.recipients
    }

    /// What the history says was done to the message, for the attempt of a recipient: what was done for all stands with
    /// the first who is asked for.
    mutating func takeSteps(of recipient: RecipientID) -> [TraceStep] {
        defer { areStepsTaken = true }
        let own = content.envelope?.steps(of: recipient) ?? []
        return areStepsTaken ? own : content.steps + own
    }

    /// What was decided since the last call.
    mutating func takeDecided() -> [Decided] {
        defer { decided = [] }
        return decided
    }

    mutating func deliver(
        _ recipient: QueuedRecipient, _ reply: DeliveryReply, target: RouteTarget, tls: TLSInfo?, login: String? = nil,
        isReportedElsewhere: Bool = false
    ) {
        decide(
            recipient,
            Decided(
                recipient: recipient, decision: .delivered(reply), target: target, tls: tls, login: login,
                isReportedElsewhere: isReportedElsewhere))
    }

    /// It is in a mailbox here and out of the queue.
    mutating func file(_ recipient: QueuedRecipient, _ reply: DeliveryReply) {
        decide(recipient, Decided(recipient: recipient, decision: .delivered(reply), isFiled: true))
    }

    /// Decides about a failure; a recipient for whom the next host is to be tried stays.
    mutating func fail(
        _ recipient: QueuedRecipient,
        _ failure: DeliveryFailure,
        hasMoreHosts: Bool,
        policy: FailurePolicy,
        now: Timestamp,
        target: RouteTarget? = nil,
        tls: TLSInfo? = nil,
        login: String? = nil
    ) {
        let action = policy.action(
            for: failure,
            hasMoreHosts: hasMoreHosts,
            since: max(job.message.createdAt, recipient.notBefore ?? job.message.createdAt),
            now: now,
            expiresAt: job.message.expiresAt,
            jitter: Double.random(in: 0..<1)
        )
        let decision: Decision
        switch action {
        case .nextHost: return
        case .retry(let time): decision = .retry(at: time, failure.reply)
        case .bounce: decision = .bounce(failure.reply)
        case .expire: decision = .expire(failure.reply)
        }
        decide(
            recipient, Decided(recipient: recipient, decision: decision, target: target, tls: tls, login: login))
    }

    /// Gives up everybody who is left.
    mutating func expire(_ reply: DeliveryReply) {
        for recipient in remaining { decide(recipient, Decided(recipient: recipient, decision: .expire(reply))) }
    }

    mutating func hold(_ reply: DeliveryReply) {
        for recipient in remaining { decide(recipient, Decided(recipient: recipient, decision: .hold(reply))) }
    }

    mutating func discard(_ reply: DeliveryReply) {
        for recipient in remaining { decide(recipient, Decided(recipient: recipient, decision: .discard(reply))) }
    }

    private mutating func decide(_ recipient: QueuedRecipient, _ decision: Decided) {
        remaining.removeAll { $0.id == recipient.id }
        var decision = decision
        decision.security = security
        decided.append(decision)
    }
}
