package import MailSyntax

/// A delivery report: multipart/report of a text for people, a status for programs, and what is returned of the message
/// (RFC 3464, RFC 6522, RFC 6533).
package struct DeliveryStatusNotification: Sendable {
    // RFC 3464 §2.3.3
    package enum Action: String, Sendable {
        case failed
        case delayed
        case delivered
        case relayed
        case expanded
    }

    package struct Recipient: Sendable {
        /// The ORCPT parameter decoded, type included: `rfc822;user@example.org`.
        package var originalRecipient: String?
        package var finalRecipient: EmailAddress
        package var action: Action
        package var status: EnhancedStatusCode
        /// Name of the host that gave the reply; nil when no host did.
        package var remoteMTA: String?
        /// The reply of the other side, `550 5.1.1 No such user`; nil when there was none.
        package var diagnosticCode: String?
        /// For people, where there was no reply: `no route to host`.
        package var explanation: String?
        package var lastAttempt: Timestamp?
        package var willRetryUntil: Timestamp?

        package init(
            finalRecipient: EmailAddress,
            action: Action,
            status: EnhancedStatusCode,
            originalRecipient: String? = nil,
            remoteMTA: String? = nil,
            diagnosticCode: String? = nil,
            explanation: String? = nil,
            lastAttempt: Timestamp? = nil,
            willRetryUntil: Timestamp? = nil
        ) {
            self.finalRecipient = finalRecipient
            self.action = action
            self.status = status
            self.originalRecipient = originalRecipient
            self.remoteMTA = remoteMTA
            self.diagnosticCode = diagnosticCode
            self.explanation = explanation
            self.lastAttempt = lastAttempt
            self.willRetryUntil = willRetryUntil
        }
    }

    /// What goes back of the message: RET of RFC 3461 §4.3.
    package enum Returned: Sendable {
        case nothing
        /// The header block.
        case header([UInt8])
        /// The whole message.
        case message([UInt8])
    }

    /// Id of the report: its Message-ID and boundaries.
    package var id: MailID
    package var reportingMTA: DomainName
    /// Id of the message that is reported on, shown to people.
    package var queueID: MailID?
    /// The sender of the message, who gets the report.
    package var to: EmailAddress
    package var date: Timestamp
    /// The ENVID parameter, decoded.
    package var originalEnvelopeID: String?
    package var arrivalDate: Timestamp?
    /// What HOLDFOR or HOLDUNTIL asked for: `for;3600`. // RFC 4865 §5.1.2
    package var futureReleaseRequest: String?
    package var recipients: [Recipient]
    package var returned: Returned

    package init(
        id: MailID,
        reportingMTA: DomainName,
        to: EmailAddress,
        date: Timestamp,
        recipients: [Recipient],
        returned: Returned,
        queueID: MailID? = nil,
        originalEnvelopeID: String? = nil,
        arrivalDate: Timestamp? = nil
    ) {
        self.id = id
        self.reportingMTA = reportingMTA
        self.to = to
        self.date = date
        self.recipients = recipients
        self.returned = returned
        self.queueID = queueID
        self.originalEnvelopeID = originalEnvelopeID
        self.arrivalDate = arrivalDate
    }

    /// The whole message. It is to be sent with the null reverse-path.
    ///
    /// - Parameter offsetMinutes: zone of its dates; nil takes the zone of the host.
    package func render(offsetMinutes: Int? = nil) -> [UInt8] {
        var builder = MessageBuilder(boundarySeed: id.description)
        let daemon = EmailAddress(localPart: "MAILER-DAEMON", domain: reportingMTA)
        builder.addRaw("Date", InternetDate.format(date, offsetMinutes: offsetMinutes))
        builder.add("From", address: daemon, displayName: "Mail Delivery System")
        builder.add("To", address: to)
        builder.add("Subject", subject)
        builder.addRaw("Message-ID", "<\(id)@\(reportingMTA)>")
        // RFC 3834 §5
        builder.addRaw("Auto-Submitted", "auto-replied")
        var parts = [
            BodyPart.text(humanText),
            .verbatim(
                statusFields(offsetMinutes),
                type: isGlobal ? "message/global-delivery-status" : "message/delivery-status",
                description: "Delivery report",
                encoding: isGlobal ? "8bit" : "7bit"
            ),
        ]
        if let part = returnedPart { parts.append(part) }
        let type = (name: "report-type", value: isGlobal ? "global-delivery-status" : "delivery-status")
        builder.body = .multipart(subtype: "report", parameters: [type], parts: parts)
        return builder.render()
    }

    // RFC 6533 §3, §4: the global types need a path that takes UTF-8, which one from a UTF-8 address does.
    private var isGlobal: Bool { to.needsSMTPUTF8 }

    /// The gravest outcome names the report.
    private var subject: String {
        if recipients.contains(where: { $0.action == .failed }) { return "Undelivered Mail Returned to Sender" }
        if recipients.contains(where: { $0.action == .delayed }) { return "Delayed Mail (still being retried)" }
        return "Successful Mail Delivery Report"
    }

    // MARK: Text for people

    private var humanText: String {
        var out = "This is the mail system at host \(reportingMTA).\n\n"
        let actions: [(Action, String)] = [
            (.failed, "Your message could not be delivered to one or more recipients."),
            (.delayed, "Your message could not be delivered yet. You need not send it again: it is still being tried."),
            (.delivered, "Your message was delivered."),
            (.relayed, "Your message was passed on to a host that does not report delivery."),
            (.expanded, "Your message went on to those whom the address stands for. Their success is not reported."),
        ]
        for (action, sentence) in actions {
            let own = recipients.filter { $0.action == action }
            guard !own.isEmpty else { continue }
            out += sentence + "\n\n"
            for recipient in own { out += line(for: recipient) + "\n" }
        }
        if let queueID { out += "The id of the message is \(queueID).\n" }
        return out
    }

    private func line(for recipient: Recipient) -> String {
        var reason = ""
        if let code = recipient.diagnosticCode {
            reason = (recipient.remoteMTA.map { "host \($0) said: " } ?? "") + code
        } else if let explanation = recipient.explanation {
            reason = explanation
        }
        let text = reason.isEmpty ? "\(recipient.status)" : Self.oneLine(reason)
        return "<\(recipient.finalRecipient)>: \(text)\n"
    }

    // MARK: Status for programs

    // RFC 3464 §2.2, §2.3
    private func statusFields(_ offset: Int?) -> [UInt8] {
        var out = HeaderText.field("Reporting-MTA", "dns; \(reportingMTA)")
        if let envelope = originalEnvelopeID {
            out += HeaderText.field("Original-Envelope-Id", Self.asciiLine(envelope))
        }
        if let arrivalDate { out += dateField("Arrival-Date", arrivalDate, offset) }
        if let request = futureReleaseRequest {
            out += HeaderText.field("Future-Release-Request", Self.asciiLine(request))
        }
        for recipient in recipients {
            out += [13, 10]
            if let original = recipient.originalRecipient {
                out += HeaderText.field("Original-Recipient", originalRecipient(original))
            }
            out += HeaderText.field("Final-Recipient", typedAddress(recipient.finalRecipient.description))
            out += HeaderText.field("Action", recipient.action.rawValue)
            out += HeaderText.field("Status", recipient.status.description)
            if let host = recipient.remoteMTA {
                out += HeaderText.field("Remote-MTA", "dns; \(Self.asciiLine(host))")
            }
            if let code = recipient.diagnosticCode {
                out += HeaderText.field("Diagnostic-Code", "smtp; \(diagnostic(code))")
            } else if let text = recipient.explanation {
                out += HeaderText.field("Diagnostic-Code", "X-Martlet; \(diagnostic(text))")
            }
            if let time = recipient.lastAttempt { out += dateField("Last-Attempt-Date", time, offset) }
            if let time = recipient.willRetryUntil, recipient.action == .delayed {
                out += dateField("Will-Retry-Until", time, offset)
            }
        }
        return out
    }

    private func dateField(_ name: String, _ time: Timestamp, _ offset: Int?) -> [UInt8] {
        HeaderText.field(name, InternetDate.format(time, offsetMinutes: offset))
    }

    private func diagnostic(_ text: String) -> String {
        Self.breakable(isGlobal ? Self.oneLine(text) : Self.asciiLine(text))
    }

    /// Blanks in words that are too long to be folded around. // RFC 5322 §2.1.1
    private static func breakable(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        var length = 0
        for scalar in text.unicodeScalars {
            length = scalar == " " ? 0 : length + UTF8.width(scalar)
            if length > 200 {
                out.append(" ")
                length = UTF8.width(scalar)
            }
            out.append(scalar)
        }
        return String(out)
    }

    private func originalRecipient(_ text: String) -> String {
        guard let semicolon = text.firstIndex(of: ";") else { return typedAddress(text) }
        let address = text[text.index(after: semicolon)...].drop { $0 == " " }
        let type = text[..<semicolon].lowercased()
        return type == "rfc822" || type == "utf-8" ? typedAddress(String(address)) : Self.asciiLine(text)
    }

    // RFC 6533 §3: utf-8-addr-unitext in the global type, utf-8-addr-xtext in the old one.
    private func typedAddress(_ address: String) -> String {
        let line = Self.oneLine(address)
        guard !line.utf8.allSatisfy({ $0 < 0x80 }) else { return "rfc822; \(line)" }
        guard !isGlobal else { return "utf-8; \(line)" }
        var out = ""
        for scalar in line.unicodeScalars {
            if scalar.value > 32, scalar.value < 127, scalar != "\\", scalar != "+", scalar != "=" {
                out.unicodeScalars.append(scalar)
            } else {
                out += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return "utf-8; \(out)"
    }

    // MARK: The message

    private var returnedPart: BodyPart? {
        switch returned {
        case .nothing: return nil
        case .header(let bytes):
            let isASCII = bytes.allSatisfy { $0 < 0x80 }
            let type = isGlobal && !isASCII ? "message/global-headers" : "text/rfc822-headers"
            let encoding = isASCII ? "7bit" : "8bit"
            return .verbatim(bytes, type: type, description: "Header of the message", encoding: encoding)
        case .message(let bytes):
            let isASCII = bytes.allSatisfy { $0 < 0x80 }
            let type = isGlobal && !isASCII ? "message/global" : "message/rfc822"
            return .verbatim(bytes, type: type, description: "The message", encoding: isASCII ? "7bit" : "8bit")
        }
    }

    /// Controls become blanks; at most 2000 characters.
    private static func oneLine(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(2000) {
            out.append(scalar.value < 32 || (127...159).contains(scalar.value) ? " " : scalar)
        }
        return String(out)
    }

    private static func asciiLine(_ text: String) -> String {
        String(String.UnicodeScalarView(oneLine(text).unicodeScalars.map { $0.isASCII ? $0 : "?" }))
    }
}
