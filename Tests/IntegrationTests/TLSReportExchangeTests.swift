import Foundation
import MartletTesting
import Testing

/// What becomes of policies that are not kept to: mail waits, and their domains are told, from one server to another.
@Suite(.serialized, .enabled(if: Peer.present("nsd", "ldns-signzone", "openssl", "python3", "sqlite3")))
struct TLSReportExchangeTests {
    /// A domain, what is wrong with what it publishes, and what its report is to say. All have the same mail host.
    private struct Fault {
        var domain: String
        /// At the name of the host's TLSA records.
        var tlsa: String?
        var signing = SignedZonePeer.Signing.none
        /// The host of its MTA-STS policy, which is enforced.
        var policyHost: String?
        /// Whether mail is delivered all the same.
        var isDelivered = false
        /// RFC 8460 §4.4
        var policyType: String
        /// In the policy of the report; nil: there is none.
        var policyText: String?
        /// nil: all went well.
        var result: String?
    }

    private static let faults = [
        Fault(
            domain: "wrong.test", tlsa: "3 1 1 " + digest, signing: .good, policyType: "tlsa",
            policyText: "3 1 1 " + digest, result: "validation-failure"),
        Fault(
            domain: "broken.test", tlsa: "3 1 1 " + digest, signing: .broken, policyType: "tlsa",
            result: "dnssec-invalid"),
        Fault(
            domain: "useless.test", tlsa: "3 1 9 " + digest, signing: .good, isDelivered: true, policyType: "tlsa",
            result: "tlsa-invalid"),
        Fault(
            domain: "named.test", policyHost: "mx.named.test", policyType: "sts", policyText: "mode: enforce",
            result: "certificate-host-mismatch"),
        Fault(
            domain: "unlisted.test", policyHost: "mail.other.test", policyType: "sts",
            policyText: "mx: mail.other.test",
            result: "validation-failure"),
        Fault(
            domain: "lapsed.test", policyHost: "mx.lapsed.test", isDelivered: true, policyType: "sts",
            result: "sts-webpki-invalid"),
        // Its host's own key stands there: nothing is wrong.
        Fault(
            domain: "fit.test", tlsa: "OWN", signing: .good, isDelivered: true, policyType: "tlsa", policyText: "3 1 1 "
        ),
    ]

    private static let digest = String(repeating: "01", count: 32)
    private static let reporting = "sender.test"

    @Test(.timeLimit(.minutes(3)))
    func `who publishes what does not fit is told of the mail that waits`() async throws {
        let (receiver, sender) = (try ServerUnderTest(), try ServerUnderTest())
        try await receiver.setUp()
        try await sender.setUp(domain: Self.reporting)
        for fault in Self.faults { try await receiver.succeed("domain", "add", fault.domain) }
        let shop = try await Self.makeCertificates()
        let zone = try await SignedZonePeer.start(try await Self.zones(receiver, sender, shop))
        let web = try await PolicyServerPeer.start(
            shop,
            Dictionary(
                uniqueKeysWithValues: Self.faults.compactMap { fault in
                    fault.policyHost.map { (fault.domain, PublishedCase.policy("enforce", $0)) }
                }), certificates: ["lapsed.test": "old"])
        let common = [
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_SERVER_DNS_TRUST_ANCHOR": zone.trustAnchor,
            // The servers come from this host, whose mail is not checked otherwise.
            "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
        ]
        let own = [
            "MARTLET_OUTBOUND_PORT": "\(receiver.port(25))", "MARTLET_OUTBOUND_CA_FILE": shop.caFile,
            "MARTLET_OUTBOUND_MTA_STS_PORT": "\(web.port)",
        ].merging(common) { mine, _ in mine }
        let files = ["mail.crt", "mail.key"].map { shop.folder.file($0) }
        try await receiver.start(
            common.merging(["MARTLET_TLS_CERTIFICATES": "chain=\(files[0]);key=\(files[1])"]) { _, new in new })
        try await sender.start(own)
        try await Self.send(sender)
        // Stopping writes down what was counted. Then it was yesterday.
        #expect(try await sender.stop() == 0)
        let moved = try await ProcessRunner.run(
            ["sqlite3", "\(sender.data)/martlet.db", "UPDATE tls_result SET day = day - 1;"])
        #expect(moved.succeeded, "\(moved)")
        try await sender.start(own)
        try await Self.report(sender, receiver)
        for server in [sender, receiver] { #expect(try await server.stop() == 0) }
        await web.stop()
        await zone.stop()
    }

    // MARK: Steps

    /// A message to each domain, and once more to those where it waits.
    private static func send(_ sender: ServerUnderTest) async throws {
        var environment = sender.scriptEnvironment
        environment["IT_ACCOUNT"] = "alice@\(reporting)"
        expectSuccess(
            try await Peer.python(
                "bulk", ["each"] + faults.map { "postmaster@\($0.domain)" }, environment: environment),
            sender)
        try await settle(sender, attempts: 1)
        try await sender.succeed("queue", "retry", "--deferred")
        try await settle(sender, attempts: 2)
    }

    /// Every message was delivered, or was tried so often and waits.
    private static func settle(_ sender: ServerUnderTest, attempts: Int) async throws {
        for fault in faults {
            let word = fault.isDelivered ? "delivered" : "deferred"
            var trace = ""
            try await eventually(within: .seconds(30), "\(fault.domain): \(word)") {
                trace = try await sender.succeed("trace", "--to", "postmaster@\(fault.domain)")
                let count = trace.components(separatedBy: " \(word)").count - 1
                return count >= (fault.isDelivered ? 1 : attempts)
            }
        }
    }

    private static func report(_ sender: ServerUnderTest, _ receiver: ServerUnderTest) async throws {
        let draft = try await sender.succeed("reports", "send", "--tls", "--dry-run")
        for fault in faults { try expect(fault, in: try policies(draft, of: fault.domain), draft) }
        let sent = try await sender.succeed("reports", "send", "--tls")
        for fault in faults {
            let count = fault.isDelivered ? 1 : 2
            #expect(sent.contains("\(count) counted, to mailto:postmaster@\(fault.domain)"), "\(sent)")
        }
        // The reports get through to hosts that nothing else gets through to.
        try await eventually(within: .seconds(30), "the reports are read\n\(receiver.log.suffix(3000))") {
            receiver.log.components(separatedBy: "a report was read").count == faults.count + 1
        }
        let list = try await receiver.succeed("reports", "list")
        #expect(list.components(separatedBy: " verified").count == faults.count + 1, "\(list)")
        let text = try await receiver.succeed("reports", "tls", "--json")
        let overview = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let lines = try #require(overview["lines"] as? [[String: Any]])
        let failures = faults.reduce(0) { $0 + ($1.result == nil ? 0 : $1.isDelivered ? 1 : 2) }
        #expect(overview["failures"] as? Int == failures && overview["successes"] as? Int == 1, "\(text)")
        let failing = try await receiver.succeed("reports", "tls", "--failing")
        for fault in faults {
            let shown = lines.filter { $0["domain"] as? String == fault.domain && $0["result"] != nil }
            #expect(shown.compactMap { $0["result"] as? String } == [fault.result].compactMap(\.self), "\(lines)")
            #expect(shown.allSatisfy { $0["failures"] as? Int == (fault.isDelivered ? 1 : 2) }, "\(lines)")
            #expect(failing.contains(fault.domain) == (fault.result != nil), "\(failing)")
        }
    }

    // MARK: Reports

    /// The policies in a domain's draft.
    private static func policies(_ draft: String, of domain: String) throws -> [[String: Any]] {
        for piece in draft.components(separatedBy: "\n{\n").dropFirst() {
            let text = "{\n" + (piece.components(separatedBy: "\n}\n").first ?? "") + "\n}\n"
            let report = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let found = report?["policies"] as? [[String: Any]] ?? []
            if found.contains(where: { ($0["policy"] as? [String: Any])?["policy-domain"] as? String == domain }) {
                return found
            }
        }
        return []
    }

    private static func expect(_ fault: Fault, in policies: [[String: Any]], _ draft: String) throws {
        #expect(policies.count == 1, "\(fault.domain)\n\(draft)")
        let entry = try #require(policies.first)
        let policy = try #require(entry["policy"] as? [String: Any])
        let summary = try #require(entry["summary"] as? [String: Any])
        let count = fault.isDelivered ? 1 : 2
        #expect(policy["policy-type"] as? String == fault.policyType, "\(fault.domain)\n\(draft)")
        let text = policy["policy-string"] as? [String] ?? []
        #expect(fault.policyText.map { wanted in text.contains { $0.hasPrefix(wanted) } } ?? text.isEmpty, "\(policy)")
        let failures = entry["failure-details"] as? [[String: Any]] ?? []
        guard let result = fault.result else {
            #expect(summary["total-successful-session-count"] as? Int == count && failures.isEmpty, "\(entry)")
            return
        }
        #expect(summary["total-failure-session-count"] as? Int == count, "\(entry)")
        #expect(summary["total-successful-session-count"] as? Int == 0, "\(entry)")
        #expect(failures.map { $0["result-type"] as? String } == [result], "\(entry)")
        #expect(failures.map { $0["failed-session-count"] as? Int } == [count], "\(entry)")
        #expect(failures.first?["receiving-mx-hostname"] as? String == "mx.\(fault.domain)", "\(entry)")
        #expect((failures.first?["failure-reason-code"] as? String)?.isEmpty == false, "\(entry)")
    }

    // MARK: What is published

    /// `mail` is the receiver's, and for none of the hosts.
    private static func makeCertificates() async throws -> CertificateWorkshop {
        let shop = try await CertificateWorkshop.make()
        let names = faults.filter { $0.policyHost != nil }.map { "DNS:mta-sts.\($0.domain)" }.joined(separator: ",")
        try await shop.issue("mail", names: "DNS:\(ServerUnderTest.hostname)")
        try await shop.issue("web", names: names)
        try await shop.issue("old", names: names, days: -1)
        return shop
    }

    private static func zones(
        _ receiver: ServerUnderTest, _ sender: ServerUnderTest, _ shop: CertificateWorkshop
    ) async throws -> [SignedZonePeer.Zone] {
        let script = "openssl x509 -in mail.crt -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum"
        let hashed = try await ProcessRunner.run(["sh", "-c", script], folder: shop.folder.path)
        let fitting = "3 1 1 " + (hashed.output.split(separator: " ").first ?? "")
        let keys = try await sender.succeed("dkim", "record", reporting)
        let own = SignedZonePeer.Zone(
            reporting,
            records: keys.split(separator: "\n").map(String.init) + [
                "_dmarc IN TXT \"v=DMARC1; p=reject\"", "@ IN TXT \"v=spf1 ip4:127.0.0.1 -all\"",
                "mail IN TXT \"v=spf1 ip4:127.0.0.1 -all\"",
                "mail IN A 127.0.0.1", "@ IN MX 10 mail",
            ], signing: .none)
        return [own]
            + faults.map { fault in
                var records = [
                    "@ IN MX 10 mx", "mx IN A 127.0.0.1",
                    "_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@\(fault.domain)\"",
                ]
                if let record = fault.tlsa {
                    records.append("_\(receiver.port(25))._tcp.mx IN TLSA \(record == "OWN" ? fitting : record)")
                }
                if fault.policyHost != nil {
                    records += ["_mta-sts IN TXT \"v=STSv1; id=a1;\"", "mta-sts IN A 127.0.0.1"]
                }
                return SignedZonePeer.Zone(fault.domain, records: records, signing: fault.signing)
            }
    }
}
