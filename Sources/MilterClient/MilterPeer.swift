package import Logging
package import MailConfig
package import MilterCore
package import NIOCore
import Telemetry

/// What a step comes to, after every milter that was asked.
package enum MilterVerdict: Sendable, Hashable {
    case goOn
    case refuse(MilterRefusal)
    /// The message is taken and thrown away.
    case discard
}

/// One milter as one SMTP session knows it: connected when the first message begins, kept for those after it.
///
/// A milter that fails has its default action until the message is over; the next message tries it again.
package final class MilterPeer {
    private enum Standing {
        case inForce
        /// It has said that it need not see more of this connection.
        case hasPassedConnection
        case hasRefusedConnection(MilterVerdict)
    }

    private enum Message {
        case none
        case begun
        /// It has said that it need not see more of this message.
        case passed
        /// It failed, or has decided already.
        case decided(MilterVerdict)
    }

    /// Changes of one message, before a milter is taken for mad.
    private static let mostChanges = 10_000
    /// Times that a milter may say that it is still at work.
    static let mostProgress = 1000
    /// Octets that wait for the next packet that has an answer.
    static let batch = 64 * 1024

    package let settings: Manifest.Milter
    let loop: any EventLoop
    private let logger: Logger
    var link: MilterLink?
    var options = MilterOptions()
    private var standing = Standing.inForce
    private var message = Message.none
    var output = ByteBuffer()
    private var helo: String?
    /// It failed, and what it would have said is to keep the message.
    package private(set) var quarantines = false
    /// What it did to this message, in words for the trace.
    package private(set) var notes: [String] = []

    package init(_ settings: Manifest.Milter, loop: any EventLoop, logger: Logger) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
    }

    /// Begins a message: connects where there is no connection, says who the client is, then the sender.
    package func begin(_ client: MilterIntroduction, mail: MilterEvent, macros: [String: String]) async -> MilterVerdict
    {
        if case .none = message {} else { await abort() }
        message = .begun
        quarantines = false
        notes = []
        do {
            if link == nil { try await open() }
            if case .goOn = try await introduce(client, macros) {} else { return verdictOfStanding }
            if case .inForce = standing { return try await step(mail, macros) }
            return verdictOfStanding
        } catch {
            return failed(error)
        }
    }

    /// One more step of the message.
    package func tell(_ event: MilterEvent, macros: [String: String]) async -> MilterVerdict {
        guard isAsked else { return verdictOfMessage }
        do {
            let verdict = try await step(event, macros)
            // A recipient that is refused doesn't end the message.
            if case .recipient = event, case .refuse = verdict { message = .begun }
            return verdict
        } catch {
            return failed(error)
        }
    }

    /// Shows the content, and takes the changes.
    ///
    /// - Parameters:
    ///   - body: the next piece, nil at the end.
    ///   - change: makes a change; what it throws is the caller's trouble.
    package func end(
        header: [(name: String, value: [UInt8])], macros: [String: String],
        body: () async throws -> [UInt8]?, change: (MilterChange) async throws -> Void
    ) async throws -> MilterVerdict {
        defer { message = .none }
        for event in [MilterEvent.data] + header.map({ .header(name: $0.name, value: $0.value) }) + [.endOfHeader] {
            let verdict = await tell(event, macros: macros)
            if verdict != .goOn { return verdict }
        }
        var isSkipped = !isAsked || !MilterEvent.body([]).isWanted(options)
        while !isSkipped, let piece = try await body() {
            do {
                let reply = try await exchange(.body(piece), macros, settings.contentTimeout)
                if reply == .skip { isSkipped = true } else if let verdict = judge(reply) { return verdict }
            } catch {
                return failed(error)
            }
            isSkipped = isSkipped || !isAsked
        }
        guard isAsked else { return verdictOfMessage }
        return try await finish(macros, change)
    }

    private func finish(
        _ macros: [String: String], _ change: (MilterChange) async throws -> Void
    ) async throws -> MilterVerdict {
        var changes: [MilterChange] = []
        var reply: MilterReply
        do {
            queue(.endOfMessage, macros)
            try await flush(settings.contentTimeout)
            reply = try await answer(settings.contentTimeout)
        } catch {
            return failed(error)
        }
        // Each change is made as it comes: a new body may be large. A failure after some of them fails the message.
        while case .change(let wanted) = reply {
            changes.append(wanted)
            note(wanted)
            try await change(wanted)
            do {
                guard changes.count < Self.mostChanges else { throw MilterError("it made too many changes") }
                reply = try await answer(settings.contentTimeout)
            } catch {
                let verdict = failed(error)
                return verdict == .goOn ? .refuse(.tempfailed) : verdict
            }
        }
        return judge(reply) ?? .goOn
    }

    /// The message ends without its end: the client gave it up, or another milter refused it.
    package func abort() async {
        defer { message = .none }
        guard case .begun = message, link != nil else { return }
        queue(MilterPacket("A"))
        do { try await flush(settings.commandTimeout) } catch { _ = failed(error) }
    }

    package func quit() {
        link?.quit()
        link = nil
    }
}

// MARK: - The connection

extension MilterPeer {
    private func open() async throws {
        standing = .inForce
        helo = nil
        output = ByteBuffer()
        let link: MilterLink
        do {
            link = try await MilterLink.connect(settings.endpoint, timeout: settings.connectTimeout, loop: loop)
        } catch {
            throw MilterError("it can't be reached: \(error)")
        }
        self.link = link
        queue(MilterOptions.offer)
        try await flush(settings.connectTimeout)
        options = try MilterOptions(answer: try await link.next(timeout: settings.connectTimeout))
    }

    /// Says who the client is, once a connection, and how it calls itself, whenever that changes.
    private func introduce(_ client: MilterIntroduction, _ macros: [String: String]) async throws -> MilterVerdict {
        var events: [MilterEvent] = []
        if helo == nil { events.append(client.connect) }
        if helo != client.helo, case .inForce = standing { events.append(.helo(client.helo)) }
        helo = client.helo
        for event in events {
            let reply = try await exchange(event, macros, settings.commandTimeout)
            switch reply {
            case .goOn: continue
            case .accept: standing = .hasPassedConnection
            case .refuse(let refusal): standing = .hasRefusedConnection(.refuse(refusal))
            case .discard: standing = .hasRefusedConnection(.discard)
            case .skip, .progress, .change: throw MilterError("it answered a connection with what belongs to a message")
            }
            break
        }
        if case .inForce = standing { return .goOn }
        return verdictOfStanding
    }

    private var verdictOfStanding: MilterVerdict {
        switch standing {
        case .inForce: return .goOn
        case .hasPassedConnection:
            message = .passed
            return .goOn
        case .hasRefusedConnection(let verdict):
            message = .decided(verdict)
            if case .refuse = verdict { notes.append("refused the connection") }
            return verdict
        }
    }

    private var isAsked: Bool {
        if case .begun = message { return link != nil }
        return false
    }

    private var verdictOfMessage: MilterVerdict {
        if case .decided(let verdict) = message { return verdict }
        return .goOn
    }

    private func step(_ event: MilterEvent, _ macros: [String: String]) async throws -> MilterVerdict {
        let reply = try await exchange(event, macros, settings.commandTimeout)
        return judge(reply) ?? .goOn
    }

    /// nil: go on.
    private func judge(_ reply: MilterReply) -> MilterVerdict? {
        switch reply {
        case .goOn, .skip, .progress, .change:
            return nil
        case .accept:
            message = .passed
            notes.append("accepted")
            return nil
        case .discard:
            message = .decided(.discard)
            notes.append("discarded")
            return .discard
        case .refuse(let refusal):
            message = .decided(.refuse(refusal))
            notes.append("refused: \(refusal.code) \(refusal.text)")
            return .refuse(refusal)
        }
    }

    private func failed(_ error: any Error) -> MilterVerdict {
        link?.close()
        link = nil
        logger.error(
            "a milter failed",
            metadata: [
                LogKey.milter: "\(settings.name)", LogKey.error: "\(error)",
                LogKey.remedy:
                    "see that it runs at \(settings.endpoint); mail has its default_action \(settings.defaultAction)",
            ])
        notes.append("failed: \(error); \(settings.defaultAction.rawValue)")
        let verdict: MilterVerdict
        switch settings.defaultAction {
        case .accept: verdict = .goOn
        case .tempfail: verdict = .refuse(.tempfailed)
        case .reject: verdict = .refuse(.rejected)
        case .quarantine:
            quarantines = true
            verdict = .goOn
        }
        message = .decided(verdict)
        return verdict
    }

    private func note(_ change: MilterChange) {
        switch change {
        case .addHeader(let name, _): notes.append("added \(name)")
        case .insertHeader(_, let name, _): notes.append("inserted \(name)")
        case .changeHeader(_, let name, let value): notes.append("\(value == nil ? "removed" : "changed") \(name)")
        case .body: if notes.last != "replaced the body" { notes.append("replaced the body") }
        case .addRecipient(let address): notes.append("added the recipient \(address)")
        case .removeRecipient(let address): notes.append("removed the recipient \(address)")
        case .changeSender(let address): notes.append("changed the sender to \(address)")
        case .quarantine(let reason):
            quarantines = true
            notes.append("quarantined: \(reason)")
        }
    }
}

/// What milters are told of a client.
package struct MilterIntroduction: Sendable, Hashable {
    package var connect: MilterEvent
    package var helo: String

    package init(connect: MilterEvent, helo: String) {
        self.connect = connect
        self.helo = helo
    }
}
