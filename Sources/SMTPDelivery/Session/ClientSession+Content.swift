import MailMessage
import MailSyntax
import NIOCore
import NetTransport
import OutboundQueue
import SMTPCore

/// A message in the form in which one host gets it.
struct OutgoingForm: Sendable {
    var content: MessageContent
    /// The BODY parameter; nil for none.
    var body: MessageBodyType?
    /// The header is beyond ASCII and the host understands it.
    var needsUTF8: Bool
    /// BDAT instead of DATA: the octets go as they are. // RFC 3030 §2
    var isChunked: Bool { body == .binaryMIME }
}

extension ClientSession {
    /// The form in which this server can have a message, or why it never can.
    func fit(_ message: QueuedMessage, _ content: MessageContent) async -> Result<OutgoingForm, DeliveryFailure> {
        if let failure = lackOfSecurity(for: message) { return .failure(failure) }
        if !capabilities.offersSMTPUTF8 {
            let needsIt = content.reversePath(of: message).address?.needsSMTPUTF8 ?? false
            if needsIt || (message.smtpUTF8 && content.hasUTF8Header) { return .failure(noSMTPUTF8(.message)) }
        }
        var form = OutgoingForm(content: content, needsUTF8: message.smtpUTF8 && content.hasUTF8Header)
        do {
            switch message.bodyType {
            // RFC 6376 §5.3: a signature of ours is for a form that every relay can carry on.
            case .binaryMIME where capabilities.offersBinary && !content.isSigned: form.body = .binaryMIME
            case .binaryMIME:
                // RFC 3030 §3: a binary message is converted, or it comes back.
                form.content = try await content.converted(to: capabilities.offersEightBit ? .eightBit : .sevenBit)
                if capabilities.offersEightBit { form.body = .eightBitMIME }
            case .eightBitMIME, .sevenBit:
                if capabilities.offersEightBit {
                    form.body = message.bodyType == .eightBitMIME ? .eightBitMIME : nil
                } else {
                    form.content = try await content.converted(to: .sevenBit)  // RFC 6152 §3
                }
            }
        } catch {
            return .failure(unconvertible(message, error))
        }
        if let limit = capabilities.maximumSize, form.content.size > limit {  // RFC 1870 §6.1
            let text = "message size \(form.content.size) exceeds the size limit \(limit) of the host"
            return .failure(
                DeliveryFailure(
                    .message, .permanent, DeliveryReply(status: EnhancedStatusCode(5, 3, 4), text: text, host: host)))
        }
        return .success(form)
    }

    /// Why a message that is to go over verified TLS alone can't go over this session. The host of an LMTP route is part
    /// of this system.
    func lackOfSecurity(for message: QueuedMessage) -> DeliveryFailure? {
        // RFC 8689 §5: a report goes even so.
        guard message.tlsDemand == .required, message.reversePath != .null, plan.kind == .smtp else { return nil }
        if let reason = lackOfProof {
            return securityFailure(10, "Encryption needed (REQUIRETLS): \(reason)")
        }
        guard !capabilities.offersRequireTLS else { return nil }
        return securityFailure(30, "REQUIRETLS support required, but not offered by the host")
    }

    /// The message goes with REQUIRETLS, which has no place in a session that is not up to it. // RFC 8689 §2
    func passesDemandOn(_ message: QueuedMessage) -> Bool {
        guard message.tlsDemand == .required, tls != nil, capabilities.offersRequireTLS else { return false }
        return plan.kind == .lmtp || lackOfProof == nil
    }

    /// Why it is not certain that the right host alone reads what is sent. // RFC 8689 §4.2.1
    private var lackOfProof: String? {
        guard let tls else { return "the session has no TLS" }
        guard plan.isFitForDemand else {
            return "neither signed MX records nor an enforced MTA-STS policy name the host"
        }
        guard tls.peer?.trust.isAuthenticated != true else { return nil }
        guard case .untrusted(let reason, _)? = tls.peer?.trust else { return "the certificate is not verified" }
        return "the certificate of the host is not verified: \(reason)"
    }

    private func securityFailure(_ detail: Int, _ text: String) -> DeliveryFailure {
        DeliveryFailure(
            .messageAtHost, .permanent,
            DeliveryReply(status: EnhancedStatusCode(5, 7, detail), text: text, host: host))
    }

    private func unconvertible(_ message: QueuedMessage, _ error: any Error) -> DeliveryFailure {
        guard let error = error as? ConversionError else {
            return DeliveryFailure(
                .message, .temporary,
                DeliveryReply(status: EnhancedStatusCode(4, 3, 0), text: "local error: \(error)", host: host))
        }
        let isBinary = message.bodyType == .binaryMIME
        let wanted = isBinary ? "BINARYMIME" : "8BITMIME"
        // RFC 3463 §3.7: X.6.1 media not supported, X.6.3 conversion required but not supported.
        return DeliveryFailure(
            .message, .permanent,
            DeliveryReply(
                status: EnhancedStatusCode(5, 6, isBinary ? 1 : 3),
                text: "\(wanted) is required, but was not offered by the host, and \(error)", host: host))
    }

    // RFC 6531 §3.5, RFC 6531 §3.6
    func noSMTPUTF8(_ scope: DeliveryFailure.Scope) -> DeliveryFailure {
        let text = "SMTPUTF8 is required, but was not offered by the host"
        return DeliveryFailure(
            scope, .permanent, DeliveryReply(status: EnhancedStatusCode(5, 6, 7), text: text, host: host))
    }

    /// Sends the text; nil is an empty message.
    func send(_ form: OutgoingForm?) async throws {
        guard let form else { return try await send(lines: ["."], .content) }
        if form.isChunked {
            try await sendChunk(form.content)
        } else {
            try await sendLines(form.content)
        }
        plan.observer?(.sentContent(octets: form.content.size))
    }

    /// Dot-stuffed and with whole line ends, in pieces of about 64 KiB.
    private func sendLines(_ content: MessageContent) async throws {
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

    /// One chunk, octet for octet. // RFC 3030 §2
    private func sendChunk(_ content: MessageContent) async throws {
        let command = "BDAT \(content.size) LAST"
        plan.observer?(.said(command))
        var buffer = ByteBuffer(string: command + "\r\n")
        buffer.writeBytes(content.prefix)
        var offset = 0
        while true {
            let piece = try await content.piece(at: offset)
            guard !piece.isEmpty else { break }
            offset += piece.count
            buffer.writeBytes(piece)
            if buffer.readableBytes >= MessageContent.pieceSize {
                try await send([.deadline(nil), .bytes(buffer)], .content)
                buffer = ByteBuffer()
                try Task.checkCancellation()
            }
        }
        try await send([.bytes(buffer)], .content)
    }
}
