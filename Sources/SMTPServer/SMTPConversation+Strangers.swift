import MailPolicy
import MailSyntax
import NetTransport
import SMTPCore
import Telemetry

// What is watched in clients that nobody knows: other servers, and what pretends to be one.
extension SMTPConversation {
    /// Neither logged in, nor of a trusted network, nor of this machine; on the port for other servers.
    var isStranger: Bool {
        context.settings.role == .mx && login == nil && !isTrusted
            && (context.settings.watchesLoopback || !info.remote.isLoopback)
    }

    /// Waits before the greeting. Programs that send junk often don't; a server waits.
    // RFC 5321 §4.3.1
    mutating func spokeTooEarly() async -> Bool {
        await send([.deadline(context.settings.greetingDelay)])
        while true {
            switch await stream.next() {
            case .deadlineReached(.idle), .tlsEstablished, .tlsFailed: return false
            case .woken: continue
            case .frame:
                end = .protocolError
                report(.earlyTalking)
                recordRefusal(.spokeBeforeGreeting, stage: "connect")
                _ = await leave(.spokeBeforeGreeting)
                return true
            case .deadlineReached(.total):
                end = .timeout
                _ = await leave(.timeout)
                return true
            case .shuttingDown:
                end = .shutdown
                _ = await leave(.shuttingDown)
                return true
            case .inputClosed, .closed: return true
            }
        }
    }

    /// Whether more came behind this line than may come before its answer: anything before EHLO was answered, or
    /// something behind DATA.
    // RFC 2920 §3.1
    func isOutOfTurn(_ line: [UInt8], _ sequel: SMTPLineSequel) -> Bool {
        guard isStranger, !session.configuration.offersXClient else { return false }
        if sequel == .line { return !session.isExtended }
        return line.prefix(5).elementsEqual("DATA".utf8) { $0 & 0xDF == $1 }
    }

    mutating func refusePipelining(_ line: [UInt8]) async -> Bool {
        end = .protocolError
        report(.pipelining)
        recordRefusal(.improperPipelining, stage: isInData(line) ? "data" : "helo")
        return await leave(.improperPipelining)
    }

    private func isInData(_ line: [UInt8]) -> Bool { line.first.map { $0 & 0xDF } == UInt8(ascii: "D") }

    /// Counts an abuse of the client's towards a ban.
    func report(_ offence: Offence) {
        guard login == nil else { return }
        context.backend.report(offence, by: info.remote)
    }
}

// XCLIENT.
extension SMTPConversation {
    /// Speaks with the client that is named from here on, as if it had just connected.
    mutating func impersonate(_ client: SMTPXClient) async -> Bool {
        var login = session.login == nil ? nil : self.login
        switch client.login {
        case nil: break
        case .unavailable?: login = nil
        case .value(let name)?:
            guard let address = EmailAddress(name), let known = context.backend.login(address) else {
                return await perform(.reply(.badArguments("Bad LOGIN value: there is no such account")))
            }
            login = known
        }
        if let address = client.address?.value {
            info.remote = address
            isTrusted = context.settings.rules.trusts(address)
            session.knowsClient = isTrusted
        }
        if let port = client.port { info.remotePort = port.value ?? 0 }
        if let address = client.destinationAddress?.value { info.local = address }
        if let port = client.destinationPort { info.localPort = port.value ?? 0 }
        if client.name != nil || client.address != nil {
            reverseName = PendingName()
            reverseName.resolve(await name(of: client))
        }
        envelope = nil
        self.login = login ?? deviceAtHand
        // A milter is told of a client once, at the beginning.
        milters?.quit()
        milters = makeMilters()
        guard !context.backend.isBanned(info.remote) else {
            end = .protocolError
            return await leave(.banned)
        }
        return await perform(session.impersonated(client, login: login?.name))
    }

    /// What XCLIENT says, or else what the DNS knows.
    private func name(of client: SMTPXClient) async -> String? {
        if let name = client.name { return name.value }
        let address = info.remote
        let backend = context.backend
        if let known = backend.knownReverseName(address) { return known }
        let patience = context.settings.reverseLookupPatience
        return await withTaskGroup(of: String?.self) { group in
            group.addTask { await backend.reverseName(address) }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
