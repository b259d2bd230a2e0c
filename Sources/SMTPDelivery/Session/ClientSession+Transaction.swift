import MailSyntax
import NIOCore
import NetTransport
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
    /// Sends one message to the recipients of a transaction.
    ///
    /// - Returns: a result for each recipient.
    /// - Throws: ``SessionError`` when the connection broke, with nothing delivered as far as is known.
    mutating func transact(
        _ message: QueuedMessage,
        to recipients: [QueuedRecipient],
        content: MessageContent
    ) async throws -> [RecipientID: RecipientResult] {
        var results: [RecipientID: RecipientResult] = [:]
        if let failure = unfit(message, content: content) {
            for recipient in recipients { results[recipient.id] = .failed(failure) }
            return results
        }
        let takers = recipients.filter { recipient in
            guard recipient.address.needsSMTPUTF8, !capabilities.offersSMTPUTF8 else { return true }
            results[recipient.id] = .failed(Self.noSMTPUTF8(.recipient, host: host))
            return false
        }
        guard !takers.isEmpty else { return results }
        if isDirty {
            let answer = try await command("RSET", .reset)
            guard answer.isPositive else { throw SessionError.refused(.reset, answer) }
        }
        isDirty = true
        let mail = mailCommand(message, recipients: takers, content: content)
        let envelope: Envelope
        if capabilities.offersPipelining {
            envelope = try await sendPipelined(mail, takers)
        } else {
            envelope = try await sendStepwise(mail, takers)
        }
        results.merge(envelope.results) { _, new in new }
        guard envelope.isDataOpen else { return results }
        let final = try await finalReply(envelope.accepted.isEmpty ? nil : content)
        isDirty = !final.isPositive
        for recipient in envelope.accepted { results[recipient.id] = endResult(final) }
        return results
    }

    /// Sends the text and waits for what the server makes of it.
    private mutating func finalReply(_ content: MessageContent?) async throws -> SMTPRemoteReply {
        do {
            try await sendContent(content)
        } catch SessionError.lost(.content) {
            // A server that has seen enough answers before the end and closes.
            let early = try? await reply(.content, within: .seconds(5))
            guard let early, !early.isPositive else { throw SessionError.lost(.content) }
            return early
        }
        return try await reply(.endOfData, within: timeouts.final)
    }

    /// A reply within a transaction; 421 ends the session whatever it answers. // RFC 5321 §3.8
    private mutating func answer(_ stage: Stage) async throws -> SMTPRemoteReply {
        let answer = try await reply(stage, within: timeouts.command)
        guard answer.code != 421 else { throw SessionError.refused(stage, answer) }
        return answer
    }

    /// The answers before the text.
    private struct Envelope {
        var results: [RecipientID: RecipientResult] = [:]
        var accepted: [QueuedRecipient] = []
        /// The server waits for text, even if nobody is to have it.
        var isDataOpen = false
    }

    // RFC 2920 §3.1
    private mutating func sendPipelined(_ mail: String, _ recipients: [QueuedRecipient]) async throws -> Envelope {
        let lines = [mail] + recipients.map { "RCPT TO:<\($0.address)>" } + ["DATA"]
        try await send(lines: lines, .mail)
        var envelope = Envelope()
        let mailAnswer = try await answer(.mail)
        for recipient in recipients {
            let answer = try await answer(.recipient)
            note(mailAnswer.isPositive ? answer : mailAnswer, isMail: !mailAnswer.isPositive, recipient, &envelope)
        }
        noteData(try await answer(.data), &envelope)
        return envelope
    }

    private mutating func sendStepwise(_ mail: String, _ recipients: [QueuedRecipient]) async throws -> Envelope {
        var envelope = Envelope()
        try await send(lines: [mail], .mail)
        let mailAnswer = try await answer(.mail)
        for recipient in recipients {
            guard mailAnswer.isPositive else {
                note(mailAnswer, isMail: true, recipient, &envelope)
                continue
            }
            try await send(lines: ["RCPT TO:<\(recipient.address)>"], .recipient)
            let answer = try await answer(.recipient)
            note(answer, isMail: false, recipient, &envelope)
        }
        guard !envelope.accepted.isEmpty else { return envelope }
        try await send(lines: ["DATA"], .data)
        noteData(try await answer(.data), &envelope)
        return envelope
    }

    private func note(_ answer: SMTPRemoteReply, isMail: Bool, _ recipient: QueuedRecipient, _ envelope: inout Envelope)
    {
        if answer.isPositive {
            envelope.accepted.append(recipient)
            return
        }
        let stage = isMail ? Stage.mail : Stage.recipient
        guard !isMail else {
            envelope.results[recipient.id] = .failed(failure(.message, answer, stage))
            return
        }
        // RFC 5321 §4.5.3.1.10: 552 here has meant "too many recipients" since before 452 did.
        let isFull = answer.code == 452 || (answer.code == 552 && (answer.status?.subject ?? 5) == 5)
        var failed = failure(.recipient, answer, stage)
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

    private func endResult(_ answer: SMTPRemoteReply) -> RecipientResult {
        if answer.isPositive {
            return .delivered(
                DeliveryReply(code: answer.code, status: answer.statusOrDefault, text: answer.text, host: host))
        }
        return .failed(failure(.message, answer, .endOfData))
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

    /// Why this server can never have this message.
    private func unfit(_ message: QueuedMessage, content: MessageContent) -> DeliveryFailure? {
        if let limit = capabilities.maximumSize, content.size > limit {  // RFC 1870 §6.1
            let text = "message size \(content.size) exceeds the size limit \(limit) of the host"
            return DeliveryFailure(
                .message, .permanent, DeliveryReply(status: EnhancedStatusCode(5, 3, 4), text: text, host: host))
        }
        if !capabilities.offersSMTPUTF8 {
            let needsIt = message.reversePath.address?.needsSMTPUTF8 ?? false
            if needsIt || (message.smtpUTF8 && content.hasUTF8Header) { return Self.noSMTPUTF8(.message, host: host) }
        }
        return nil
    }

    // RFC 6531 §3.5, RFC 6531 §3.6
    private static func noSMTPUTF8(_ scope: DeliveryFailure.Scope, host: String) -> DeliveryFailure {
        let text = "SMTPUTF8 is required, but was not offered by the host"
        return DeliveryFailure(
            scope, .permanent, DeliveryReply(status: EnhancedStatusCode(5, 6, 7), text: text, host: host))
    }

    private func mailCommand(
        _ message: QueuedMessage,
        recipients: [QueuedRecipient],
        content: MessageContent
    ) -> String {
        var line = "MAIL FROM:\(message.reversePath.angled)"
        if capabilities.offersSize { line += " SIZE=\(content.size)" }
        // RFC 6152 §3 (deviates): a server without 8BITMIME gets the octets as they are. Converting would break
        // signatures, and servers that can't take them have not been seen for decades.
        if message.bodyType != .sevenBit, capabilities.offersEightBit { line += " BODY=8BITMIME" }
        let addressesNeedIt =
            (message.reversePath.address?.needsSMTPUTF8 ?? false)
            || recipients.contains { $0.address.needsSMTPUTF8 }
        if capabilities.offersSMTPUTF8, addressesNeedIt || (message.smtpUTF8 && content.hasUTF8Header) {
            line += " SMTPUTF8"
        }
        return line
    }

    /// Sends the text, dot-stuffed and with whole line ends, in pieces of about 64 KiB; nil is an empty message.
    private mutating func sendContent(_ content: MessageContent?) async throws {
        guard let content else { return try await send(lines: ["."], .content) }
        var normalizer = LineNormalizer()
        var stuffer = DotStuffer()
        var buffer = ByteBuffer(bytes: content.prefix)
        var offset = 0
        while true {
            let piece = try await content.piece(at: offset)
            guard !piece.isEmpty else { break }
            offset += piece.count
            buffer.writeBytes(stuffer.stuff(normalizer.normalize(piece)))
            if buffer.readableBytes >= MessageContent.pieceSize {
                try await send([.deadline(nil), .bytes(buffer)], .content)
                buffer = ByteBuffer()
                try Task.checkCancellation()
            }
        }
        buffer.writeBytes(stuffer.stuff(normalizer.finish()))
        buffer.writeStaticString(".\r\n")
        try await send([.bytes(buffer)], .content)
    }
}
