import Blobs
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import MilterClient
import MilterCore
import NIOCore
import NetTransport
import SMTPCore

/// What milters have made of a message.
struct MilterOutcome {
    var refusal: SMTPReply?
    /// Taken and thrown away.
    var discards = false
    /// Kept until an operator releases it.
    var holds = false
}

/// A milter has made the message larger than any may be.
private struct MilterOverflow: Error {}

// Milters. Nothing here runs where the manifest names none.
extension SMTPConversation {
    /// Tells milters of the sender, and before that who the client is.
    ///
    /// - Returns: a refusal, or nil to go on.
    mutating func milterRefusal(of sender: SMTPSender) async -> SMTPReply? {
        guard var chain = milters else { return nil }
        isDiscarding = false
        let id = context.backend.nextID()
        chain.id = id
        chain.introduction = await introduction()
        chain.macros = await clientMacros(id, sender)
        milters = chain
        var parameters = sender.size.map { ["SIZE=\($0)"] } ?? []
        if sender.body != .sevenBit { parameters.append("BODY=\(sender.body.rawValue)") }
        if sender.smtpUTF8 { parameters.append("SMTPUTF8") }
        let path = envelope?.reversePath.angled ?? "<>"
        let mail = MilterEvent.mail(path: path, parameters: parameters)
        guard let introduction = chain.introduction else { return nil }
        let verdict = await chain.ask { await $0.begin(introduction, mail: mail, macros: chain.macros) }
        return refusal(verdict, chain)
    }

    /// Tells milters of a recipient.
    mutating func milterRefusal(of recipient: SMTPRecipient, _ admitted: AdmittedRecipient) async -> SMTPReply? {
        guard let chain = milters, !isDiscarding else { return nil }
        var macros = chain.macros
        macros["{rcpt_addr}"] = admitted.address.description
        macros["{rcpt_host}"] = admitted.address.hostText
        macros["{rcpt_mailer}"] = admitted.local.isEmpty ? "smtp" : "local"
        let event = MilterEvent.recipient(path: "<\(admitted.address)>", parameters: [])
        let verdict = await chain.ask { [macros] in await $0.tell(event, macros: macros) }
        return refusal(verdict, chain)
    }

    /// A message that is to be thrown away is taken with all that belongs to it.
    private mutating func refusal(_ verdict: MilterVerdict, _ chain: MilterChain) -> SMTPReply? {
        switch verdict {
        case .goOn: return nil
        case .discard:
            isDiscarding = true
            return nil
        case .refuse(let refusal): return SMTPReply(refusal)
        }
    }

    /// Shows the message to each milter in turn, each with the changes of those before it.
    ///
    /// - Throws: when a temporary can't be read or written, or a rule that a change needs can't be answered.
    mutating func filter(
        _ message: inout CollectedMessage, _ envelope: inout SMTPEnvelope, _ trace: inout [TraceStep]
    ) async throws -> MilterOutcome {
        guard let chain = milters else { return MilterOutcome() }
        var outcome = MilterOutcome(discards: isDiscarding)
        // The client waits for us now, not we for it.
        await send([.deadline(nil)])
        for peer in chain.peers where outcome.refusal == nil && !outcome.discards {
            let verdict = try await show(&message, &envelope, to: peer, chain.macros, &trace)
            switch verdict {
            case .goOn: break
            case .discard: outcome.discards = true
            case .refuse(let refusal): outcome.refusal = SMTPReply(refusal)
            }
            outcome.holds = outcome.holds || peer.quarantines
        }
        await chain.abort()
        for peer in chain.peers {
            for note in peer.notes {
                trace.append(
                    TraceStep(
                        stage: TraceStage.milter, rule: peer.settings.name, origin: peer.settings.origin, note: note))
            }
        }
        if outcome.discards { envelope.dropRecipients() }
        return outcome
    }

    private func show(
        _ message: inout CollectedMessage, _ envelope: inout SMTPEnvelope, to peer: MilterPeer,
        _ macros: [String: String], _ trace: inout [TraceStep]
    ) async throws -> MilterVerdict {
        let block = HeaderBlock(parsing: message.index.headerBlock)
        var edit = MilterEdit(header: MilterHeader(block))
        var offset = 0
        let fields = block.fields.filter { !$0.name.isEmpty }.map { ($0.name, Array($0.rawValue)) }
        let shown = message
        let verdict = try await peer.end(header: fields, macros: macros) {
            let piece = try await shown.body(from: offset, atMost: MilterEvent.chunk)
            offset += piece.count
            return piece.isEmpty ? nil : piece
        } change: { change in
            try await make(change, &edit, shown, &envelope, &trace)
        }
        // What was changed before a refusal is of no interest.
        if case .refuse = verdict { return verdict }
        if var body = edit.body {
            guard let replaced = body.finish() else { throw MilterOverflow() }
            message = CollectedMessage(index: replaced.index, body: replaced.body, repairs: message.repairs)
        }
        if edit.header.isChanged { message.index = message.index.replacingHeader(edit.header.bytes) }
        return verdict
    }

    private func make(
        _ change: MilterChange, _ edit: inout MilterEdit, _ message: CollectedMessage, _ envelope: inout SMTPEnvelope,
        _ trace: inout [TraceStep]
    ) async throws {
        switch change {
        case .addHeader, .insertHeader, .changeHeader:
            edit.header.apply(change)
            guard edit.header.octets <= context.settings.limits.headerSize else { throw MilterOverflow() }
        case .body(let piece):
            var body = edit.body ?? newBody()
            if edit.body == nil { await body.append(ByteBuffer(bytes: message.index.headerBlock)) }
            await body.append(ByteBuffer(bytes: piece))
            edit.body = body
            guard body.fault == nil, body.octets <= (context.settings.limits.messageSize ?? .max) else {
                throw MilterOverflow()
            }
        case .addRecipient(let text):
            guard let path = ReversePath(text), let address = path.address else { return }
            try await addCopy(address, &envelope, &trace)
        case .removeRecipient(let text):
            guard let path = ReversePath(text), let address = path.address else { return }
            envelope.remove(address)
        case .changeSender(let text):
            guard let path = ReversePath(text) else { return }
            envelope.reversePath = path
        case .quarantine:
            break  // The peer remembers it.
        }
    }

    /// Takes a body in the place of the one that came.
    func newBody() -> MessageCollector {
        let backend = context.backend
        return MessageCollector(
            memoryLimit: context.settings.memoryLimit, headerLimit: .max, isBinary: session.isTakingBinary,
            makeSpool: { try backend.makeSpool() })
    }
}

/// What one milter changes.
private struct MilterEdit {
    var header: MilterHeader
    /// The header as it was and the new body, as far as it has come.
    var body: MessageCollector?
}

// MARK: - What milters are told of the client

extension SMTPConversation {
    private func introduction() async -> MilterIntroduction {
        let name = await reverseName.value ?? "unknown"
        let connect = MilterEvent.connect(
            name: name, address: info.remote, port: info.remotePort)
        return MilterIntroduction(connect: connect, helo: session.helo ?? "")
    }

    /// Whether the client sends mail of ours, which signers sign.
    private var daemonName: String {
        switch context.settings.role {
        case .submission, .device, .sendmail: return "ORIGINATING"
        case .mx, .lmtp: return isOwnClient ? "ORIGINATING" : context.settings.hostname.ascii
        }
    }

    private func clientMacros(_ id: MailID, _ sender: SMTPSender) async -> [String: String] {
        let address = info.remote.description
        let name = await reverseName.value ?? "unknown"
        var macros = [
            "i": id.description, "j": context.settings.hostname.ascii, "v": "Martlet", "_": "\(name) [\(address)]",
            "{daemon_name}": daemonName, "{daemon_addr}": info.local.description,
            "{client_addr}": address, "{client_name}": name, "{client_ptr}": name,
            "{client_port}": "\(info.remotePort)",
            "{mail_addr}": envelope?.reversePath.description ?? "",
            "{mail_host}": envelope?.reversePath.address?.hostText ?? "", "{mail_mailer}": "smtp",
        ]
        if let tls {
            macros["{tls_version}"] = tls.version
            macros["{cipher}"] = tls.cipher
            macros["{cipher_bits}"] = "\(tls.bits)"
        }
        if let login {
            // The mechanism is of no interest to anybody but as a sign that there was one.
            macros["{auth_type}"] = "PLAIN"
            macros["{auth_authen}"] = login.name
        }
        return macros
    }
}

extension SMTPReply {
    init(_ refusal: MilterRefusal) {
        self.init(refusal.code, refusal.enhanced, refusal.text)
    }
}

extension CollectedMessage {
    /// A piece of the body; empty at its end. What lies in a temporary is read off the caller's executor.
    func body(from offset: Int, atMost count: Int) async throws -> [UInt8] {
        switch body {
        case .memory(let bytes, let start):
            let rest = bytes.dropFirst(start).dropFirst(offset)
            return Array(rest.prefix(count))
        case .spool(let spool):
            return try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try spool.read(offset..<(offset + count))
            }
        }
    }
}
