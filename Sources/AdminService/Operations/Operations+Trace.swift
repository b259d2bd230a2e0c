import MailIntake
import MailPolicy
import MailSyntax
import OutboundQueue

extension Operations {
    func trace(_ query: TraceQuery) async throws -> [MessageTrace] {
        let criterion = try criterion(query)
        let found = try await stores.intake.traces(criterion, limit: max(1, min(query.limit, 10_000)))
        guard !found.isEmpty else {
            throw AdminError(
                .noInput, "no message fits",
                remedy:
                    "histories are kept for trace.keep (see: martlet config show trace.keep); an address is written "
                    + "whole, as user@example.org")
        }
        var traces: [MessageTrace] = []
        for trace in found { traces.append(try await describe(trace)) }
        return traces
    }

    private func criterion(_ query: TraceQuery) throws -> TraceCriterion {
        let found = query.found.flatMap { $0.isEmpty ? nil : $0 }
        switch (query.id, query.messageID, query.to, query.from, found) {
        case (let id?, nil, nil, nil, nil): return .id(try parseQueueID(id))
        case (nil, let text?, nil, nil, nil): return .messageID(text)
        case (nil, nil, let address?, nil, nil): return .to(address)
        case (nil, nil, nil, let address?, nil): return .from(address)
        case (nil, nil, nil, nil, let found?): return .found(try Self.findings(found))
        default:
            throw AdminError(
                .usage, "one thing to look for is needed",
                remedy: "write an id, one of --message-id, --to and --from, or what was found (--spf fail)")
        }
    }

    /// What fails comes first: there is less of it.
    private static func findings(_ found: [String: String]) throws -> [TraceFinding] {
        let findings = try found.map { method, result in
            guard let method = TraceFinding.Method(rawValue: method) else {
                let methods = TraceFinding.Method.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdminError(.usage, "there is no check called \(method)", remedy: "name one of \(methods)")
            }
            guard let result = AuthenticationWord(rawValue: result.lowercased()) else {
                let words = AuthenticationWord.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdminError(.usage, "no check finds \(result)", remedy: "write one of \(words)")
            }
            return TraceFinding(method, result)
        }
        return findings.sorted { $0.result != .pass && $1.result == .pass }
    }

    private static func steps(_ text: String) -> [TraceStep]? {
        try? ControlCoding.decode([TraceStep].self, from: Array(text.utf8))
    }

    private func describe(_ trace: StoredTrace) async throws -> MessageTrace {
        // A row that another version wrote is shown with what can be read of it.
        let origin = try? ControlCoding.decode(MessageTrace.Origin.self, from: Array(trace.origin.utf8))
        let queued = try await stores.queue.show(trace.id)
        return MessageTrace(
            id: trace.id.description,
            accepted: Self.time(trace.acceptedAt),
            from: trace.reversePath,
            recipients: trace.recipients,
            messageID: trace.messageID.isEmpty ? nil : trace.messageID,
            size: trace.size,
            origin: origin ?? MessageTrace.Origin(listener: "unknown"),
            steps: Self.steps(trace.steps) ?? [],
            attempts: trace.attempts.map { attempt in
                MessageTrace.Attempt(
                    at: Self.time(attempt.at),
                    recipient: attempt.recipient,
                    number: attempt.number,
                    outcome: attempt.outcome.rawValue,
                    route: attempt.route,
                    host: attempt.host,
                    tls: attempt.tls,
                    login: attempt.login,
                    code: attempt.reply.code,
                    status: attempt.reply.status.description,
                    text: attempt.reply.text,
                    nextAttempt: attempt.nextAttemptAt.map(Self.time),
                    steps: attempt.steps.flatMap(Self.steps) ?? []
                )
            },
            queued: queued.map { $0.recipients.map(Self.summary) } ?? []
        )
    }
}
