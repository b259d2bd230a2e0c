import Blobs
import Directory
import MailConfig
import MailPolicy
import MailSyntax
import OutboundQueue
import SMTPDelivery
import SMTPServer
import SQLEngine

// What is done to queued messages: by id, or by what they have in common.
extension Operations {
    func selection(_ filter: QueueFilter) throws -> QueueSelection {
        var selection = QueueSelection()
        if !filter.ids.isEmpty { selection.ids = Set(try filter.ids.map { try parseQueueID($0) }) }
        selection.from = try filter.from.map { try parseSelector($0) }
        selection.to = try filter.to.map { try parseSelector($0) }
        selection.route = filter.route
        selection.isHeld = filter.isHeld
        selection.isDeferred = filter.isDeferred
        return selection
    }

    private func parseSelector(_ text: String) throws -> AddressSelector {
        guard let selector = AddressSelector(text) else {
            throw AdminError(
                .data, "\"\(text)\" is neither an address nor a domain",
                remedy: "write user@example.org, example.org, or <> for the null sender")
        }
        return selector
    }

    func queueChange(_ change: QueueChange, _ filter: QueueFilter) async throws -> AdminResponse {
        guard filter.isSelective else {
            throw AdminError(
                .usage, "it is not said which messages",
                remedy: "write ids, or --from, --to, --route, --held or --deferred")
        }
        let selection = try selection(filter)
        // A mistyped id is told before anything is done to the others.
        var busy: Set<MailID> = []
        for id in (selection.ids ?? []).sorted() {
            guard let entry = try await stores.queue.show(id) else { throw Self.notQueued(id) }
            if entry.recipients.contains(where: \.isLeased) { busy.insert(id) }
        }
        let done: [MailID]
        let result: String
        switch change {
        case .retry: (done, result) = (try await stores.queue.change(selection, .retry), "is due now")
        case .hold: (done, result) = (try await stores.queue.change(selection, .hold), "is held")
        case .release: (done, result) = (try await stores.queue.change(selection, .release), "is released")
        case .remove: (done, result) = (try await stores.queue.change(selection, .remove), "is removed")
        case .bounce: (done, result) = (try await bounce(selection), "is returned to its sender")
        case .nextAttempt(let text):
            let time = try parseTime(text)
            (done, result) = (
                try await stores.queue.change(selection, .postpone(until: time)), "is tried at \(Self.time(time))"
            )
        case .route(let name):
            if let name { try requireRoute(name) }
            (done, result) = (
                try await stores.queue.change(selection, .pin(route: name)),
                name.map { "takes the route \($0)" } ?? "takes the route that is found"
            )
        }
        // What is on its way can't be called back: it is not tried again, and nobody is told.
        let mayArrive = change == .remove ? busy : []
        return .done(lines: lines(done, result, asked: selection.ids, mayArrive: mayArrive))
    }

    private func lines(_ done: [MailID], _ result: String, asked: Set<MailID>?, mayArrive: Set<MailID>) -> [String] {
        let lines = done.map {
            "\($0) \(result)\(mayArrive.contains($0) ? "; it is being delivered at this moment and may arrive" : "")"
        }
        let left = (asked ?? []).subtracting(done).sorted().map { "\($0) is being delivered at this moment" }
        return lines.isEmpty && left.isEmpty ? ["no message fits"] : lines + left
    }

    private func requireRoute(_ name: String) throws {
        let names = manifest.effectiveRoutes().map(\.name)
        guard names.contains(name) else {
            throw AdminError(
                .data, "there is no route \(name)", remedy: "there are: \(names.sorted().joined(separator: ", "))")
        }
    }

    /// `+30m`, or RFC 3339 in UTC.
    private func parseTime(_ text: String) throws -> Timestamp {
        let now = SystemClock().now()
        if text.hasPrefix("+"), let wait = DurationText.duration(String(text.dropFirst())) { return now.adding(wait) }
        if let time = EventTimeText.parse(text) { return time }
        throw AdminError(
            .data, "\"\(text)\" is not a time", remedy: "write +30m, +2h or a time in UTC as 2026-11-21T10:00:00Z")
    }

    /// Gives up the recipients that are meant and tells the senders, as if the next host had refused them.
    private func bounce(_ selection: QueueSelection) async throws -> [MailID] {
        guard let hostname = DomainName(manifest.server.hostname) else {
            throw AdminError(.config, "server.hostname is not a domain name")
        }
        let size = manifest.queue.bounceMessageSize
        let directory = stores.directory
        let sink = IntakeBounceSink(
            intake: stores.intake, snapshot: { directory.snapshot }, blobs: stores.blobs,
            composer: BounceComposer(reportingMTA: hostname, wholeMessageLimit: { size }), ids: stores.ids,
            signing: { [rules, answers = stores.answers] facts in
                try await Policy.run({ Policy.chooseSigning(facts, rules: rules, $0) }, answer: answers.answer).decision
            })
        let reply = DeliveryReply(status: EnhancedStatusCode(5, 0, 0), text: "given up by the operator of this server")
        return try await stores.queue.giveUp(selection) { message, recipients in
            guard case .address(let sender) = message.reversePath else { return }
            // RFC 3461 §4.1
            let wanted = recipients.filter { $0.notify.isEmpty || $0.notify.contains(.failure) }
            guard !wanted.isEmpty else { return }
            let now = SystemClock().now()
            let failures = wanted.map {
                BounceReport.Failure(recipient: $0, reply: reply, outcome: .failed, at: $0.lastAttemptAt ?? now)
            }
            _ = try await sink.bounce(BounceReport(message: message, sender: sender, failures: failures))
        }
    }

    /// The whole message as text; what is not UTF-8 shows as �.
    func queueMessage(_ text: String) async throws -> String {
        let id = try parseQueueID(text)
        guard let entry = try await stores.queue.show(id) else { throw Self.notQueued(id) }
        let reader = try stores.blobs.open(entry.message.blob, size: entry.message.size)
        return String(decoding: try reader.read(0..<min(entry.message.size, 4 << 20)), as: UTF8.self)
    }

    func queueSummary() async throws -> [DeferralSummary] {
        let down = Dictionary(try await stores.queue.suspendedSites().map { ($0.name, $0) }) { first, _ in first }
        return try await stores.queue.deferrals().map { group in
            let said = group.reply.map(Self.shown)
            let next = group.parkedOn.flatMap { down[$0]?.retryAt } ?? group.next
            return DeferralSummary(
                destination: group.destination,
                reason: group.held ? "held" : said ?? "not tried yet",
                recipients: group.recipients,
                oldest: Self.time(group.oldest),
                next: group.held ? nil : next.map(Self.time)
            )
        }
    }

    // MARK: Rules that hold

    func queueRuleAdd(from: String?, to: String?, route: String?) async throws -> AdminResponse {
        guard from != nil || to != nil || route != nil else {
            throw AdminError(.usage, "the rule fits everything", remedy: "write --from, --to or --route")
        }
        _ = try from.map { try parseSelector($0) }
        _ = try to.map { try parseSelector($0) }
        if let route { try requireRoute(route) }
        try await stores.queue.addHoldRule(from: from, to: to, route: route, author: author)
        return .done(lines: [
            "what is queued from now on and fits is held until it is released",
            "see: martlet queue rule list; what is in the queue: martlet queue hold",
        ])
    }

    func queueRules() async throws -> [QueueRuleSummary] {
        try await stores.queue.holdRules().map { rule in
            QueueRuleSummary(
                id: Int(rule.id), kind: "hold", from: rule.from, to: rule.to, route: rule.route,
                created: Self.time(rule.createdAt), author: rule.author)
        }
    }

    func queueRuleRemove(_ id: Int) async throws -> AdminResponse {
        guard try await stores.queue.removeHoldRule(Int64(id)) else {
            throw AdminError(.noInput, "there is no rule \(id)", remedy: "see: martlet queue rule list")
        }
        return .done(lines: ["rule \(id) is removed; what it held is held until it is released"])
    }
}
