import MailConfig
package import MailSyntax

/// What a client asks that wants its message to go later.
package struct FutureReleaseFacts: Sendable, Hashable {
    package enum Wish: Sendable, Hashable {
        case after(seconds: Int)
        case until(Timestamp)
    }

    package var wish: Wish
    /// As it was asked: `for;3600`.
    package var request: String
    package var now: Timestamp
    /// The latest time that the client was told.
    package var latest: Timestamp
    /// SIZE of MAIL, in octets; 0 when nothing was declared.
    package var declaredSize: Int

    package init(wish: Wish, request: String, now: Timestamp, latest: Timestamp, declaredSize: Int) {
        self.wish = wish
        self.request = request
        self.now = now
        self.latest = latest
        self.declaredSize = declaredSize
    }

    var time: Timestamp {
        switch wish {
        case .after(let seconds): now.adding(.seconds(seconds))
        case .until(let time): time
        }
    }
}

extension PolicyRules {
    /// How long messages may wait for the time that their senders choose, in seconds; 0 for not at all.
    package var longestRelease: Int {
        Int(clamping: min(manifest.limits.futureRelease.components.seconds, 999_999_999))
    }
}

extension Policy {
    /// The rule that a message goes later by.
    package static let futureReleaseRule = "future-release"

    /// Judges the wish once more, when the size of the message is known; nil where it may wait.
    package static func judgeRelease(
        _ release: FutureReleaseFacts, of client: ClientFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<PolicyReply?> {
        var context = EvaluationContext(answers)
        switch checkRelease(release, client, rules, &context) {
        case .passed: return context.decided(nil)
        case .reject(let reply): return context.decided(reply)
        case .asking: return context.asking()
        }
    }

    /// What is counted, and the time that the client wants.
    static func checkSending(
        _ facts: SenderFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Void> {
        switch checkMessageRate(facts.client, facts.path, rules, &context) {
        case .passed:
            guard let release = facts.release else { return .passed(()) }
            return checkRelease(release, facts.client, rules, &context)
        case let other: return other
        }
    }

    /// Whether a message may wait until the time that its sender chose, and has room to.
    // RFC 4865 §4.2, RFC 4865 §6
    private static func checkRelease(
        _ release: FutureReleaseFacts, _ client: ClientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Void> {
        let origin = rules.origin("limits.future_release")
        func refuse(_ code: Int, _ status: EnhancedStatusCode, _ text: String, _ origin: String) -> Stage<Void> {
            context.step(
                TraceStage.admission, futureReleaseRule, origin: origin, before: release.request,
                note: "refused: \(text)")
            return .reject(PolicyReply(code, status, text))
        }
        guard rules.longestRelease > 0, client.role == .submission else {
            return refuse(555, EnhancedStatusCode(5, 5, 4), "Messages can't be sent later here", origin)
        }
        // Whose room it takes has to be known.
        guard let login = client.login else {
            return refuse(530, EnhancedStatusCode(5, 7, 0), "Authentication required", origin)
        }
        if isTooLate(release, rules) {
            let text = "Later than \(InternetTimestamp.utc(release.latest)), \(rules.longestRelease) seconds ahead"
            return refuse(501, EnhancedStatusCode(5, 5, 4), text, origin)
        }
        let most = rules.manifest.limits.futureReleaseStorage
        switch context.ask(.waiting(login.name)) {
        case nil: return .asking
        case .octets(let waiting):
            let (sum, overflow) = waiting.addingReportingOverflow(release.declaredSize)
            guard let most, overflow || sum > most else { break }
            return refuse(
                552, EnhancedStatusCode(5, 7, 16), "Too much waits to be sent later already",
                rules.origin("limits.future_release_storage"))
        default:
            context.step(TraceStage.admission, futureReleaseRule, before: release.request, note: "deferred")
            return .reject(.unavailable)
        }
        context.step(
            TraceStage.admission, futureReleaseRule, origin: origin, before: release.request,
            after: InternetTimestamp.utc(release.time), note: release.time > release.now ? nil : "at once")
        return .passed(())
    }

    private static func isTooLate(_ release: FutureReleaseFacts, _ rules: PolicyRules) -> Bool {
        switch release.wish {
        case .after(let seconds): seconds > rules.longestRelease
        case .until(let time): time > release.latest
        }
    }
}
