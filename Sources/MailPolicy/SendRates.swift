package import MailConfig
import MailSyntax

/// What a sender has sent: in this minute of the clock, in the last hour, in the last day.
package struct SendCounts: Sendable, Hashable {
    package struct Windows: Sendable, Hashable {
        package var minute: Int
        package var hour: Int
        package var day: Int

        package init(minute: Int = 0, hour: Int = 0, day: Int = 0) {
            self.minute = minute
            self.hour = hour
            self.day = day
        }
    }

    package var messages: Windows
    /// As clients named them, before aliases.
    package var recipients: Windows

    package init(messages: Windows = Windows(), recipients: Windows = Windows()) {
        self.messages = messages
        self.recipients = recipients
    }
}

extension LoginFacts {
    /// Whom messages are counted for.
    package var meter: String {
        switch identity {
        case .account(let number): "account \(number)"
        case .device(let name): "device \(name)"
        }
    }
}

extension SendLimits {
    fileprivate var isEmpty: Bool { self == SendLimits() }
}

extension PolicyRules {
    /// How much a login may send, and where that was written; nil without any limit, and then nothing is counted.
    package func limits(of login: LoginFacts) -> (limits: SendLimits, origin: String)? {
        if let name = login.device {
            guard let device = device(named: name), !device.limits.isEmpty else { return nil }
            return (device.limits, device.origin)
        }
        if let rule = rule(for: login.address), let limits = rule.limits {
            return limits.isEmpty ? nil : (limits, rule.origin)
        }
        let standard = manifest.sending.limits
        return standard.isEmpty ? nil : (standard, origin("sending.limits"))
    }
}

extension Policy {
    /// Whether one more message fits into what its sender may send.
    static func checkMessageRate(
        _ client: ClientFacts, _ written: WrittenPath, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Void> {
        guard let login = client.login, let (limits, origin) = rules.limits(of: login),
            limits.messages != SendLimits.Rate()
        else { return .passed(()) }
        let check = RateCheck(
            login: login, what: "messages", text: written.text, origin: origin, code: 450, more: 1)
        return check.run(limits.messages, { $0.messages }, &context)
    }

    /// Whether one more recipient fits.
    ///
    /// - Parameter earlier: recipients that the transaction has already.
    static func checkRecipientRate(
        _ facts: RecipientFacts, _ address: EmailAddress, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Void> {
        guard let login = facts.client.login, let (limits, origin) = rules.limits(of: login),
            limits.recipients != SendLimits.Rate()
        else { return .passed(()) }
        let check = RateCheck(
            login: login, what: "recipients", text: "<\(address)>", origin: origin, code: 452,
            more: facts.earlierRecipients + 1)
        return check.run(limits.recipients, { $0.recipients }, &context)
    }
}

/// One comparison of what was sent with what may be.
private struct RateCheck {
    let login: LoginFacts
    let what: String
    let text: String
    let origin: String
    let code: Int
    /// What the command adds.
    let more: Int

    func run(
        _ rate: SendLimits.Rate, _ count: (SendCounts) -> SendCounts.Windows, _ context: inout EvaluationContext
    ) -> Policy.Stage<Void> {
        let windows: SendCounts.Windows
        switch context.ask(.sent(login.meter)) {
        case nil: return .asking
        case .sent(let counts): windows = count(counts)
        case .unavailable(let reason):
            context.step(TraceStage.admission, "rate", origin: origin, before: text, note: "deferred: \(reason)")
            return .reject(.unavailable)
        default:
            context.step(TraceStage.admission, "rate", origin: origin, before: text, note: "deferred: wrong answer")
            return .reject(.unavailable)
        }
        let limits = [
            (rate.minute, windows.minute, "minute"), (rate.hour, windows.hour, "hour"), (rate.day, windows.day, "day"),
        ]
        for case (let most?, let sent, let unit) in limits {
            let (sum, overflow) = sent.addingReportingOverflow(more)
            guard overflow || sum > most else { continue }
            let reason = "\(login.name) may send \(most) \(what) per \(unit)"
            context.step(TraceStage.admission, "rate", origin: origin, before: text, note: "refused: \(reason)")
            let said = "\(text): Sending limit reached: \(reason), try again later"
            return .reject(PolicyReply(code, EnhancedStatusCode(4, 7, 1), said))
        }
        let day = windows.day
        context.step(
            TraceStage.admission, "rate", origin: origin, before: text, note: "within limits: \(day) \(what) in a day")
        return .passed(())
    }
}
