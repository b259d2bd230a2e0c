import MailSyntax
import OutboundQueue
import SMTPCore

/// What a server answered for one recipient of a transaction.
enum RecipientResult: Sendable {
    case delivered(DeliveryReply)
    case failed(DeliveryFailure)
    /// Not taken only because the transaction was full: another one may follow at once.
    case again(DeliveryFailure)
}

extension ClientSession {
    /// Sends one message to recipients, in as many transactions as the route's limit and the host ask for.
    ///
    /// - Parameter settle: called once for each recipient, after the transaction that decided about it.
    /// - Throws: ``SessionError`` when the connection broke; those that were not settled have not been served, as far as
    ///   is known.
    mutating func deliver(
        _ message: QueuedMessage,
        to recipients: [QueuedRecipient],
        content: MessageContent,
        settle: (QueuedRecipient, RecipientResult) -> Void
    ) async throws {
        var waiting = recipients
        var limit = max(1, plan.recipientLimit ?? Int.max)
        while !waiting.isEmpty {
            let batch = Array(waiting.prefix(limit))
            let results = try await transact(message, to: batch, content: content)
            let taken = results.values.count { if case .delivered = $0 { true } else { false } }
            var again: [QueuedRecipient] = []
            for recipient in batch {
                switch results[recipient.id] {
                case .again(let failure) where taken == 0: settle(recipient, .failed(failure))
                case .again: again.append(recipient)
                case .some(let result): settle(recipient, result)
                case nil: continue
                }
            }
            // RFC 5321 §4.5.3.1.10: the rest comes in further transactions, of a size that the host has shown to take.
            if !again.isEmpty { limit = min(limit, max(1, taken)) }
            waiting = again + waiting.dropFirst(batch.count)
        }
    }

    /// Sends one message to the recipients of a transaction.
    ///
    /// - Returns: a result for each recipient.
    private mutating func transact(
        _ message: QueuedMessage,
        to recipients: [QueuedRecipient],
        content: MessageContent
    ) async throws -> [RecipientID: RecipientResult] {
        guard !isSpent else { throw SessionError.lost(.reset) }
        let form: OutgoingForm
        switch await fit(message, content) {
        case .failure(let failure):
            return Dictionary(uniqueKeysWithValues: recipients.map { ($0.id, .failed(failure)) })
        case .success(let fitting): form = fitting
        }
        var results: [RecipientID: RecipientResult] = [:]
        let takers = recipients.filter { recipient in
            guard content.address(of: recipient).needsSMTPUTF8, !capabilities.offersSMTPUTF8 else { return true }
            results[recipient.id] = .failed(noSMTPUTF8(.recipient))
            return false
        }
        guard !takers.isEmpty else { return results }
        if isDirty {
            let answer = try await command("RSET", .reset)
            guard answer.isPositive else { throw SessionError.refused(.reset, answer) }
        }
        isDirty = true
        let commands = EnvelopeCommands(
            capabilities: capabilities, message: message, content: content, requiresTLS: passesDemandOn(message))
        let needsUTF8 =
            form.needsUTF8 || content.reversePath(of: message).address?.needsSMTPUTF8 == true
            || takers.contains { content.address(of: $0).needsSMTPUTF8 }
        let mail = commands.mail(size: form.content.size, body: form.body, needsUTF8: needsUTF8)
        let envelope = try await sendEnvelope(mail, takers, commands, form)
        results.merge(envelope.results) { _, new in new }
        guard envelope.isDataOpen else { return results }
        results.merge(try await sendAndHear(form, envelope.accepted)) { _, new in new }
        return results
    }

    // MARK: The envelope

    /// The answers before the text.
    struct Envelope {
        var results: [RecipientID: RecipientResult] = [:]
        var accepted: [QueuedRecipient] = []
        /// The server waits for text, even if nobody is to have it.
        var isDataOpen = false
    }

    private mutating func sendEnvelope(
        _ mail: String, _ recipients: [QueuedRecipient], _ commands: EnvelopeCommands, _ form: OutgoingForm
    ) async throws -> Envelope {
        let lines = recipients.map { commands.recipient($0) }
        var envelope = Envelope()
        if capabilities.offersPipelining {
            // RFC 2920 §3.1; BDAT has no answer before its text and is not sent for nobody.
            try await send(lines: [mail] + lines + (form.isChunked ? [] : ["DATA"]), .mail)
            let mailAnswer = try await mailAnswer()
            for recipient in recipients {
                let answer = try await answer(.recipient)
                note(mailAnswer.isPositive ? answer : mailAnswer, isMail: !mailAnswer.isPositive, recipient, &envelope)
            }
            if !form.isChunked { noteData(try await answer(.data), &envelope) }
        } else {
            try await send(lines: [mail], .mail)
            let mailAnswer = try await mailAnswer()
            for (recipient, line) in zip(recipients, lines) {
                guard mailAnswer.isPositive else {
                    note(mailAnswer, isMail: true, recipient, &envelope)
                    continue
                }
                try await send(lines: [line], .recipient)
                note(try await answer(.recipient), isMail: false, recipient, &envelope)
            }
            guard !envelope.accepted.isEmpty, !form.isChunked else {
                envelope.isDataOpen = !envelope.accepted.isEmpty
                return envelope
            }
            try await send(lines: ["DATA"], .data)
            noteData(try await answer(.data), &envelope)
        }
        if form.isChunked { envelope.isDataOpen = !envelope.accepted.isEmpty }
        return envelope
    }

    /// The answer to MAIL. Some servers say one thing more after a message (a filter's verdict, an early refusal and then
    /// a late one): that would count against the next message, so a refusal is heard again over a new connection.
    private mutating func mailAnswer() async throws -> SMTPRemoteReply {
        let answer = try await answer(.mail)
        guard !isUsed || !answer.isPermanent else { throw SessionError.refused(.mail, answer) }
        return answer
    }

    /// A reply within a transaction; 421 ends the session whatever it answers. // RFC 5321 §3.8
    private mutating func answer(_ stage: Stage) async throws -> SMTPRemoteReply {
        let answer = try await reply(stage, within: timeouts.command)
        guard answer.code != 421 else { throw SessionError.refused(stage, answer) }
        return answer
    }

    private func note(_ answer: SMTPRemoteReply, isMail: Bool, _ recipient: QueuedRecipient, _ envelope: inout Envelope)
    {
        // A 551 with another address is a refusal: mail does not go where a server points. // RFC 5321 §3.4
        if answer.isPositive {
            envelope.accepted.append(recipient)
            return
        }
        guard !isMail else {
            envelope.results[recipient.id] = .failed(failure(.message, answer, .mail))
            return
        }
        // RFC 5321 §4.5.3.1.10: 552 here has meant "too many recipients" since before 452 did.
        let says = answer.status.map { $0.subject == 5 && $0.detail == 3 }
        let isFull = (answer.code == 452 || answer.code == 552) && says ?? true
        var failed = failure(.recipient, answer, .recipient)
        if isFull, answer.isPermanent {
            failed.permanence = .temporary
            failed.reply.status = EnhancedStatusCode(4, 5, 3)
        }
        envelope.results[recipient.id] = isFull ? .again(failed) : .failed(failed)
    }

    private func noteData(_ answer: SMTPRemoteReply, _ envelope: inout Envelope) {
        if answer.code == 354 {
            envelope.isDataOpen = true
            return
        }
        let failed = failure(.message, answer, .data)
        for recipient in envelope.accepted { envelope.results[recipient.id] = .failed(failed) }
        envelope.accepted = []
    }

    // MARK: The end

    /// Sends the text and hears what became of it: one answer, or with LMTP one for each recipient.
    private mutating func sendAndHear(
        _ form: OutgoingForm, _ accepted: [QueuedRecipient]
    ) async throws -> [RecipientID: RecipientResult] {
        let first = try await finalReply(accepted.isEmpty ? nil : form)
        isUsed = true
        var results: [RecipientID: RecipientResult] = [:]
        guard plan.kind == .lmtp else {
            isDirty = !first.isPositive
            for recipient in accepted { results[recipient.id] = endResult(first, .message) }
            return results
        }
        // RFC 2033 §4.2: in the order of the RCPT commands. A server that lets nobody's data end is out of step.
        if accepted.isEmpty { isSpent = true }
        isDirty = false
        for (index, recipient) in accepted.enumerated() {
            do {
                let answer = index == 0 ? first : try await reply(.endOfData, within: timeouts.final)
                if answer.code == 421 { isSpent = true }
                results[recipient.id] = endResult(answer, .recipient)
            } catch let error as SessionError {
                // Who was answered has it; the others may have it too, and are tried again later.
                isSpent = true
                for rest in accepted[index...] { results[rest.id] = .failed(error.failure(host: host)) }
                return results
            }
        }
        return results
    }

    /// Sends the text and waits for what the server makes of it.
    private mutating func finalReply(_ form: OutgoingForm?) async throws -> SMTPRemoteReply {
        do {
            try await send(form)
        } catch SessionError.lost(.content) {
            // A server that has seen enough answers before the end and closes.
            let early = try? await reply(.content, within: .seconds(5))
            guard let early, !early.isPositive else { throw SessionError.lost(.content) }
            isSpent = true
            return early
        }
        return try await reply(.endOfData, within: timeouts.final)
    }

    private func endResult(_ answer: SMTPRemoteReply, _ scope: DeliveryFailure.Scope) -> RecipientResult {
        if answer.isPositive {
            return .delivered(
                DeliveryReply(code: answer.code, status: answer.statusOrDefault, text: answer.text, host: host))
        }
        return .failed(failure(scope, answer, .endOfData))
    }

    private func failure(_ scope: DeliveryFailure.Scope, _ answer: SMTPRemoteReply, _ stage: Stage) -> DeliveryFailure {
        let isClosing = answer.code == 421
        let place = stage == .endOfData ? "end of DATA" : stage.rawValue
        // 2xx or 3xx out of place is nonsense; what it means for the message is unknown.
        let isRefusal = answer.isTemporary || answer.isPermanent
        return DeliveryFailure(
            isClosing ? .host : scope,
            answer.isPermanent ? .permanent : .temporary,
            DeliveryReply(
                code: answer.code,
                status: isRefusal ? answer.statusOrDefault : EnhancedStatusCode(4, 5, 0),
                text: "\(isRefusal ? "" : "unexpected reply: ")\(answer.text) (in reply to \(place))",
                host: host
            )
        )
    }
}
