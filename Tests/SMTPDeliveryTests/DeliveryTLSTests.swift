import MailConfig
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPDelivery
import Synchronization
import Telemetry
import Testing

@Suite("TLS and login towards a host")
struct DeliveryTLSTests {
    typealias Behaviour = ScriptedSMTPServer.Behaviour

    @Test("STARTTLS is used where it is offered, whoever answers")
    func opportunistic() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(Behaviour { $0.tls = context })
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let event = await room.events.next().first
            #expect(event?.name == "delivered")
            #expect(event?.attempt?.tls == "TLSv1.3")
        }
        #expect(server.messages.first?.overTLS == true)
        #expect(server.commands.filter { $0.hasPrefix("EHLO") }.count == 2)
        #expect(try await room.attempts(of: id).first?.tls?.hasPrefix("TLSv1.3 TLS_") == true)
        await server.stop()
    }

    @Test(
        "A broken handshake is followed by the clear where TLS is opportunistic, and only there",
        arguments: [false, true])
    func brokenTLS(_ isRequired: Bool) async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.tls = context
                behaviour.breaksTLS = true
            })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        var settings = room.settings(port: server.port)
        if isRequired { settings.configure { $0.outbound.tls = .required } }
        try await room.serve(settings) {
            let event = await room.events.next().first
            #expect(event?.name == (isRequired ? "deferred" : "delivered"))
            #expect(event?.attempt?.tls == nil)
            if isRequired { #expect(event?.attempt?.enhanced == "4.7.5") }
        }
        #expect(server.messages.count == (isRequired ? 0 : 1))
        await server.stop()
    }

    @Test("A refused STARTTLS goes on in the clear; one that isn't offered but required is a failure")
    func refusedTLS() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.tls = context
                behaviour.steps["STARTTLS"] = .reply("454 4.7.0 not now")
            })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) {
            #expect(await room.events.next().first?.name == "delivered")
        }
        await server.stop()
        let plain = try await ScriptedSMTPServer()
        try await room.enqueue("a@one.example")
        var settings = room.settings(port: plain.port)
        settings.configure { $0.outbound.tls = .required }
        try await room.serve(settings) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred")
            #expect(event?.attempt?.enhanced == "4.7.4")
        }
        await plain.stop()
    }

    static func smarthost(
        _ room: DeliveryRoom, port: Int, tls: Smarthost.TLSMode = .starttls, verify: Bool = false
    ) -> DeliverySettings {
        var settings = room.settings(port: 25)
        settings.configure { manifest in
            manifest.outbound.smarthostSettings = Manifest.SmarthostSettings(
                host: "127.0.0.1", port: port, tls: tls, verify: verify, username: "me", passwordFile: "/password")
        }
        settings.secret = { _ in Array("secret".utf8) }
        return settings
    }

    @Test(
        "The smarthost takes all destinations after a login over TLS",
        arguments: ["AUTH PLAIN LOGIN", "AUTH=LOGIN"], [Smarthost.TLSMode.starttls, .implicit])
    func smarthost(_ offer: String, _ tls: Smarthost.TLSMode) async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.tls = context
                behaviour.isImplicit = tls == .implicit
                behaviour.capabilities.append(offer)
            })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example", "b@other.example")
        try await room.serve(Self.smarthost(room, port: server.port, tls: tls)) {
            let events = await room.events.next(2)
            #expect(events.map(\.name) == ["delivered", "delivered"])
            #expect(events.first?.attempt?.via == "smarthost")
        }
        let login = server.commands.filter { $0.hasPrefix("AUTH") || !$0.contains(" ") && $0.hasSuffix("=") }
        #expect(offer.contains("PLAIN") ? login.contains("AUTH PLAIN AG1lAHNlY3JldA==") : login.contains("bWU="))
        #expect(!server.messages.contains { !$0.overTLS })
        #expect(room.resolver.questions.isEmpty)
        await server.stop()
    }

    @Test("Credentials are never sent in the clear, nor to a host that can't prove its name")
    func protectsCredentials() async throws {
        let context = try ScriptedSMTPServer.context()
        let plain = try await ScriptedSMTPServer(Behaviour { $0.capabilities = ["AUTH PLAIN"] })
        let impostor = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.capabilities = ["AUTH PLAIN"]
                behaviour.tls = context
            })
        let hidden = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.capabilities = ["AUTH PLAIN"]
                behaviour.tls = context
                behaviour.isImplicit = true
            })
        let cases: [(ScriptedSMTPServer, Smarthost.TLSMode, Bool, String)] = [
            (plain, .starttls, false, "4.7.4"),
            (plain, .none, false, "4.7.4"),
            (impostor, .starttls, true, "4.7.5"),
            (hidden, .implicit, true, "4.7.5"),
        ]
        for (server, tls, verify, status) in cases {
            let room = try DeliveryRoom()
            try await room.enqueue("a@one.example")
            try await room.serve(Self.smarthost(room, port: server.port, tls: tls, verify: verify)) {
                let event = await room.events.next().first
                #expect(event?.name == "deferred")
                #expect(event?.attempt?.enhanced == status)
            }
            #expect(!server.commands.contains { $0.hasPrefix("AUTH") })
        }
        await plain.stop()
        await impostor.stop()
        await hidden.stop()
    }

    @Test("A refused login is put off, not bounced, and its words hold no secret")
    func refusedLogin() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.tls = context
                behaviour.capabilities.append("AUTH PLAIN")
                behaviour.steps["AUTH"] = .reply("535 5.7.8 bad credentials")
            })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        let settings = Self.smarthost(room, port: server.port)
        try await room.serve(settings) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred")
            #expect(event?.attempt?.code == 535)
        }
        #expect(room.bounces.reports.withLock { $0.isEmpty })
        let told = room.log.lines.filter { $0.hasPrefix("error a route takes no login") }
        #expect(told.count == 1 && told.first?.contains("bad credentials") == true)
        let secrets = ["secret", "AG1l", Base64.encode(Array("\0me\0secret".utf8))]
        #expect(!secrets.contains { secret in room.log.lines.contains { $0.contains(secret) } })
        await server.stop()
    }

    @Test("A smarthost that wants another login keeps mail waiting", arguments: ["MAIL", "RCPT"])
    func loginWanted(_ stage: String) async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.tls = context
                behaviour.capabilities.append("AUTH PLAIN")
                behaviour.steps[stage] = .reply("530 5.7.0 Authentication required")
            })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        try await room.serve(Self.smarthost(room, port: server.port)) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred" && event?.attempt?.enhanced == "4.7.0")
        }
        #expect(room.log.lines.contains { $0.hasPrefix("error a route takes no mail like this") })
        await server.stop()
    }
}
