import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// Names of addresses that have these addresses.
@Suite struct ReverseCheckTests {
    private let resolver = ScriptedResolver()

    private func check(_ text: String) async throws -> String {
        let result = await ReverseCheck.check(try #require(IPAddress(text)), resolver: resolver)
        return [result.keyword, result.name?.ascii].compactMap(\.self).joined(separator: " ")
    }

    @Test func `a name whose addresses include the client's passes`() async throws {
        resolver.answer("1.2.0.192.in-addr.arpa", .ptr, [.pointer("other.example"), .pointer("mail.example.")])
        resolver.addresses("other.example", "192.0.2.9")
        resolver.addresses("mail.example", "192.0.2.7", "192.0.2.1")
        #expect(try await check("192.0.2.1") == "pass mail.example")
        let v6 = try #require(IPAddress("2001:db8::1"))
        resolver.answer(v6.reverseName, .ptr, [.pointer("six.example")])
        resolver.addresses("six.example", "192.0.2.1", "2001:db8::1")
        #expect(try await check("2001:db8::1") == "pass six.example")
    }

    @Test func `no name, a name of another, and trouble are told apart`() async throws {
        #expect(try await check("192.0.2.2") == "permerror")
        resolver.answer("3.2.0.192.in-addr.arpa", .ptr, [.pointer("mail.example")])
        resolver.addresses("mail.example", "192.0.2.1")
        #expect(try await check("192.0.2.3") == "fail")
        resolver.fail("4.2.0.192.in-addr.arpa", .ptr, .timeout)
        #expect(try await check("192.0.2.4") == "temperror")
        resolver.answer("5.2.0.192.in-addr.arpa", .ptr, [.pointer("slow.example")])
        resolver.fail("slow.example", .a, .serverFailure(rcode: 2))
        #expect(try await check("192.0.2.5") == "temperror")
    }

    @Test func `an address with a thousand names costs ten questions`() async throws {
        resolver.answer("6.2.0.192.in-addr.arpa", .ptr, (0..<1000).map { .pointer("n\($0).example") })
        #expect(try await check("192.0.2.6") == "fail")
        #expect(resolver.questions.count == 11)
    }
}
