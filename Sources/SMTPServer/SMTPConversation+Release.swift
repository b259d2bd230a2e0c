import MailIntake
import MailPolicy
import MailSyntax
import SMTPCore

// FUTURERELEASE: a message that goes when its sender wants it to.
extension SMTPConversation {
    /// What policy has to know of HOLDFOR and HOLDUNTIL; nil without them.
    func releaseFacts(_ sender: SMTPSender) -> FutureReleaseFacts? {
        guard let release = sender.release, let latest = session.latestRelease else { return nil }
        let wish: FutureReleaseFacts.Wish =
            switch release {
            case .after(let seconds): .after(seconds: seconds)
            case .until(let time, _): .until(time)
            }
        return FutureReleaseFacts(
            wish: wish, request: release.request, now: context.backend.now(), latest: latest,
            declaredSize: sender.size ?? 0)
    }

    /// Refuses a message that turns out to have no room to wait: its size was not declared, or others came meanwhile.
    // RFC 4865 §6
    func releaseRefusal(_ sender: SMTPSender, size: Int) async throws -> SMTPReply? {
        guard var facts = releaseFacts(sender) else { return nil }
        facts.declaredSize = size
        let reply = try await Policy.run(
            { [client, rules = context.settings.rules, facts] in
                Policy.judgeRelease(facts, of: client, rules: rules, $0)
            }, answer: context.backend.answer
        ).decision
        return reply.map { SMTPReply($0) }
    }

    /// An interval counts from the end of the message, so that it is over in no case when the message goes. What is over
    /// already goes at once.
    // RFC 4865 §4.2
    func putOff(_ acceptance: inout Acceptance, _ sender: SMTPSender) {
        guard let release = sender.release else { return }
        let now = context.backend.now()
        let time = release.time(from: now)
        acceptance.futureRelease = release.request
        guard time > now else { return }
        acceptance.notBefore = time
        for index in acceptance.trace.indices where acceptance.trace[index].rule == Policy.futureReleaseRule {
            acceptance.trace[index].after = InternetTimestamp.utc(time)
        }
    }
}
