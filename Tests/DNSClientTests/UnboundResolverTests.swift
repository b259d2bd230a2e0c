import DNSClient
import DNSCore
import Glibc
import MailSyntax
import Testing

@Suite("Resolver")
struct UnboundResolverTests {
    static func settings() -> ResolverSettings {
        let addresses = [("static.example", "192.0.2.7"), ("six.example", "2001:db8::7")]
        return ResolverSettings(
            hosts: addresses.compactMap { name, text in
                IPAddress(text).map { ResolverSettings.StaticHost(name: name, address: $0) }
            },
            localData: [
                "local.example. MX 10 mx.local.example.",
                "local.example. MX 20 mx2.local.example.",
                "null.example. MX 0 .",
                "key._domainkey.local.example. TXT \"v=DKIM1; \" \"p=abc\"",
                "_25._tcp.mx.local.example. TLSA 3 1 1 0102",
            ],
            trustAnchor: .none,
            timeout: .seconds(10)
        )
    }

    @Test("Static hosts and local data are answered without asking anyone")
    func localAnswers() async throws {
        let resolver = try UnboundResolver(Self.settings())
        let address = try await resolver.resolve("static.example", .a).get()
        #expect(address.addresses.map(\.description) == ["192.0.2.7"])
        #expect(try await resolver.resolve("STATIC.example.", .a).get().addresses.count == 1)
        #expect(try await resolver.resolve("six.example", .aaaa).get().addresses.map(\.description) == ["2001:db8::7"])
        let exchanges = try await resolver.resolve("local.example", .mx).get().mailExchanges
        #expect(Set(exchanges.map(\.host)) == ["mx.local.example", "mx2.local.example"])
        #expect(try await resolver.resolve("null.example", .mx).get().mailExchanges.map(\.isNull) == [true])
        let texts = try await resolver.resolve("key._domainkey.local.example", .txt).get().texts
        #expect(texts == [Array("v=DKIM1; p=abc".utf8)])
        let associations = try await resolver.resolve("_25._tcp.mx.local.example", .tlsa).get().tlsAssociations
        #expect(associations.map(\.data) == [[1, 2]])
    }

    @Test("Names that can't be asked for are refused", arguments: ["", "a b", "a\u{0}b", "ä.example", "a..b"])
    func invalidNames(_ name: String) async throws {
        let resolver = try UnboundResolver(Self.settings())
        #expect(await resolver.resolve(name, .a) == .failure(.invalidName))
    }

    @Test("A forwarder that is silent makes a timeout, and cancelling ends the wait")
    func timeouts() async throws {
        let silent = try SilentServer()
        var settings = Self.settings()
        settings.forwarders = [.init(address: try #require(IPAddress("127.0.0.1")), port: silent.port)]
        settings.timeout = .milliseconds(200)
        let impatient = try UnboundResolver(settings)
        #expect(await impatient.resolve("asked.example", .a) == .failure(.timeout))
        settings.timeout = .seconds(600)
        let patient = try UnboundResolver(settings)
        let question = Task { await patient.resolve("asked.example", .a) }
        question.cancel()
        #expect(await question.value == .failure(.cancelled))
        async let waiting = patient.resolve("other.example", .a)
        patient.stop()
        let outcome = await waiting
        #expect([.failure(.unavailable("the resolver has stopped")), .failure(.overloaded)].contains(outcome))
    }

    @Test("More questions than fit are refused at once")
    func overload() async throws {
        let silent = try SilentServer()
        var settings = Self.settings()
        settings.forwarders = [.init(address: try #require(IPAddress("127.0.0.1")), port: silent.port)]
        settings.timeout = .milliseconds(500)
        settings.maximumInFlight = 2
        let resolver = try UnboundResolver(settings)
        let results = await withTaskGroup(of: Result<DNSAnswer, DNSFailure>.self) { group in
            for number in 0..<20 { group.addTask { await resolver.resolve("n\(number).example", .a) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 20)
        #expect(results.allSatisfy { $0 == .failure(.timeout) || $0 == .failure(.serverFailure(rcode: 2)) })
    }

    @Test("A setting that can't be honoured is named")
    func badSettings() {
        var settings = ResolverSettings(trustAnchor: .none)
        settings.localData = ["this is no record"]
        #expect(throws: ResolverSettingsError.self) { try UnboundResolver(settings) }
        settings = ResolverSettings(resolvConf: "/nonexistent/resolv.conf", trustAnchor: .none)
        #expect(throws: ResolverSettingsError.self) { try UnboundResolver(settings) }
    }
}

/// A UDP socket that takes questions and answers none.
final class SilentServer: Sendable {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        try #require(bound)
    }

    deinit {
        close(descriptor)
    }
}
