package import NIOCore
package import NetTransport
package import OutboundQueue
package import SMTPCore
package import SQLEngine
import Synchronization

/// One session that is watched: the test of a route. It is the session that delivers mail, and no other client.
package struct SessionProbe: Sendable {
    package enum Result: Sendable, Hashable {
        case delivered(DeliveryReply)
        case failed(DeliveryFailure)
    }

    package struct Letter: Sendable {
        package var message: QueuedMessage
        package var recipients: [QueuedRecipient]
        package var content: MessageContent

        package init(message: QueuedMessage, recipients: [QueuedRecipient], content: MessageContent) {
            self.message = message
            self.recipients = recipients
            self.content = content
        }
    }

    package struct Report: Sendable {
        package var events: [SessionEvent] = []
        /// Why there was no session, or how it ended too early.
        package var failure: DeliveryFailure?
        /// Greeting, TLS and login were well.
        package var isOpen = false
        package var capabilities = SMTPCapabilities()
        package var tls: TLSInfo?
        /// The host takes over the duty of DSN reports.
        package var relaysDSN = false
        package var results: [RecipientID: Result] = [:]
    }

    private let contexts: ClientTLSContexts
    private let ids: IDGenerator
    private let group: any EventLoopGroup

    package init(contexts: ClientTLSContexts, ids: IDGenerator, group: any EventLoopGroup) {
        self.contexts = contexts
        self.ids = ids
        self.group = group
    }

    /// Opens a session, sends the letter if there is one, and says goodbye; without TLS a second time where a delivery
    /// would do that too.
    package func run(_ plan: SessionPlan, letter: Letter? = nil) async -> Report {
        let events = Mutex<[SessionEvent]>([])
        var plan = plan
        let others = plan.observer
        plan.observer = { event in
            events.withLock { $0.append(event) }
            others?(event)
        }
        var (report, wantsClear) = await visit(plan, letter)
        if wantsClear {
            plan.security = plan.security.withoutTLS
            (report, _) = await visit(plan, letter)
        }
        report.events = events.withLock { $0 }
        return report
    }

    private func visit(_ plan: SessionPlan, _ letter: Letter?) async -> (Report, wantsClear: Bool) {
        do {
            return try await ClientSession.with(plan, id: ids.next(), contexts: contexts, group: group) { session in
                var report = Report()
                var wantsClear = false
                do {
                    try await Self.talk(&session, letter, &report)
                    await session.quit()
                } catch {
                    if case SessionError.tlsFailed = error { wantsClear = plan.security.mayFallBack && !report.isOpen }
                    report.failure = Self.failure(error, plan)
                    if case SessionError.refused = error { await session.quit() } else { session.connection.abort() }
                }
                report.capabilities = session.capabilities
                report.tls = session.tls
                report.relaysDSN = session.relaysDSN
                return (report, wantsClear)
            }
        } catch {
            return (Report(failure: Self.failure(error, plan)), false)
        }
    }

    private static func talk(_ session: inout ClientSession, _ letter: Letter?, _ report: inout Report) async throws {
        try await session.open()
        report.isOpen = true
        guard let letter else { return }
        var results: [RecipientID: Result] = [:]
        defer { report.results = results }
        try await session.deliver(letter.message, to: letter.recipients, content: letter.content) { recipient, result in
            switch result {
            case .delivered(let reply): results[recipient.id] = .delivered(reply)
            case .failed(let failure), .again(let failure): results[recipient.id] = .failed(failure)
            }
        }
    }

    private static func failure(_ error: any Error, _ plan: SessionPlan) -> DeliveryFailure {
        let error = error as? SessionError ?? .connectFailed(SessionError.describe(error))
        return error.failure(host: plan.host)
    }
}
