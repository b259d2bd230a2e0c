import DNSCore
import MailAuth
import MartletTesting
import Testing

@Suite("Looking for TLSA records")
struct DANEDiscoveryTests {
    static let digest = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 7, count: 32))

    static func host(
        _ name: String = "mx.one.example", port: Int = 25, misdirectable: Bool = false, secure: Bool = true,
        canonical: String? = nil
    ) -> DANEHost {
        DANEHost(
            name: name, port: port, isMisdirectable: misdirectable, hasSecureAddresses: secure,
            canonicalName: canonical)
    }

    static func find(_ host: DANEHost, _ script: (ScriptedResolver) -> Void) async -> (DANEFinding, [String]) {
        let resolver = ScriptedResolver()
        script(resolver)
        return (await DANEDiscovery(resolver: resolver).find(host), resolver.questions)
    }

    @Test("Proven records are found at the port and the name")
    func found() async {
        let (finding, _) = await Self.find(Self.host("MX.one.example", port: 2525)) { resolver in
            resolver.associations("_2525._tcp.mx.one.example", [Self.digest])
        }
        #expect(
            finding
                == .records(
                    DANERecords(
                        base: "mx.one.example", owner: "_2525._tcp.mx.one.example", records: [Self.digest])))
    }

    // RFC 7672 §2.2.2: servers of unsigned zones may answer nonsense to questions for TLSA.
    @Test("Without proof of the way there nothing is asked")
    func unproven() async {
        let hosts = [
            Self.host(misdirectable: true), Self.host(secure: false), Self.host("192.0.2.1"),
        ]
        for host in hosts {
            let (finding, questions) = await Self.find(host) { resolver in
                resolver.associations("_25._tcp.mx.one.example", [Self.digest])
            }
            guard case .none = finding else {
                Issue.record("\(finding)")
                return
            }
            #expect(questions.isEmpty)
        }
    }

    @Test("Records without proof, and proven absence, are nothing")
    func absent() async {
        for script: (ScriptedResolver) -> Void in [
            { $0.associations("_25._tcp.mx.one.example", [Self.digest], secure: false) },
            { $0.fail("_25._tcp.mx.one.example", .tlsa, .nonexistentName(secure: true)) },
            { $0.fail("_25._tcp.mx.one.example", .tlsa, .noData(secure: true)) },
        ] {
            let (finding, _) = await Self.find(Self.host(), script)
            guard case .none = finding else {
                Issue.record("\(finding)")
                return
            }
        }
    }

    @Test(
        "What can't be asked for is never taken for absence",
        arguments: [DNSFailure.timeout, .serverFailure(rcode: 2), .bogus("no signature"), .malformed, .overloaded])
    func failed(_ failure: DNSFailure) async {
        let (finding, _) = await Self.find(Self.host()) { $0.fail("_25._tcp.mx.one.example", .tlsa, failure) }
        guard case .failed(let reason) = finding else {
            Issue.record("\(finding)")
            return
        }
        #expect(reason.contains("_25._tcp.mx.one.example"))
    }

    @Test("An alias is looked for under its end, then under its own name")
    func alias() async {
        let host = Self.host(canonical: "real.two.example.")
        let (first, _) = await Self.find(host) { resolver in
            resolver.associations("_25._tcp.real.two.example", [Self.digest])
            resolver.associations("_25._tcp.mx.one.example", [Self.digest])
        }
        guard case .records(let records) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(records.base == "real.two.example")
        let (second, questions) = await Self.find(host) {
            $0.associations("_25._tcp.mx.one.example", [Self.digest])
        }
        guard case .records(let own) = second else {
            Issue.record("\(second)")
            return
        }
        #expect(own.base == "mx.one.example" && questions.count == 2)
        let (third, _) = await Self.find(host) { $0.fail("_25._tcp.real.two.example", .tlsa, .timeout) }
        guard case .failed = third else {
            Issue.record("\(third)")
            return
        }
    }

    @Test("A proven alias of an unsigned host has the alias's records", arguments: [true, false])
    func unsignedEnd(_ isSigned: Bool) async {
        let (finding, _) = await Self.find(Self.host(secure: false, canonical: "real.two.example")) { resolver in
            resolver.answer(
                "mx.one.example", .cname, [.canonicalName("real.two.example")], secure: isSigned)
            resolver.associations("_25._tcp.mx.one.example", [Self.digest])
        }
        if case .records(let records) = finding {
            #expect(isSigned && records.base == "mx.one.example")
        } else {
            #expect(!isSigned)
        }
    }

    @Test("Records that SMTP can't use ask for encryption alone")
    func unusable() async {
        let records = [
            TLSAssociation(usage: 0, selector: 0, matching: 1, data: [UInt8](repeating: 1, count: 32)),
            TLSAssociation(usage: 1, selector: 1, matching: 1, data: [UInt8](repeating: 1, count: 32)),
            TLSAssociation(usage: 3, selector: 2, matching: 1, data: [UInt8](repeating: 1, count: 32)),
            TLSAssociation(usage: 3, selector: 1, matching: 3, data: [UInt8](repeating: 1, count: 32)),
            TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 1, count: 31)),
            TLSAssociation(usage: 2, selector: 0, matching: 2, data: [UInt8](repeating: 1, count: 32)),
        ]
        let (finding, _) = await Self.find(Self.host()) { $0.associations("_25._tcp.mx.one.example", records) }
        #expect(finding == .unusable(owner: "_25._tcp.mx.one.example"))
        let (mixed, _) = await Self.find(Self.host()) {
            $0.associations("_25._tcp.mx.one.example", records + [Self.digest])
        }
        guard case .records(let found) = mixed else {
            Issue.record("\(mixed)")
            return
        }
        #expect(found.records == [Self.digest])
    }

    @Test("Of two digests for one usage and selector the stronger counts")
    func agility() {
        let strong = TLSAssociation(usage: 3, selector: 1, matching: 2, data: [UInt8](repeating: 7, count: 64))
        let other = TLSAssociation(usage: 2, selector: 1, matching: 1, data: [UInt8](repeating: 7, count: 32))
        #expect(DANERecords.usable([Self.digest, strong, other]) == [strong, other])
    }
}
