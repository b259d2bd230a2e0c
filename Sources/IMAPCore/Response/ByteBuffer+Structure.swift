import MailMessage
import NIOCore

// ENVELOPE and BODYSTRUCTURE, straight into the buffer: a FETCH of a whole mailbox passes here once a message.
extension ByteBuffer {
    enum StructureForm {
        /// `BODY`
        case basic
        /// `BODYSTRUCTURE`, with extension data
        case extended
    }

    // RFC 3501 §7.4.2 (ENVELOPE)
    mutating func writeEnvelope(_ envelope: Envelope) {
        writeOctet("(")
        writeNString(envelope.date)
        writeOctet(" ")
        writeNString(envelope.subject)
        writeOctet(" ")
        writeAddresses(envelope.from)
        writeAddresses(envelope.sender)
        writeAddresses(envelope.replyTo)
        writeAddresses(envelope.to)
        writeAddresses(envelope.cc)
        writeAddresses(envelope.bcc)
        writeNString(envelope.inReplyTo)
        writeOctet(" ")
        writeNString(envelope.messageID)
        writeOctet(")")
    }

    /// The list and a space behind it.
    private mutating func writeAddresses(_ addresses: [EnvelopeAddress]) {
        guard !addresses.isEmpty else {
            writeStaticString("NIL ")
            return
        }
        writeOctet("(")
        for address in addresses {
            writeOctet("(")
            writeNString(address.name)
            writeOctet(" ")
            writeNString(address.route)
            writeOctet(" ")
            writeNString(address.mailbox)
            writeOctet(" ")
            writeNString(address.host)
            writeOctet(")")
        }
        writeStaticString(") ")
    }

    /// - Parameter names: `.utf8` for clients that know messages in UTF-8.
    // RFC 3501 §7.4.2 (BODYSTRUCTURE)
    mutating func writeBodyStructure(
        _ part: MIMEPart, _ form: StructureForm, _ names: IMAPNameEncoding = .modifiedUTF7
    ) {
        writeOctet("(")
        if part.isMultipart {
            writeMultipart(part, form, names)
        } else {
            writeSinglePart(part, form, names)
        }
        writeOctet(")")
    }

    private mutating func writeMultipart(_ part: MIMEPart, _ form: StructureForm, _ names: IMAPNameEncoding) {
        // RFC 3501 §9 (body-type-mpart): at least one body, even if the message has none.
        if part.children.isEmpty { writeEmptyText() }
        for child in part.children { writeBodyStructure(child, form, names) }
        writeOctet(" ")
        writeIMAPString(part.subtype)
        guard form == .extended else { return }
        writeOctet(" ")
        writeParameters(part.parameters)
        writeDispositionLanguageLocation(part)
    }

    private mutating func writeSinglePart(_ part: MIMEPart, _ form: StructureForm, _ names: IMAPNameEncoding) {
        writeIMAPString(part.type)
        writeOctet(" ")
        writeIMAPString(part.subtype)
        writeOctet(" ")
        writeParameters(part.parameters)
        writeOctet(" ")
        writeNString(part.contentID)
        writeOctet(" ")
        writeNString(part.description)
        writeOctet(" ")
        writeIMAPString(part.transferEncoding ?? "7bit")
        writeOctet(" ")
        writeDecimal(part.bodyRange.count)
        // RFC 9051 §9 (media-message), RFC 9755 §6: message/global has this form too for those who know messages in UTF-8.
        // To a client of RFC 3501 it is a part like others.
        if part.isMessage, part.subtype == "rfc822" || names == .utf8 {
            writeEmbeddedMessage(part, form, names)
        } else if part.type == "text" {
            writeOctet(" ")
            writeDecimal(part.lineCount)
        }
        guard form == .extended else { return }
        writeOctet(" ")
        writeNString(part.md5)
        writeDispositionLanguageLocation(part)
    }

    // RFC 3501 §9 (body-type-msg)
    private mutating func writeEmbeddedMessage(_ part: MIMEPart, _ form: StructureForm, _ names: IMAPNameEncoding) {
        writeOctet(" ")
        writeEnvelope(part.embedded?.envelope ?? Envelope())
        writeOctet(" ")
        if let inner = part.children.first { writeBodyStructure(inner, form, names) } else { writeEmptyText() }
        writeOctet(" ")
        writeDecimal(part.lineCount)
    }

    private mutating func writeEmptyText() {
        writeStaticString("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)")
    }

    private mutating func writeParameters(_ parameters: [(name: String, value: String)]) {
        guard !parameters.isEmpty else {
            writeStaticString("NIL")
            return
        }
        writeOctet("(")
        var isFirst = true
        for (name, value) in parameters {
            if !isFirst { writeOctet(" ") }
            isFirst = false
            writeIMAPString(name)
            writeOctet(" ")
            writeIMAPString(value)
        }
        writeOctet(")")
    }

    // RFC 3501 §9 (body-fld-dsp, body-fld-lang, body-fld-loc)
    private mutating func writeDispositionLanguageLocation(_ part: MIMEPart) {
        writeOctet(" ")
        if let disposition = part.disposition {
            writeOctet("(")
            writeIMAPString(disposition.type)
            writeOctet(" ")
            writeParameters(disposition.parameters)
            writeOctet(")")
        } else {
            writeStaticString("NIL")
        }
        writeOctet(" ")
        switch part.languages.count {
        case 0: writeStaticString("NIL")
        case 1: writeNString(part.languages.first)
        default:
            writeOctet("(")
            for (index, language) in part.languages.enumerated() {
                if index > 0 { writeOctet(" ") }
                writeIMAPString(language)
            }
            writeOctet(")")
        }
        writeOctet(" ")
        writeNString(part.location)
    }
}
