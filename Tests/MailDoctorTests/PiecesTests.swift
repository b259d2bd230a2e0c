import DNSCore
import MailSyntax
import Testing

@testable import MailDoctor

@Suite struct TimePacketTests {
    /// Seconds since 1900 and a fraction, as it stands in a packet.
    private func octets(_ time: Timestamp) -> [UInt8] {
        let microseconds = UInt64(time.microseconds % 1_000_000)
        let word = UInt64(time.seconds + 2_208_988_800) << 32 | (microseconds << 32) / 1_000_000
        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }

    private func answer(_ packet: TimePacket, at time: Timestamp, stratum: UInt8 = 2) -> [UInt8] {
        [0x24, stratum] + [UInt8](repeating: 0, count: 22) + packet.request.suffix(8) + octets(time) + octets(time)
    }

    @Test(arguments: [-3600, -3, 0, 2, 600])
    func `a clock that is off is seen`(seconds: Int) throws {
        let packet = TimePacket(nonce: 0x0102_0304_0506_0708)
        let sent = Timestamp(seconds: 1_795_000_000 + Int64(seconds))
        let received = sent.adding(.milliseconds(40))
        let server = Timestamp(seconds: 1_795_000_000).adding(.milliseconds(20))
        let ahead = try #require(packet.ahead(answer(packet, at: server), sent: sent, received: received))
        let off = ahead - .seconds(seconds)
        #expect(off > .milliseconds(-2) && off < .milliseconds(2), "\(ahead)")
    }

    @Test func `what is no answer is none`() {
        let packet = TimePacket(nonce: 7)
        let now = Timestamp(seconds: 1_795_000_000)
        let good = answer(packet, at: now)
        #expect(packet.ahead(good, sent: now, received: now) != nil)
        for length in 0..<48 { #expect(packet.ahead(Array(good.prefix(length)), sent: now, received: now) == nil) }
        #expect(TimePacket(nonce: 8).ahead(good, sent: now, received: now) == nil)
        // A kiss of death, a server without time, and a packet of a client.
        #expect(packet.ahead(answer(packet, at: now, stratum: 0), sent: now, received: now) == nil)
        #expect(packet.ahead([0xE4] + good.dropFirst(), sent: now, received: now) == nil)
        #expect(packet.ahead([0x23] + good.dropFirst(), sent: now, received: now) == nil)
    }
}

@Suite struct BlockListTests {
    private let list = BlockList(zone: "list.example", listsV6: true)

    @Test func `addresses are asked for backwards`() throws {
        let v4 = try #require(IPAddress("192.0.2.99"))
        #expect(BlockListAnswer.name(v4, list) == "99.2.0.192.list.example")
        let v6 = try #require(IPAddress("2001:db8:1:2:3:4:567:89ab"))
        #expect(
            BlockListAnswer.name(v6, list)
                == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.list.example")
    }

    @Test(arguments: [
        "127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1", "192.0.2.1", "127.255.255.7",
    ])
    func `a refusal is not a listing`(code: String) throws {
        let answer = DNSAnswer(records: [.address(try #require(IPAddress(code)))])
        guard case .refused = BlockListAnswer(.success(answer)) else {
            Issue.record("\(code) is taken for a listing")
            return
        }
    }

    @Test func `absence is not trouble`() throws {
        #expect(BlockListAnswer(.failure(.nonexistentName(secure: false))) == .unlisted)
        #expect(BlockListAnswer(.failure(.timeout)) == .unknown(.timeout))
        let code = try #require(IPAddress("127.0.0.4"))
        #expect(BlockListAnswer(.success(DNSAnswer(records: [.address(code)]))) == .listed([code]))
    }
}

@Suite struct RepairTests {
    @Test(arguments: [
        ("v=spf1 mx ~all", "v=spf1 mx ip4:198.51.100.7 ip6:2001:db8::7 ~all"),
        (
            "v=spf1 include:a.example redirect=b.example",
            "v=spf1 include:a.example ip4:198.51.100.7 ip6:2001:db8::7 redirect=b.example"
        ),
        ("v=spf1", "v=spf1 ip4:198.51.100.7 ip6:2001:db8::7"),
    ])
    func `addresses are added before what speaks of everybody else`(record: String, changed: String) {
        #expect(Doctor.adding([DoctorWorld.address, DoctorWorld.addressV6], to: record) == changed)
    }

    @Test func `only tags that mean nothing are taken out`() {
        #expect(
            Doctor.withoutRemovedTags("v=DMARC1; p=none; PCT=100;rf=afrf ; rua=mailto:a@example.org;ri=1")
                == "v=DMARC1; p=none; rua=mailto:a@example.org")
        #expect(Doctor.withoutRemovedTags("v=DMARC1;p=none") == "v=DMARC1;p=none")
    }

    @Test(arguments: [(0, "der"), (1, "key")])
    func `associations of every matching type fit`(selector: UInt8, what: String) throws {
        let certificate = CertificateFacts.example(for: "mail.example.org")
        let bytes = selector == 0 ? certificate.der : certificate.publicKeyInfo
        #expect(TLSAssociation(usage: 3, selector: selector, matching: 0, data: bytes).fits(certificate))
        #expect(!TLSAssociation(usage: 3, selector: selector, matching: 1, data: bytes).fits(certificate))
        #expect(!TLSAssociation(usage: 3, selector: selector, matching: 9, data: bytes).fits(certificate))
    }
}
