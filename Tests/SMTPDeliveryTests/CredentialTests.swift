import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import Telemetry
import Testing

@Suite("No credential leaves its route")
struct CredentialTests {
    static let password = "pencil-4711"

    /// Everything that would tell the login.
    static var secrets: [String] {
        let plain = Array("\0relay-user\0\(password)".utf8)
        return [
            password, Base64.encode(Array(password.utf8)), Base64.encode(plain), "relay-user",
            Base64.encode(Array("relay-user".utf8)), "AUTH",
        ]
    }

    static func route(
        _ name: String, _ kind: Manifest.Route.Kind, _ port: Int, login: Bool = false, fallback: String? = nil
    ) -> Manifest.Route {
        var route = Manifest.Route(
            name: name, kind: kind, hosts: [RouteHost(.host("127.0.0.1"), port: port)], origin: "test")
        route.tls = TLSRequirement(level: .may)
        let credentials = RouteLogin(
            username: "relay-user", password: .file("password"), mechanisms: [], allowsClearText: true)
        if login {
            route.login = credentials
            route.senderLogins = [.init(sender: .any, login: credentials)]
        }
        route.fallback = fallback.map { .init(route: $0, after: 1) }
        return route
    }

    static func rule(_ route: String, _ domain: String) throws -> Manifest.RoutingRule {
        var when = Manifest.RoutingRule.Conditions()
        when.recipients = [try #require(AddressPattern("@\(domain)"))]
        return Manifest.RoutingRule(route: route, when: when)
    }

    @Test("A hostile host on any route without a login hears nothing of the logins of others")
    func everyRoute() async throws {
        let lures = ["AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER", "AUTH=PLAIN LOGIN", "PIPELINING"]
        let hostile = try await RawServer { line, memory in
            if line == "." { return [.say("250 2.0.0 ok\r\n334 UGFzc3dvcmQ6\r\n")] }
            if line.hasPrefix("RCPT"), memory.lines.count % 2 == 0 { return [.say("334 VXNlcm5hbWU6\r\n")] }
            return RawServer.decent(lures, line, &memory)
        }
        let friend = try await RawServer(script: RawServer.scripted(["AUTH PLAIN"], ["AUTH": [.say("235 ok\r\n")]]))
        let room = try DeliveryRoom()
        var settings = room.settings(port: hostile.port)
        var manifest = settings.rules.manifest
        manifest.routing.routes = [
            Self.route("relay", .smarthost, friend.port, login: true),
            Self.route("gone", .smarthost, 1, login: true, fallback: "plain"),
            Self.route("plain", .smarthost, hostile.port), Self.route("boxes", .lmtp, hostile.port),
        ]
        manifest.routing.rules = [
            try Self.rule("relay", "relay.example"), try Self.rule("gone", "gone.example"),
            try Self.rule("plain", "plain.example"), try Self.rule("boxes", "boxes.example"),
        ]
        settings.rules = PolicyRules(manifest)
        settings.secret = { _ in Array(Self.password.utf8) }
        let domains = ["relay.example", "gone.example", "plain.example", "boxes.example", DeliveryRoom.domain]
        for domain in domains { try await room.enqueue("a@\(domain)", "b@\(domain)") }
        try await room.serve(settings) {
            _ = await room.events.next(2 * domains.count)
        }
        #expect(
            friend.heard.lines.contains("AUTH PLAIN \(Base64.encode(Array("\0relay-user\0\(Self.password)".utf8)))"))
        let heard = hostile.heard
        #expect(heard.connections >= 3)
        #expect(heard.lines.contains { $0.hasPrefix("LHLO") } && heard.lines.contains { $0.hasPrefix("EHLO") })
        let text = String(decoding: heard.octets, as: UTF8.self)
        for secret in Self.secrets { #expect(!text.contains(secret), "\(secret)") }
        #expect(!room.log.lines.contains { $0.contains(Self.password) })
        await hostile.stop()
        await friend.stop()
    }

    @Test("The fallback of a route with a login goes without it")
    func fallback() async throws {
        let hostile = try await RawServer(
            script: RawServer.scripted(["AUTH PLAIN LOGIN"], ["MAIL": [.say("530 5.7.0 Authentication required\r\n")]]))
        let room = try DeliveryRoom()
        var settings = room.settings(port: 1)
        var manifest = settings.rules.manifest
        manifest.routing.routes = [
            Self.route("gone", .smarthost, 1, login: true, fallback: "plain"),
            Self.route("plain", .smarthost, hostile.port),
        ]
        manifest.routing.rules = [try Self.rule("gone", "gone.example")]
        settings.rules = PolicyRules(manifest)
        settings.secret = { _ in Array(Self.password.utf8) }
        try await room.enqueue("a@gone.example")
        try await room.serve(settings) {
            #expect(await room.events.next().first?.name == "deferred")
            room.clock.advance(by: .seconds(86_400))
            _ = try await room.queue.flush()
            _ = await room.events.next()
        }
        let text = String(decoding: hostile.heard.octets, as: UTF8.self)
        #expect(text.contains("MAIL FROM:<sender@example.org>"))
        for secret in Self.secrets { #expect(!text.contains(secret), "\(secret)") }
        await hostile.stop()
    }
}
