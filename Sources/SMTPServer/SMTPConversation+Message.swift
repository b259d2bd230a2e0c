import Glibc
import Logging
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SMTPCore
import Telemetry

// The end of data: the final header, the commit, the reply.
extension SMTPConversation {
    mutating func dataEnded(octets: Int, fault: SMTPDataFault?) async -> Bool {
        let isChunk = session.isTakingChunks
        let verdict =
            isChunk
            ? session.chunkEnded(octets: octets, fault: fault) : session.dataEnded(octets: octets, fault: fault)
        switch verdict {
        case .goOn(let reply):
            return await perform(.reply(reply))
        case .refuse(let reply):
            collector = nil
            recordRefusal(reply, stage: "data", from: envelope?.reversePath.description)
            return await perform(session.dataRefused(reply))
        case .accept:
            let verdict = await acceptMessage()
            collector = nil
            envelope = nil
            switch verdict {
            case .all(let reply): return await perform(session.messageDone(reply))
            case .each(let replies): return await perform(session.messageDone(replies))
            }
        }
    }

    /// What a message is answered with.
    private enum Verdict {
        case all(SMTPReply)
        /// With LMTP: one for each recipient.
        case each([SMTPReply])
    }

    private mutating func acceptMessage() async -> Verdict {
        let id = milters?.id ?? context.backend.nextID()
        milters?.id = nil
        guard let envelope, var collector else {
            return .all(SMTPReply(451, .init(4, 3, 0), "Transaction lost"))
        }
        let hops = collector.receivedCount
        let message = collector.finish()
        let verdict: Verdict
        if let message, hops <= context.settings.limits.hops {
            verdict = await store(message, envelope, id)
        } else {
            switch collector.fault {
            case .headerTooBig: verdict = .all(.headerTooBig)
            case .bareLineEnding: verdict = .all(.bareLineEndingInData)
            case .spool(let error): verdict = .all(trouble(error, "the temporary could not be written"))
            case nil: verdict = .all(.loop)  // RFC 5321 §6.3
            }
        }
        if case .all(let reply) = verdict, !reply.isPositive {
            recordRefusal(reply, stage: "data", from: envelope.reversePath.description, id: id)
        }
        return verdict
    }

    private mutating func store(_ message: CollectedMessage, _ envelope: SMTPEnvelope, _ id: MailID) async -> Verdict {
        var message = message
        var envelope = envelope
        var trace = envelope.trace
        do {
            let verdict = await authenticate(&message, envelope, &trace)
            if let refusal = verdict.refusal { return .all(refusal) }
            let hidden = hiddenFields(message.index.headerBlock)
            var received = await receivedField(envelope, id)
            var (checks, refusal) = try await checkHeader(&message, &received, &trace)
            if let refusal { return .all(refusal) }
            if let refusal = try await checkParts(&message, &checks, &trace) { return .all(refusal) }
            if let refusal = try await finishHeader(&message, of: envelope.reversePath, id, &trace) {
                return .all(refusal)
            }
            try await rewriteHeader(&message, &trace)
            let filtered = try await filter(&message, &envelope, &trace)
            if let refusal = filtered.refusal { return .all(refusal) }
            if let refusal = try await releaseRefusal(envelope.sender, size: message.index.size) {
                return .all(refusal)
            }
            if !filtered.discards { try await addCopies(&envelope, checks, &trace) }
            let (signFor, steps) = try await signingAuthor(message.index)
            trace += steps
            var acceptance = self.acceptance(of: message, verdict.field + received, envelope, id, trace)
            acceptance.isJunk = verdict.isJunk
            acceptance.authentication = verdict.summary
            acceptance.signFor = signFor
            acceptance.seal = try await seal(verdict.sealable, envelope, &acceptance.trace)
            note(Self.tlsDemand(envelope.sender, message.index.headerBlock), &acceptance)
            acceptance.notices = envelope.notices
            acceptance.held = checks.holds || filtered.holds
            putOff(&acceptance, envelope.sender)
            if let login, context.settings.rules.limits(of: login) != nil {
                acceptance.metered = MeteredMessage(sender: login.meter, recipients: envelope.recipients.count)
            }
            if !filtered.discards { acceptance.sentCopy = sentCopy(hidden) }
            acceptance.forwardedFrom = try await forwardingSender(envelope, &acceptance.trace)
            return try await keep(acceptance, envelope)
        } catch let error as RewriteUnavailable {
            logger.warning("message not accepted", metadata: [LogKey.error: "\(error)"])
            return .all(SMTPReply(PolicyReply.unavailable))
        } catch {
            return .all(trouble(error, "the message could not be stored"))
        }
    }

    /// Without whose key signs it, and what keeps it.
    private func acceptance(
        of message: CollectedMessage, _ received: [UInt8], _ envelope: SMTPEnvelope, _ id: MailID, _ trace: [TraceStep]
    ) -> Acceptance {
        Acceptance(
            id: id,
            reversePath: envelope.reversePath,
            content: message.content(prefix: received),
            index: message.index.prepending(received),
            local: envelope.local,
            remote: envelope.remote,
            trace: trace,
            origin: AcceptanceOrigin(
                listener: context.settings.listener,
                client: info.remote.description,
                helo: session.helo,
                login: login?.name ?? localUser?.description,
                tls: tls?.version
            ),
            bodyType: envelope.sender.body.queued,
            smtpUTF8: envelope.sender.smtpUTF8,
            envelopeID: envelope.sender.envelopeID,
            dsnReturn: envelope.sender.dsnReturn.flatMap(DSNReturn.init(rawValue:))
        )
    }

    private mutating func keep(_ acceptance: Acceptance, _ envelope: SMTPEnvelope) async throws -> Verdict {
        guard context.settings.role != .lmtp else {
            return .each(try await keepForEach(acceptance, envelope))
        }
        let accepted = try await context.backend.accept(acceptance)
        messages += 1
        if let trouble = accepted.sentTrouble {
            logger.warning(
                "no copy kept for the sender",
                metadata: [LogKey.mailID: "\(acceptance.id)", LogKey.error: "\(trouble)"])
        }
        var kept = acceptance
        kept.local = accepted.filed
        recordAccepted(
            kept, local: accepted.filed.count, remote: accepted.queued, recipients: envelope.recipients.map(\.address))
        return .all(SMTPReply(250, .init(2, 0, 0), "Ok: queued as \(acceptance.id)"))
    }

    private func receivedField(_ envelope: SMTPEnvelope, _ id: MailID) async -> [UInt8] {
        let only = envelope.recipients.count == 1 ? envelope.recipients.first?.address : nil
        var field = ReceivedField(
            helo: session.helo ?? "",
            reverseName: await reverseName.value,
            client: info.remote,
            tls: tls.map { ($0.version, $0.cipher, $0.bits) },
            authenticatedSender: login?.address.description,
            hostname: context.settings.hostname.ascii,
            protocol: session.protocolName,
            id: id,
            forRecipient: only,
            date: context.backend.now()
        )
        field.localUser = localUser?.description
        return field.render()
    }

    private func signingAuthor(_ index: MessageIndex) async throws -> (EmailAddress?, [TraceStep]) {
        let author = index.envelope.from.first { $0.host != nil }
        var address: EmailAddress?
        if let mailbox = author?.mailbox, let host = author?.host {
            address = EmailAddress(bytes: mailbox + [UInt8(ascii: "@")] + host)
        }
        let facts = SigningFacts(origin: MessageOrigin(client, rules: context.settings.rules), headerFrom: address)
        let (decision, trace) = try await Policy.run(
            { [rules = context.settings.rules] in Policy.chooseSigning(facts, rules: rules, $0) },
            answer: context.backend.answer)
        if case .sign(let author) = decision { return (author, trace) }
        return (nil, trace)
    }

    func recordAccepted(
        _ acceptance: Acceptance, local: Int, remote: Int, recipients: [EmailAddress]
    ) {
        context.events.record(
            .accepted(
                .init(
                    id: acceptance.id.description,
                    peer: peer,
                    from: acceptance.reversePath.description,
                    to: recipients.map(\.description),
                    size: acceptance.index.size,
                    local: local,
                    remote: remote,
                    messageID: acceptance.index.messageID,
                    authentication: acceptance.authentication
                )
            )
        )
        for delivery in acceptance.local {
            context.events.record(.delivered(.local(delivery, of: acceptance)))
        }
    }
}
