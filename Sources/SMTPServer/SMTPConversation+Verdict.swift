import MailAuth
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import NetTransport
import SMTPCore

/// What the checks of a message lead to.
struct MessageVerdict {
    var refusal: SMTPReply?
    var isJunk = false
    /// The field that tells of them, put on top.
    var field: [UInt8] = []
    /// `spf=pass dkim=pass dmarc=pass`, for the log.
    var summary: String?
    /// nil where nothing was checked.
    var sealable: SealableResults?
}

/// What a seal may tell of a message, should it leave again.
struct SealableResults {
    /// nil where nobody looked.
    var chain: ARCChain?
    /// As in `MessageVerdict.field`.
    var payload: String

    var word: AuthenticationWord? {
        guard let chain else { return nil }
        return chain.isTemporary ? .temperror : AuthenticationWord(rawValue: chain.keyword)
    }
}

// Whether a message is of whom it says. Nothing here runs for clients of our own, or where all checks are off.
extension SMTPConversation {
    /// Begins what can be checked without the message.
    func makeSenderChecks(_ path: ReversePath) -> SenderChecks? {
        let rules = context.settings.rules
        guard !rules.authentication.areOff, let resolver = context.backend.resolver, rules.checks(client) else {
            return nil
        }
        let subject = SenderChecks.Subject(
            client: info.remote, helo: session.helo ?? "", path: path, receiver: context.settings.hostname,
            now: context.backend.now())
        let choice = SenderChecks.Choice(
            spf: rules.authentication.mayCheckSPF, reverse: rules.authentication.mayCheckReverse)
        return SenderChecks(subject, choice, backend: context.backend, resolver: resolver)
    }

    /// Checks a message that has come in whole, and takes what others wrote in our name out of its header.
    func authenticate(
        _ message: inout CollectedMessage, _ envelope: SMTPEnvelope, _ trace: inout [TraceStep]
    ) async -> MessageVerdict {
        let rules = context.settings.rules
        guard let sender = envelope.senderChecks, let resolver = context.backend.resolver else {
            if rules.authentication.areOff, rules.distrusts(client) {
                removeForged(context.settings.hostname, &message, &trace)
            }
            return MessageVerdict()
        }
        let header = HeaderBlock(parsing: message.index.headerBlock)
        let checks = MessageChecks(rules: rules.authentication, resolver: resolver, now: context.backend.now())
        let findings = await checks.run(sender, message.signatures, header: header)
        let modes = rules.authentication.modes(for: findings.dmarc?.author).modes
        let shown = findings.leavingOut(modes)
        var facts = shown.facts(client: info.remote, clientName: findings.sender.reverse?.name, header: header)
        if case .temporaryError = findings.sender.reverse { facts.isNameUnknown = true }
        let (decision, steps) = Policy.judgeAuthentication(facts, rules: rules)
        trace += steps
        if let observe = context.backend.observer,
            let observation = shown.observation(decision, client: info.remote, envelope, modes: modes)
        {
            observe(observation)
        }
        let host = context.settings.hostname
        removeForged(host, &message, &trace)
        let results = shown.results(host: host, client: info.remote, modes: modes)
        var verdict = MessageVerdict(field: results.field(), summary: facts.summary)
        if !modes.areOff { verdict.sealable = SealableResults(chain: shown.chain, payload: results.payload) }
        switch decision.disposition {
        case .accept: break
        case .junk: verdict.isJunk = true
        case .refuse(let reply): verdict.refusal = SMTPReply(reply)
        }
        return verdict
    }

    // RFC 8601 §5
    private func removeForged(_ host: DomainName, _ message: inout CollectedMessage, _ trace: inout [TraceStep]) {
        let (header, removed) = AuthenticationResults.removingForged([host.ascii], from: message.index.headerBlock)
        guard removed > 0 else { return }
        message.index = message.index.replacingHeader(header)
        trace.append(
            TraceStep(
                stage: TraceStage.authentication, rule: "forged-results", before: "\(removed) Authentication-Results",
                note: "removed: written in our name"))
    }
}

extension AuthenticationFacts {
    /// A word a method; of several signatures the best.
    fileprivate var summary: String? {
        var words: [String] = []
        if let spf { words.append("spf=\(spf.result.rawValue)") }
        if let best = dkim.first(where: { $0.result == .pass }) ?? dkim.first {
            words.append("dkim=\(best.result.rawValue)")
        }
        if let arc { words.append("arc=\(arc.result.rawValue)") }
        if let dmarc { words.append("dmarc=\(dmarc.result.rawValue)") }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }
}
