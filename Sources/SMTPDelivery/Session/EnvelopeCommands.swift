import MailSyntax
import OutboundQueue
import SMTPCore

/// The commands of a transaction, with the parameters that a host understands.
struct EnvelopeCommands {
    let capabilities: SMTPCapabilities
    let message: QueuedMessage
    let content: MessageContent
    var requiresTLS = false

    /// - Parameters:
    ///   - size: of the message as it is sent, in octets.
    ///   - body: how it is sent; nil for plain ASCII.
    ///   - needsUTF8: an address of the transaction, or the header, is beyond ASCII.
    func mail(size: Int, body: MessageBodyType?, needsUTF8: Bool) -> String {
        var line = "MAIL FROM:\(content.reversePath(of: message).angled)"
        if capabilities.offersSize { line += " SIZE=\(size)" }  // RFC 1870 §6
        if let body { line += " BODY=\(body.rawValue)" }  // RFC 6152 §2, RFC 3030 §3
        if needsUTF8, capabilities.offersSMTPUTF8 { line += " SMTPUTF8" }  // RFC 6531 §3.4
        // RFC 8689 §4.2.1
        if requiresTLS { line += " REQUIRETLS" }
        if capabilities.offersDSN {  // RFC 3461 §5.2.1
            if let part = message.dsnReturn { line += " RET=\(part.rawValue)" }
            if let id = message.envelopeID, !id.isEmpty { line += " ENVID=\(XText.encode(id))" }
        }
        return line
    }

    func recipient(_ recipient: QueuedRecipient) -> String {
        let line = "RCPT TO:<\(content.address(of: recipient))>"
        return capabilities.offersDSN ? line + notify(recipient) + originalRecipient(recipient) : line
    }

    /// What holds where nothing was asked for is not written, unless other parameters tell that somebody asked.
    private func notify(_ recipient: QueuedRecipient) -> String {
        let asked = recipient.originalRecipient != nil || message.envelopeID != nil || message.dsnReturn != nil
        guard !recipient.notify.isEmpty, recipient.notify != .standard || asked else { return "" }
        if recipient.notify.contains(.never) { return " NOTIFY=NEVER" }
        let words: [(DSNNotify, String)] = [(.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]
        return " NOTIFY=" + words.filter { recipient.notify.contains($0.0) }.map(\.1).joined(separator: ",")
    }

    // RFC 3461 §4.2: it is handed on as it came, with its type.
    private func originalRecipient(_ recipient: QueuedRecipient) -> String {
        guard let original = recipient.originalRecipient, let semicolon = original.firstIndex(of: ";") else {
            return ""
        }
        let type = original[..<semicolon]
        let address = original[original.index(after: semicolon)...]
        guard !type.isEmpty, type.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !address.isEmpty else { return "" }
        let isASCII = address.utf8.allSatisfy { $0 < 0x80 }
        if type.lowercased() == "utf-8" || !isASCII { return " ORCPT=utf-8;\(XText.encodeUTF8Address(address))" }
        return " ORCPT=\(type);\(XText.encode(address))"
    }
}
