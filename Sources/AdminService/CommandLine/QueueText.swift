import MailPolicy

// The queue, and the histories of messages.
extension AdminResponse {
    static func text(_ list: [QueueSummary]) -> String {
        guard !list.isEmpty else { return "The queue is empty.\n" }
        var table = TextTable(["ID", "ARRIVED", "SIZE", "FROM", "TO", "STATE", "NEXT ATTEMPT"])
        for message in list {
            for (index, recipient) in message.recipients.enumerated() {
                let isFirst = index == 0
                table.add([
                    isFirst ? message.id : "",
                    isFirst ? message.arrived : "",
                    isFirst ? Readable.size(message.size) : "",
                    isFirst ? (message.from.isEmpty ? "<>" : message.from) : "",
                    recipient.address,
                    "\(recipient.state), \(recipient.attempts) tried",
                    recipient.waitsUntil.map { "waits until \($0)" }
                        ?? recipient.nextAttempt ?? recipient.waitsFor.map { "when \(firstLine($0)) is back" } ?? "",
                ])
            }
        }
        return table.text
    }

    static func text(_ detail: QueueDetail) -> String {
        let message = detail.summary
        var text = """
            Id:       \(message.id)
            From:     <\(message.from)>
            Size:     \(Readable.size(message.size))
            Arrived:  \(message.arrived)
            Expires:  \(detail.expires ?? "never")

            """
        if let envelopeID = detail.envelopeID { text += "ENVID:    \(TextTable.clean(envelopeID))\n" }
        if let demand = detail.tlsDemand { text += "TLS:      \(demand)\n" }
        for recipient in message.recipients {
            text += "\nTo:       <\(TextTable.clean(recipient.address))>\n"
            text += "State:    \(recipient.state), \(recipient.attempts) attempts\n"
            if let route = recipient.route { text += "Route:    \(TextTable.clean(route))\n" }
            if recipient.mailbox { text += "Goes:     to a mailbox here\n" }
            if let time = recipient.waitsUntil {
                text += "Waits:    until \(time)\n"
            } else if let next = recipient.nextAttempt {
                text += "Next:     \(next)\n"
            }
            if let site = recipient.waitsFor { text += "Next:     when \(firstLine(site)) is back or has room\n" }
            if let reply = recipient.lastReply { text += "Reply:    \(TextTable.clean(reply))\n" }
        }
        if let header = detail.header {
            text += "\n" + header.split(whereSeparator: \.isNewline).map { TextTable.clean(String($0)) + "\n" }.joined()
        }
        return text
    }

    static func text(_ list: [DeferralSummary]) -> String {
        guard !list.isEmpty else { return "The queue is empty.\n" }
        var table = TextTable(["RECIPIENTS", "DESTINATION", "OLDEST", "NEXT ATTEMPT", "REASON"])
        for group in list {
            table.add(["\(group.recipients)", group.destination, group.oldest, group.next ?? "", group.reason])
        }
        return table.text
    }

    static func text(_ list: [QueueRuleSummary]) -> String {
        var table = TextTable(["ID", "KIND", "FROM", "TO", "ROUTE", "CREATED", "BY"])
        for rule in list {
            table.add([
                "\(rule.id)", rule.kind, rule.from ?? "", rule.to ?? "", rule.route ?? "", rule.created, rule.author,
            ])
        }
        return table.text
    }

    static func text(_ trace: MessageTrace) -> String {
        let origin = trace.origin
        var text = "Id:         \(trace.id)\n"
        func line(_ name: String, _ value: String?) {
            guard let value else { return }
            text += (name + ":").padded(to: 12) + TextTable.clean(value) + "\n"
        }
        line("Accepted", trace.accepted)
        line("From", "<\(trace.from)>")
        line("To", trace.recipients.map { "<\($0)>" }.joined(separator: ", "))
        line("Message-ID", trace.messageID)
        line("Size", Readable.size(trace.size))
        let client = [origin.client, origin.helo.map { "helo \($0)" }, origin.login.map { "login \($0)" }, origin.tls]
        line("Came by", ([origin.listener] + client.compactMap(\.self)).joined(separator: ", "))
        if !trace.steps.isEmpty { text += "\nDecisions\n" }
        for step in trace.steps { text += "  " + step.text + "\n" }
        if !trace.attempts.isEmpty { text += "\nAttempts\n" }
        for attempt in trace.attempts { text += Self.text(attempt) }
        if !trace.queued.isEmpty { text += "\nIn the queue\n" }
        for recipient in trace.queued {
            var state = "\(recipient.state), \(recipient.attempts) attempts"
            if let time = recipient.waitsUntil {
                state += ", waits until \(time)"
            } else if let next = recipient.nextAttempt {
                state += ", next \(next)"
            }
            if let site = recipient.waitsFor { state += ", waits for \(firstLine(site))" }
            text += "  <\(TextTable.clean(recipient.address))>: \(state)\n"
        }
        return text
    }

    private static func text(_ attempt: MessageTrace.Attempt) -> String {
        var how = "route \(attempt.route)"
        if let host = attempt.host { how += ", \(host)" }
        if let tls = attempt.tls { how += ", \(tls)" }
        if let login = attempt.login { how += ", login \(login)" }
        let reply = [attempt.code.map { "\($0)" }, attempt.status, attempt.text].compactMap(\.self).joined(
            separator: " ")
        var text =
            "  \(attempt.at)  <\(TextTable.clean(attempt.recipient))>  \(attempt.outcome), attempt \(attempt.number)\n"
        for step in attempt.steps { text += "    \(step.text)\n" }
        text += "    \(TextTable.clean(how))\n    \(TextTable.clean(reply))\n"
        if let next = attempt.nextAttempt { text += "    next attempt \(next)\n" }
        return text
    }

    /// A message on a terminal: line ends and tabs stay, other controls don't.
    static func printable(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map { TextTable.clean(String($0)) } }
            .map { $0.joined(separator: "\t") }
            .joined(separator: "\n")
    }

    /// A site's name has its hosts in further lines.
    private static func firstLine(_ text: String) -> String {
        TextTable.clean(text.split(separator: "\n").first.map(String.init) ?? text)
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(1, width - count))
    }
}
