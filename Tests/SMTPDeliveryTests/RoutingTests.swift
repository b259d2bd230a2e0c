import DNSCore
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import Testing

@Suite("Routing by MX")
struct RoutingTests {
    static func targets(
        _ destination: String,
        own: [String] = [],
        ownAddresses: [String] = [],
        limit: Int = 5,
        _ script: (ScriptedResolver) -> Void = { _ in }
    ) async -> Result<[RouteTarget], DeliveryFailure> {
        let resolver = ScriptedResolver()
        script(resolver)
        let router = MXRouter(
            resolver: resolver,
            own: OwnEndpoints(
                names: Set(own.compactMap { DomainName($0) }),
                ports: [25: Set(ownAddresses.compactMap { IPAddress($0) })])
        )
        return await router.targets(for: destination, limit: limit, using: SystemRandomNumberGenerator())
    }

    static func script(_ resolver: ScriptedResolver) {
        resolver.mailExchanges("one.example", (20, "b.example"), (10, "a.example"), (20, "c.example"))
        resolver.addresses("a.example", "192.0.2.1", "2001:db8::1")
        resolver.addresses("b.example", "192.0.2.2")
        resolver.addresses("c.example", "192.0.2.3")
    }

    @Test("Hosts come by preference, IPv4 first, and equals take turns")
    func order() async throws {
        var seconds: Set<String> = []
        for _ in 0..<64 {
            let targets = try await Self.targets("one.example", Self.script).get().map(\.description)
            #expect(targets.prefix(2) == ["a.example[192.0.2.1]", "a.example[2001:db8::1]"])
            #expect(Set(targets.dropFirst(2)) == ["b.example[192.0.2.2]", "c.example[192.0.2.3]"])
            seconds.insert(targets[2])
        }
        #expect(seconds.count == 2)
    }

    @Test("The limit holds", arguments: [1, 3, 4])
    func limit(_ limit: Int) async throws {
        #expect(try await Self.targets("one.example", limit: limit, Self.script).get().count == limit)
    }

    @Test("Without MX the domain is its own host")
    func implicit() async throws {
        let targets = try await Self.targets("one.example") { $0.addresses("one.example", "192.0.2.9") }.get()
        #expect(targets.map(\.description) == ["one.example[192.0.2.9]"])
    }

    @Test("Addresses need no DNS", arguments: ["192.0.2.5", "2001:db8::5"])
    func addresses(_ address: String) async throws {
        let router = MXRouter(resolver: ScriptedResolver())
        let targets = try await router.targets(ofHost: address, port: 25, limit: 5).get()
        #expect(targets.map(\.address?.description) == [address])
    }

    @Test("What leads back to this server is a loop, whichever way it is written")
    func ownHosts() async throws {
        let resolver = ScriptedResolver()
        resolver.addresses("other.example", "192.0.2.1")
        let address = try #require(IPAddress("192.0.2.1"))
        let own = OwnEndpoints(
            names: Set([DomainName("mail.example")].compactMap(\.self)), ports: [25: [address], 587: [address]],
            sockets: ["/run/lmtp"])
        let router = MXRouter(resolver: resolver, own: own)
        for (host, port, isLoop) in [
            ("192.0.2.1", 25, true), ("192.0.2.1", 587, true), ("192.0.2.1", 2525, false), ("192.0.2.2", 25, false),
            ("other.example", 587, true), ("other.example", 26, false), ("mail.example", 25, true),
        ] {
            let failure = Self.failure(await router.targets(ofHost: host, port: port, limit: 5))
            #expect((failure?.reply.status == EnhancedStatusCode(5, 4, 6)) == isLoop, "\(host):\(port)")
        }
        #expect(Self.failure(router.target(ofSocket: "/run/lmtp")) != nil)
        #expect(try router.target(ofSocket: "/run/other").get().map(\.description) == ["unix:/run/other"])
    }

    @Test("Where we are an MX ourselves only better hosts are left, or nothing")
    func loops() async throws {
        let left = try await Self.targets("one.example", own: ["b.example"], Self.script).get()
        #expect(Set(left.map(\.host)) == ["a.example"])
        let none = await Self.targets("one.example", own: ["a.example"], Self.script)
        #expect(Self.failure(none)?.reply.status == EnhancedStatusCode(5, 4, 6))
        let byAddress = await Self.targets("one.example", ownAddresses: ["192.0.2.1"], Self.script)
        #expect(Self.failure(byAddress)?.reply.status == EnhancedStatusCode(5, 4, 6))
    }

    @Test("An address of ours takes its equals with it, and is no loop while a better host can't be looked up")
    func loopsByAddress() async throws {
        for _ in 0..<16 {
            let left = try await Self.targets("one.example", ownAddresses: ["192.0.2.2"], Self.script).get()
            #expect(Set(left.map(\.host)) == ["a.example"], "c.example is no better than we are")
        }
        let unknown = await Self.targets("one.example", ownAddresses: ["192.0.2.2"]) { resolver in
            Self.script(resolver)
            resolver.fail("a.example", .a, .timeout)
            resolver.fail("a.example", .aaaa, .timeout)
        }
        #expect(Self.failure(unknown)?.permanence == .temporary)
    }

    @Test("A smarthost on this machine is no loop unless it answers at our own port", arguments: [25, 2525])
    func smarthostHere(_ port: Int) async throws {
        let resolver = ScriptedResolver()
        resolver.addresses("relay.example", "127.0.0.1")
        let router = MXRouter(
            resolver: resolver, own: OwnEndpoints(ports: [25: Set([IPAddress("127.0.0.1")].compactMap(\.self))]))
        let found = await router.targets(ofHost: "relay.example", port: port, limit: 5)
        #expect((Self.failure(found) == nil) == (port == 2525))
    }

    static func failure(_ result: Result<[RouteTarget], DeliveryFailure>) -> DeliveryFailure? {
        if case .failure(let failure) = result { return failure }
        return nil
    }

    @Test("What DNS denies is permanent, what it can't say is not")
    func failures() async throws {
        let cases: [(DeliveryFailure.Permanence, EnhancedStatusCode, (ScriptedResolver) -> Void)] = [
            (.permanent, EnhancedStatusCode(5, 1, 10), { $0.mailExchanges("one.example", (0, "")) }),
            (.permanent, EnhancedStatusCode(5, 1, 2), { _ in }),
            (.temporary, EnhancedStatusCode(4, 4, 3), { $0.fail("one.example", .mx, .timeout) }),
            (.temporary, EnhancedStatusCode(4, 4, 3), { $0.fail("one.example", .mx, .bogus("x")) }),
            (.permanent, EnhancedStatusCode(5, 4, 4), { $0.mailExchanges("one.example", (0, "gone.example")) }),
            (
                .temporary, EnhancedStatusCode(4, 4, 3),
                {
                    $0.mailExchanges("one.example", (0, "slow.example"))
                    $0.fail("slow.example", .a, .serverFailure(rcode: 2))
                }
            ),
        ]
        for (permanence, status, script) in cases {
            let failure = Self.failure(await Self.targets("one.example", script))
            #expect(failure?.permanence == permanence)
            #expect(failure?.reply.status == status)
            #expect(failure?.scope == .destination)
        }
    }

    @Test("A host whose address is unknown for now does not stop the others")
    func partial() async throws {
        let targets = try await Self.targets("one.example") { resolver in
            Self.script(resolver)
            resolver.fail("a.example", .a, .timeout)
            resolver.fail("a.example", .aaaa, .timeout)
        }.get()
        #expect(targets.count == 2)
    }
}
