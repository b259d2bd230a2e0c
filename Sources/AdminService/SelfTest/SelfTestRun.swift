import MailAuth
import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import SQLEngine

/// The checks of one self-test, in order; each is tried even when those before it failed.
struct SelfTestRun: Sendable {
    let ticket: SelfTestTicket
    let sink: MailSink
    let group: MultiThreadedEventLoopGroup
    let report: @Sendable (SelfTestResult) -> Void

    private let clock = ContinuousClock()
    /// What the probes call themselves.
    private static let name = "selftest.martlet.invalid"
    /// A domain that no server hosts, unlike example.com, which people try servers with. RFC 6761 §6.4
    private static let elsewhere = "elsewhere.martlet.invalid"

    init(
        ticket: SelfTestTicket,
        sink: MailSink,
        group: MultiThreadedEventLoopGroup,
        report: @escaping @Sendable (SelfTestResult) -> Void
    ) {
        self.ticket = ticket
        self.sink = sink
        self.group = group
        self.report = report
    }

    func perform() async -> [SelfTestResult] {
        let now = SystemClock().now()
        let local = SelfTestMessage(
            from: ticket.sender, to: [ticket.sender, ticket.second], name: "local", now: now)
        let remote = SelfTestMessage(from: ticket.sender, to: [ticket.remoteRecipient], name: "remote", now: now)
        var results: [SelfTestResult] = []
        if let mx = listener("mx") { results += await mxChecks(mx) }
        for result in ticket.tableKeys { report(result) }
        results += ticket.tableKeys
        let sending = await sendingChecks(local, remote)
        results += sending
        // Where nobody can submit, there is nothing to read and nothing that leaves.
        guard !sending.isEmpty else { return results }
        for kind in ["imap", "imaps"] {
            guard let listener = listener(kind) else { continue }
            results.append(await check("\(kind): own message, byte for byte") { try await readByIMAP(listener, local) })
        }
        for kind in ["pop3", "pop3s"] {
            guard let listener = listener(kind) else { continue }
            results.append(await check("\(kind): second account") { try await readByPOP3(listener, local) })
        }
        results += await outgoingChecks(remote)
        if let listener = listener("imaps") ?? listener("imap") {
            results.append(await check("imap: message deleted") { try await deleteByIMAP(listener, local) })
        }
        return results
    }

    // MARK: Checks

    private func mxChecks(_ mx: ListenerStatus) async -> [SelfTestResult] {
        let unknown = "no-such-user-\(ticket.ticket)@\(ticket.sender.split(separator: "@").last ?? "")"
        return [
            await check("mx: unknown user refused") {
                try await refusal(mx, recipient: unknown, code: 550)
            },
            await check("mx: relaying refused") {
                try await refusal(mx, recipient: "someone@\(Self.elsewhere)", code: 554)
            },
        ]
    }

    private func sendingChecks(_ local: SelfTestMessage, _ remote: SelfTestMessage) async -> [SelfTestResult] {
        let starttls = listener("submission")
        let implicit = listener("submissions")
        var results: [SelfTestResult] = []
        if let first = starttls ?? implicit {
            results.append(
                await check("\(first.kind): sent to itself and a second account") {
                    try await submit(first, local, to: [ticket.sender, ticket.second])
                })
        }
        if let second = implicit ?? starttls {
            results.append(
                await check("\(second.kind): sent to another server") {
                    try await submit(second, remote, to: [ticket.remoteRecipient])
                })
        }
        return results
    }

    private func outgoingChecks(_ remote: SelfTestMessage) async -> [SelfTestResult] {
        let arrived = Arrived()
        var results = [
            await check("queue: arrived at the sink") {
                let message = try await arrival(of: remote)
                await arrived.set(message)
                return "\(message.message.count) octets"
            }
        ]
        guard let message = await arrived.message else { return results }
        for key in ticket.keys {
            results.append(await check("dkim: \(key.algorithm)") { try verify(message.message, key) })
        }
        if ticket.keys.isEmpty {
            results.append(await check("dkim: signed") { throw ProbeFailure("no DKIM key signs for \(ticket.sender)") })
        }
        return results
    }

    private actor Arrived {
        private(set) var message: MailSink.Received?

        func set(_ message: MailSink.Received) { self.message = message }
    }

    private func check(_ name: String, _ body: @Sendable () async throws -> String) async -> SelfTestResult {
        let start = clock.now
        var result = SelfTestResult(name: name, passed: true, detail: "", milliseconds: 0)
        do {
            result.detail = try await body()
        } catch {
            result.passed = false
            result.detail = "\(error)"
        }
        result.milliseconds = (clock.now - start).wholeMilliseconds
        report(result)
        return result
    }

    // MARK: Probes

    private func listener(_ kind: String) -> ListenerStatus? {
        ticket.listeners.first { $0.kind == kind }
    }

    /// Connects to a listener; TLS from the start where it is that kind. The certificate is the server's own and may be
    /// self-signed: it is not judged, the password that is sent is good for this test alone.
    private func connect(
        _ listener: ListenerStatus,
        _ body: @Sendable (inout WireClient, ClientTLS) async throws -> String
    ) async throws -> String {
        let tls = try ClientTLSContexts().tls(serverName: ticket.hostname, verification: .none)
        let isImplicit = ["submissions", "imaps", "pop3s"].contains(listener.kind)
        return try await ClientConnection.with(
            to: try Self.reachable(listener),
            port: listener.port,
            id: MailID(rawValue: 1),
            framer: ChunkFramer(),
            timeout: .seconds(5),
            implicitTLS: isImplicit ? tls : nil,
            group: group
        ) { connection in
            do {
                var wire = try await WireClient(connection)
                return try await body(&wire, tls)
            } catch {
                // Without this a failed check would wait for the server's end of TLS.
                connection.abort()
                throw error
            }
        }
    }

    private static func reachable(_ listener: ListenerStatus) throws -> IPAddress {
        guard let address = IPAddress(listener.address) else {
            throw ProbeFailure("no address in \(listener.endpoint)")
        }
        guard address.isUnspecified, let loopback = IPAddress("127.0.0.1") else { return address }
        return loopback
    }

    private func refusal(_ mx: ListenerStatus, recipient: String, code: Int) async throws -> String {
        try await connect(mx) { wire, _ in
            var smtp = try await SMTPProbe(wire)
            try await smtp.hello(Self.name)
            try await smtp.command("MAIL FROM:<someone@\(Self.elsewhere)>", expecting: 250)
            let reply = try await smtp.command("RCPT TO:<\(recipient)>", expecting: code)
            try? await smtp.quit()
            return reply.text
        }
    }

    private func submit(_ listener: ListenerStatus, _ message: SelfTestMessage, to: [String]) async throws -> String {
        try await connect(listener) { wire, tls in
            var smtp = try await SMTPProbe(wire)
            try await smtp.hello(Self.name)
            if listener.kind == "submission" { try await smtp.startTLS(tls, name: Self.name) }
            try await smtp.authenticate(ticket.sender, ticket.senderPassword)
            try await smtp.send(from: ticket.sender, to: to, message: message.bytes)
            try? await smtp.quit()
            return "\(to.count) recipient\(to.count == 1 ? "" : "s"), \(message.bytes.count) octets"
        }
    }

    private func readByIMAP(_ listener: ListenerStatus, _ message: SelfTestMessage) async throws -> String {
        try await connect(listener) { wire, tls in
            var imap = try await IMAPProbe(wire)
            if listener.kind == "imap" { try await imap.startTLS(tls) }
            try await imap.login(ticket.sender, ticket.senderPassword)
            try await imap.command("SELECT INBOX")
            guard let uid = try await imap.search("HEADER Message-ID \"\(message.id)\"").last else {
                throw ProbeFailure("the message is not in INBOX")
            }
            let body = try await imap.fetch(uid: uid, section: "TEXT")
            guard body == message.body else {
                throw ProbeFailure("the text that came back is not the one that was sent")
            }
            _ = try? await imap.command("LOGOUT")
            return "UID \(uid)"
        }
    }

    private func deleteByIMAP(_ listener: ListenerStatus, _ message: SelfTestMessage) async throws -> String {
        try await connect(listener) { wire, tls in
            var imap = try await IMAPProbe(wire)
            if listener.kind == "imap" { try await imap.startTLS(tls) }
            try await imap.login(ticket.sender, ticket.senderPassword)
            try await imap.command("SELECT INBOX")
            for uid in try await imap.search("HEADER Message-ID \"\(message.id)\"") {
                try await imap.command("UID STORE \(uid) +FLAGS.SILENT (\\Deleted)")
                try await imap.command("UID EXPUNGE \(uid)")
            }
            let left = try await imap.search("HEADER Message-ID \"\(message.id)\"")
            guard left.isEmpty else { throw ProbeFailure("the message is still there") }
            _ = try? await imap.command("LOGOUT")
            return "gone"
        }
    }

    private func readByPOP3(_ listener: ListenerStatus, _ message: SelfTestMessage) async throws -> String {
        try await connect(listener) { wire, tls in
            var pop3 = try await POP3Probe(wire)
            if listener.kind == "pop3" { try await pop3.startTLS(tls) }
            try await pop3.login(ticket.second, ticket.secondPassword)
            let count = try await pop3.messageCount()
            guard count == 1 else { throw ProbeFailure("the second account has \(count) messages") }
            let bytes = try await pop3.retrieve(1)
            guard bytes.suffix(message.body.count) == message.body[...] else {
                throw ProbeFailure("the text that came back is not the one that was sent")
            }
            _ = try? await pop3.command("QUIT")
            return "\(bytes.count) octets"
        }
    }

    /// Waits for the message at the sink.
    private func arrival(of message: SelfTestMessage) async throws -> MailSink.Received {
        try await withThrowingTaskGroup(of: MailSink.Received?.self) { tasks in
            tasks.addTask {
                for await received in sink.received
                where String(decoding: received.message, as: UTF8.self).contains(message.id) {
                    return received
                }
                return nil
            }
            tasks.addTask {
                try await Task.sleep(for: .seconds(30))
                return nil
            }
            defer { tasks.cancelAll() }
            guard let first = try await tasks.next(), let received = first else {
                throw ProbeFailure("nothing came within 30 seconds: see martlet queue list")
            }
            guard received.to == [ticket.remoteRecipient], received.from == ticket.sender else {
                throw ProbeFailure("the envelope is <\(received.from)> to \(received.to)")
            }
            return received
        }
    }

    /// Verifies the signature that one key made, with the public key from the directory as the DNS would give it.
    private func verify(_ message: [UInt8], _ key: DKIMKeySummary) throws -> String {
        guard !key.recordText.isEmpty else {
            throw ProbeFailure("\(key.origin): \(key.problem ?? "the key can't be read")")
        }
        guard let end = HeaderEnd.find(in: message) else { throw ProbeFailure("the message has no body") }
        var verifier = DKIMVerifier(header: Array(message[..<end]))
        verifier.update(Array(message[end...].drop { $0 == 0x0D }.dropFirst()))
        verifier.finishBody()
        let name = String(key.recordName.dropLast())
        let results = verifier.results(
            answers: [name: .records([Array(key.recordText.utf8)])],
            now: SystemClock().now()
        )
        guard let result = results.first(where: { $0.signature?.selector == key.selector }) else {
            throw ProbeFailure("there is no signature with the selector \(key.selector)")
        }
        guard case .pass = result.result else {
            throw ProbeFailure("\(key.selector): \(result.result.keyword) \(result.result.reason ?? "")")
        }
        return "selector \(key.selector) passes"
    }
}
