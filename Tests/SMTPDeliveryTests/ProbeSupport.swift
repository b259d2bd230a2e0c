import MailConfig
import MailSyntax
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Testing

/// Sessions of a test, without a queue.
enum Probe {
    static func plan(_ server: RawServer, _ change: (inout SessionPlan) -> Void = { _ in }) throws -> SessionPlan {
        try plan(port: server.port, change)
    }

    static func plan(port: Int, _ change: (inout SessionPlan) -> Void = { _ in }) throws -> SessionPlan {
        let address = try #require(IPAddress("127.0.0.1"))
        var plan = SessionPlan(
            endpoint: .tcp(address, port: port), host: "raw.test[127.0.0.1]", heloName: "mail.example.org",
            security: SessionSecurity(TLSRequirement(level: .may), host: "mx.one.example"))
        plan.timeouts.connect = .seconds(60)
        plan.timeouts.command = .seconds(120)
        plan.timeouts.final = .seconds(120)
        change(&plan)
        return plan
    }

    static func run(
        _ plan: SessionPlan, letter: SessionProbe.Letter? = nil, roots: [String] = []
    ) async throws -> SessionProbe.Report {
        let probe = SessionProbe(
            contexts: try ClientTLSContexts(additionalRoots: roots), ids: IDGenerator(node: 1),
            group: MultiThreadedEventLoopGroup.singleton)
        return await probe.run(plan, letter: letter)
    }

    static func letter(
        _ text: String = "Subject: x\r\n\r\nHello\r\n.dot\r\n", to recipients: String...,
        from sender: String = "sender@example.org", change: (inout QueuedMessage) -> Void = { _ in }
    ) throws -> SessionProbe.Letter {
        try letter(Array(text.utf8), to: recipients, from: sender, change: change)
    }

    static func letter(
        _ bytes: [UInt8], to recipients: [String], from sender: String = "sender@example.org",
        change: (inout QueuedMessage) -> Void = { _ in }
    ) throws -> SessionProbe.Letter {
        let id = IDGenerator(node: 1).next()
        var message = QueuedMessage(
            unqueued: id, reversePath: .address(try #require(EmailAddress(sender))), size: bytes.count)
        change(&message)
        let list = try (recipients.isEmpty ? ["a@one.example"] : recipients).enumerated().map { index, text in
            QueuedRecipient(
                unqueued: Int64(index), message: id, address: try #require(EmailAddress(text)))
        }
        return .init(message: message, recipients: list, content: MessageContent(bytes: bytes))
    }
}

extension SessionProbe.Report {
    /// In the order of the recipients: `250`, or the status of the failure.
    var outcomes: [String] {
        results.sorted { $0.key < $1.key }.map { _, result in
            switch result {
            case .delivered(let reply): "\(reply.code ?? 0)"
            case .failed(let failure):
                "\(failure.permanence == .permanent ? "bounce" : "retry") \(failure.reply.status)"
            }
        }
    }

    var said: [String] { events.compactMap { if case .said(let line) = $0 { line } else { nil } } }
}
