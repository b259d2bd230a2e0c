import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import Synchronization
import Telemetry
import Testing

@Suite("Mail takes the route that the rules say")
struct RouteDeliveryTests {
    typealias Behaviour = ScriptedSMTPServer.Behaviour

    /// A smarthost without TLS on loopback, which may be told the password.
    private static func route(_ name: String, _ server: ScriptedSMTPServer, login: String? = nil) -> Manifest.Route {
        var route = Manifest.Route(
            name: name, kind: .smarthost, hosts: [RouteHost(.host("127.0.0.1"), port: server.port)])
        route.tls = TLSRequirement(level: .none)
        route.login = login.map { RouteLogin(username: $0, password: .file("/\($0)"), allowsClearText: true) }
        return route
    }

    private static func rule(
        _ route: String, sender: String? = nil, recipient: String? = nil
    ) throws -> Manifest.RoutingRule {
        var rule = Manifest.RoutingRule(route: route)
        if let sender { rule.when.senders = [try #require(AddressPattern(sender))] }
        if let recipient { rule.when.recipients = [try #require(AddressPattern(recipient))] }
        return rule
    }

    @Test("Each sender's mail goes to its own route with its own login, the rest by MX with none")
    func senders() async throws {
        let greedy = Behaviour { $0.capabilities.append("AUTH PLAIN") }
        let one = try await ScriptedSMTPServer(greedy)
        let two = try await ScriptedSMTPServer(greedy)
        let exchange = try await ScriptedSMTPServer(greedy)
        let room = try DeliveryRoom()
        var settings = room.settings(port: exchange.port)
        let rules = [try Self.rule("one", sender: "@one.example"), try Self.rule("two", sender: "@two.example")]
        settings.configure { manifest in
            manifest.routing.routes = [Self.route("one", one, login: "first"), Self.route("two", two, login: "second")]
            manifest.routing.rules = rules
        }
        settings.secret = { source in
            guard case .file(let path) = source else { return [] }
            return Array("secret of \(path)".utf8)
        }
        let senders = ["u@one.example", "u@two.example", "u@three.example", ""]
        for sender in senders { try await room.enqueue("x@one.example", from: sender) }
        try await room.serve(settings) {
            let events = await room.events.next(4)
            #expect(events.allSatisfy { $0.name == "delivered" })
            #expect(events.compactMap(\.attempt?.route).sorted() == ["direct", "direct", "one", "two"])
        }
        #expect(one.messages.map(\.mail).allSatisfy { $0.contains("<u@one.example>") } && one.messages.count == 1)
        #expect(two.messages.map(\.mail).allSatisfy { $0.contains("<u@two.example>") } && two.messages.count == 1)
        #expect(exchange.messages.count == 2)
        func login(_ name: String) -> String { Base64.encode(Array("\0\(name)\0secret of /\(name)".utf8)) }
        #expect(one.commands.filter { $0.hasPrefix("AUTH") } == ["AUTH PLAIN \(login("first"))"])
        #expect(two.commands.filter { $0.hasPrefix("AUTH") } == ["AUTH PLAIN \(login("second"))"])
        // Whatever it offers: a host that DNS names hears no login.
        #expect(!exchange.commands.contains { $0.hasPrefix("AUTH") })
        for server in [one, two, exchange] { await server.stop() }
    }

    @Test("Recipients of one message part where the rules part them")
    func recipients() async throws {
        let special = try await ScriptedSMTPServer()
        let exchange = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        var settings = room.settings(port: exchange.port)
        let rules = [
            try Self.rule("special", recipient: "s@one.example"), try Self.rule("keep", recipient: "h@one.example"),
            try Self.rule("drop", recipient: "d@one.example"), try Self.rule("no", recipient: "f@one.example"),
        ]
        settings.configure { manifest in
            var no = Manifest.Route(name: "no", kind: .fail)
            no.text = "5.7.9 Not from here"
            manifest.routing.routes = [
                Self.route("special", special), Manifest.Route(name: "keep", kind: .hold),
                Manifest.Route(name: "drop", kind: .discard), no,
            ]
            manifest.routing.rules = rules
        }
        let id = try await room.enqueue(
            "s@one.example", "m@one.example", "h@one.example", "d@one.example", "f@one.example")
        try await room.serve(settings) {
            let events = await room.events.next(5)
            let shown = events.map { "\($0.attempt?.to.first ?? "?") \($0.name) \($0.attempt?.via ?? "")" }
            #expect(
                shown == [
                    "d delivered discard", "f bounced mx", "h deferred hold", "m delivered mx", "s delivered smarthost",
                ])
            let left = try await room.queue.show(id)?.recipients
            #expect(
                left?.map(\.address.localPart) == ["h"] && left?.first?.held == true && left?.first?.route == "keep")
            // Released, it takes the way that it would take without that rule.
            _ = try await room.queue.release(id)
            _ = try await room.queue.retry(id)
            let event = await room.events.next().first
            #expect(event?.name == "delivered" && event?.attempt?.route == "direct")
        }
        #expect(special.messages.map(\.recipients) == [["s@one.example"]])
        #expect(exchange.messages.map(\.recipients) == [["m@one.example"], ["h@one.example"]])
        let bounce = room.bounces.reports.withLock { $0.first?.failures.first?.reply }
        #expect(bounce?.status == EnhancedStatusCode(5, 7, 9) && bounce?.text.contains("Not from here") == true)
        await special.stop()
        await exchange.stop()
    }

    @Test("After its failed attempts mail takes the fallback")
    func fallback() async throws {
        let down = try await ScriptedSMTPServer(Behaviour { $0.greeting = .reply("421 4.3.2 busy") })
        let backup = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        var settings = room.settings(port: down.port)
        settings.configure { manifest in
            var direct = Manifest.Route.direct
            direct.fallback = .init(route: "backup", after: 2)
            manifest.routing.routes = [direct, Self.route("backup", backup)]
        }
        let id = try await room.enqueue("x@one.example")
        try await room.serve(settings) {
            for _ in 0..<2 {
                let event = await room.events.next().first
                #expect(event?.name == "deferred" && event?.attempt?.route == "direct")
                room.clock.advance(by: .seconds(7200))
                _ = try await room.queue.retry(id)
            }
            let event = await room.events.next().first
            #expect(event?.name == "delivered" && event?.attempt?.route == "backup")
        }
        #expect(backup.messages.count == 1)
        await down.stop()
        await backup.stop()
    }

    @Test("The next host of a route is tried when the first is down, not when it may have the message")
    func hosts() async throws {
        for (step, isSecond) in [(ScriptedSMTPServer.Step.reply("421 4.3.2 busy"), true), (.close, false)] {
            let first = try await ScriptedSMTPServer(
                Behaviour { behaviour in
                    if isSecond { behaviour.greeting = step } else { behaviour.steps["."] = step }
                })
            let second = try await ScriptedSMTPServer()
            let room = try DeliveryRoom()
            var settings = room.settings(port: 25)
            settings.configure { manifest in
                var route = Self.route("isp", first)
                route.hosts.append(RouteHost(.host("127.0.0.1"), port: second.port))
                manifest.routing.routes = [route]
                manifest.routing.rules = [.init(route: "isp")]
            }
            try await room.enqueue("x@one.example")
            try await room.serve(settings) {
                let event = await room.events.next().first
                #expect(event?.name == (isSecond ? "delivered" : "deferred"))
            }
            #expect(second.messages.count == (isSecond ? 1 : 0))
            await first.stop()
            await second.stop()
        }
    }

    @Test(
        "A route that can't be used keeps its mail, says why once, and bounces nothing",
        arguments: [
            ("gone.example", 25, "a route leads nowhere"), ("127.0.0.1", 2525, "a route leads back to this server"),
            ("mail.example.org", 2525, "a route leads back to this server"),
        ])
    func unusable(_ host: String, _ port: Int, _ alarm: String) async throws {
        let room = try DeliveryRoom()
        var settings = room.settings(port: 25)
        let loopback = try #require(IPAddress("127.0.0.1"))
        let name = try #require(DomainName("mail.example.org"))
        settings.own = OwnEndpoints(names: [name], ports: [2525: [loopback]])
        settings.configure { manifest in
            var route = Manifest.Route(name: "isp", kind: .smarthost, hosts: [RouteHost(.host(host), port: port)])
            route.tls = TLSRequirement(level: .none)
            manifest.routing.routes = [route]
            manifest.routing.rules = [.init(route: "isp")]
        }
        let first = try await room.enqueue("x@one.example")
        try await room.serve(settings) {
            for id in [first, try await room.enqueue("y@one.example")] {
                let event = await room.events.next().first
                #expect(event?.name == "deferred" && event?.attempt?.enhanced?.hasPrefix("4.4.") == true)
                let left = try await room.queue.show(id)
                #expect(left != nil)
                _ = try await room.queue.flush()
                room.queue.wake(.demand)
            }
        }
        #expect(room.log.lines.filter { $0.hasPrefix("error \(alarm)") }.count == 1)
        #expect(room.bounces.reports.withLock { $0.isEmpty })
    }

    @Test("A password that can't be read is told, and nothing is sent")
    func passwordGone() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.capabilities.append("AUTH PLAIN") })
        let room = try DeliveryRoom()
        var settings = room.settings(port: 25)
        settings.configure { manifest in
            manifest.routing.routes = [Self.route("isp", server, login: "me")]
            manifest.routing.rules = [.init(route: "isp")]
        }
        try await room.enqueue("x@one.example")
        try await room.serve(settings) {
            #expect(await room.events.next().first?.attempt?.enhanced == "4.3.5")
        }
        #expect(room.log.lines.contains { $0.hasPrefix("error the password of a route can't be read") })
        #expect(server.messages.isEmpty && !server.commands.contains { $0.hasPrefix("AUTH") })
        await server.stop()
    }

    @Test("A table that is away defers, and what it says then is followed")
    func tables() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        var settings = room.settings(port: 25)
        settings.configure { manifest in
            manifest.routing.transport = [TableSource(format: .text, content: .file("/t"))]
        }
        settings.lookup = { lookup in
            if case .hosted = lookup { .flag(false) } else { .unavailable("away") }
        }
        let id = try await room.enqueue("x@one.example")
        try await room.serve(settings) {
            #expect(await room.events.next().first?.attempt?.enhanced == "4.3.0")
        }
        let port = server.port
        settings.lookup = { lookup in
            switch lookup {
            case .table(_, "one.example", _): .table(TableAnswer(value: "smtp:[127.0.0.1]:\(port)", origin: "/t:1"))
            case .table: .table(nil)
            default: .flag(false)
            }
        }
        _ = try await room.queue.retry(id)
        try await room.serve(settings) {
            let event = await room.events.next().first
            #expect(event?.name == "delivered" && event?.attempt?.route == "[127.0.0.1]:\(port)")
        }
        await server.stop()
    }
}
