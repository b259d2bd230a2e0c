import Foundation
import MartletTesting

/// A domain, what it publishes, and what becomes of mail for it.
struct PublishedCase: Sendable {
    var domain: String
    /// `delivered`, `deferred` or `bounced`.
    var outcome: String
    /// What `martlet trace` says; PORT is that of the mail host.
    var words: [String]
    /// `REQUIRETLS`, or `No` for TLS-Required.
    var demand: String?
    /// Of its host, `HEX` being what fits the certificate and WRONG what does not.
    var records: [String] = []

    init(_ domain: String, _ outcome: String, _ words: String..., records: [String] = [], demand: String? = nil) {
        self.domain = domain
        self.outcome = outcome
        self.words = words
        self.records = records
        self.demand = demand
    }

    static let all = zones + usages + hosts + policed + demands

    // MARK: DANE

    /// Zones of their own.
    static let zones = [
        PublishedCase(
            "good.test", "delivered", "tls/dane: mx.good.test → dane-only (TLSA records of _PORT._tcp.mx.good.test",
            "verified by DANE (3 1 1"),
        PublishedCase(
            "wrong.test", "deferred", "the certificate matches no TLSA record of _PORT._tcp.mx.wrong.test: 3 1 1 0101",
            "it has 3 1 1"),
        PublishedCase("plain.test", "delivered", "DANE: the MX records are not protected by DNSSEC", ", not verified"),
        PublishedCase("broken.test", "deferred", "DNSSEC validation failed"),
        PublishedCase("misled.test", "deferred", "MX lookup of misled.test: DNSSEC"),
    ]

    /// Every usage, selector and matching type: 3 and 2 prove the host, 0 and 1 ask for encryption.
    static let usages: [PublishedCase] = (0...3).flatMap { usage in
        (0...1).flatMap { selector in
            (0...2).map { matching in
                let name = "u\(usage)s\(selector)m\(matching).dane.test"
                let record = "\(usage) \(selector) \(matching) HEX"
                return usage >= 2
                    ? PublishedCase(
                        name, "delivered", "TLSA records of _PORT._tcp.\(name)",
                        "verified by DANE (\(usage) \(selector) \(matching)", records: [record])
                    : PublishedCase(
                        name, "delivered", "no TLSA record of _PORT._tcp.\(name) can be used", ", not verified",
                        records: [record])
            }
        }
    }

    /// What else a host can publish and show.
    static let hosts = [
        PublishedCase("wrong-ta.dane.test", "deferred", "matches no TLSA record", records: ["2 0 1 WRONG"]),
        PublishedCase("wrong-whole.dane.test", "deferred", "matches no TLSA record", records: ["3 0 0 WRONG"]),
        PublishedCase("wrong-long.dane.test", "deferred", "matches no TLSA record", records: ["3 1 2 WRONG"]),
        PublishedCase(
            "rolled.dane.test", "delivered", "verified by DANE (3 1 1", records: ["3 1 1 WRONG", "3 1 1 HEX"]),
        PublishedCase("type9.dane.test", "delivered", "can be used", records: ["3 1 9 HEX", "3 7 1 HEX", "9 1 1 HEX"]),
        PublishedCase("short.dane.test", "delivered", "can be used", records: ["3 1 1 0102"]),
        // RFC 7672 §3.1.1: names and dates of a certificate that is published itself don't matter.
        PublishedCase("expired.dane.test", "delivered", "verified by DANE (3 1 1", records: ["3 1 1 HEX"]),
        PublishedCase("other.dane.test", "delivered", "verified by DANE (3 0 1", records: ["3 0 1 HEX"]),
        PublishedCase("expired-ta.dane.test", "deferred", "the certificate has expired", records: ["2 0 1 HEX"]),
        PublishedCase("other-ta.dane.test", "deferred", "its names are: elsewhere.example", records: ["2 1 1 HEX"]),
    ]

    /// The certificates of hosts that show another than all others.
    static let certificates = [
        "expired.dane.test": "old", "expired-ta.dane.test": "old", "other.dane.test": "other",
        "other-ta.dane.test": "other", "expired.policies.test": "old", "named.policies.test": "other",
    ]

    // MARK: MTA-STS

    static func policy(_ mode: String, _ host: String) -> String {
        "version: STSv1\r\nmode: \(mode)\r\nmx: \(host)\r\nmax_age: 86400\r\n"
    }

    static let policies: [String: String] = [
        "strict.policies.test": policy("enforce", "*.policies.test"),
        "unlisted.policies.test": policy("enforce", "mail.other.test"),
        "named.policies.test": policy("enforce", "named.policies.test"),
        "expired.policies.test": policy("enforce", "expired.policies.test"),
        "tried.policies.test": policy("testing", "mail.other.test"),
        "none.policies.test": "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n",
        "page.policies.test.html": "<html><body>Welcome</body></html>",
        "moved.policies.test.redirect": "strict.policies.test",
        "large.policies.test": policy("enforce", "mail.other.test") + String(repeating: "x: y\r\n", count: 11_000),
        "old.policies.test": policy("enforce", "mail.other.test"),
        "named-web.policies.test": policy("enforce", "mail.other.test"),
        "nonsense.policies.test": "mode: enforce\r\nmx: mail.other.test\r\n",
    ]

    static let policed = [
        PublishedCase(
            "strict.policies.test", "delivered", "tls/mta-sts: strict.policies.test → verify",
            "policy a1 of strict.policies.test, mode enforce", "verified as strict.policies.test"),
        PublishedCase(
            "unlisted.policies.test", "deferred",
            "unlisted.policies.test is not a host of the policy a1 of unlisted.policies.test, mode enforce"),
        PublishedCase("named.policies.test", "deferred", "the certificate is not for named.policies.test"),
        PublishedCase("expired.policies.test", "deferred", "the certificate has expired"),
        PublishedCase(
            "tried.policies.test", "delivered",
            "policy a1 of tried.policies.test, mode testing; tried.policies.test is not"),
        PublishedCase("none.policies.test", "delivered", "policy a1 is of mode none"),
        PublishedCase("page.policies.test", "delivered", "sends text/html, not text/plain"),
        PublishedCase("moved.policies.test", "delivered", "mta-sts.moved.policies.test answers 302"),
        PublishedCase("large.policies.test", "delivered", "sends more than 65536 octets"),
        PublishedCase("old.policies.test", "delivered", "the certificate of mta-sts.old.policies.test is not valid"),
        PublishedCase(
            "named-web.policies.test", "delivered", "the certificate of mta-sts.named-web.policies.test is not valid"),
        PublishedCase("nonsense.policies.test", "delivered", "the policy has no `version: STSv1`"),
        PublishedCase("absent.policies.test", "delivered", "mta-sts.absent.policies.test answers 404"),
    ]

    // MARK: What senders ask

    static let demands = [
        PublishedCase(
            "asked.dane.test", "bounced", "5.7.30 REQUIRETLS support required", "tls/requiretls: REQUIRETLS",
            "REQUIRETLS: with a verified certificate only", records: ["3 1 1 HEX"], demand: "REQUIRETLS"),
        PublishedCase(
            "unproven.test", "bounced", "5.7.10 Encryption needed (REQUIRETLS): neither signed MX records",
            demand: "REQUIRETLS"),
        PublishedCase(
            "lifted.dane.test", "delivered", "tls/tls-required: TLS-Required: No",
            "the sender's `TLS-Required: No`: TLSA records and MTA-STS are not asked for", records: ["3 1 1 WRONG"],
            demand: "No"),
    ]
}

/// The zones of the cases.
enum TransportZones {
    static func make(_ shop: CertificateWorkshop, port: Int) async throws -> [SignedZonePeer.Zone] {
        var digests: [String: [String: String]] = [:]
        for name in ["mx", "old", "other", "ca"] { digests[name] = try await subjects(shop, name) }
        let own = ["good.test": "3 1 1 HEX", "wrong.test": "3 1 1 WRONG", "broken.test": "3 1 1 WRONG"]
        var zones = ["good.test", "wrong.test", "plain.test", "broken.test", "misled.test", "unproven.test"].map {
            name in
            var records = ["@ IN MX 10 mx", "mx IN A 127.0.0.1"]
            if let record = own[name] { records += tlsa("_\(port)._tcp.mx", record, digests, certificate: "mx") }
            let isSigned = !["plain.test", "unproven.test"].contains(name)
            return SignedZonePeer.Zone(
                name, records: records,
                signing: name == "broken.test"
                    ? .broken : name == "misled.test" ? .brokenExchange : isSigned ? .good : .none)
        }
        var dane: [String] = []
        var policies: [String] = []
        for item in PublishedCase.all {
            guard let label = item.domain.split(separator: ".").first, item.domain.split(separator: ".").count == 3
            else {
                continue
            }
            let records = ["\(label) IN MX 10 \(label)", "\(label) IN A 127.0.0.1"]
            if item.domain.hasSuffix(".dane.test") {
                let shown = PublishedCase.certificates[item.domain] ?? "mx"
                dane += records
                for record in item.records {
                    dane += tlsa("_\(port)._tcp.\(label)", record, digests, certificate: shown)
                }
            } else {
                policies += records
                policies += ["_mta-sts.\(label) IN TXT \"v=STSv1; id=a1;\"", "mta-sts.\(label) IN A 127.0.0.1"]
            }
        }
        zones.append(SignedZonePeer.Zone("dane.test", records: dane))
        zones.append(SignedZonePeer.Zone("policies.test", records: policies, signing: .none))
        return zones
    }

    /// A record for a certificate, or for the authority where the usage is of authorities.
    private static func tlsa(
        _ owner: String, _ record: String, _ digests: [String: [String: String]], certificate: String
    ) -> [String] {
        let parts = record.split(separator: " ").map(String.init)
        guard parts.count == 4 else { return [] }
        let subject = parts[0] == "0" || parts[0] == "2" ? "ca" : certificate
        let kind = (parts[1] == "0" ? "0 " : "1 ") + (["0", "2"].contains(parts[2]) ? parts[2] : "1")
        let right = digests[subject]?[kind] ?? ""
        let data =
            switch parts[3] {
            case "HEX": right
            case "WRONG": String(repeating: "01", count: right.count / 2)
            default: parts[3]
            }
        return ["\(owner) IN TLSA \(parts[0]) \(parts[1]) \(parts[2]) \(data)"]
    }

    /// What records hold, by selector and matching type, computed by openssl and coreutils.
    private static func subjects(_ shop: CertificateWorkshop, _ name: String) async throws -> [String: String] {
        let script = """
            set -e
            openssl x509 -in \(name).crt -outform DER -out \(name).0
            openssl x509 -in \(name).crt -pubkey -noout | openssl pkey -pubin -outform DER -out \(name).1
            for selector in 0 1; do
                echo "$selector 0" $(od -An -v -tx1 \(name).$selector | tr -d ' \\n')
                echo "$selector 1" $(sha256sum < \(name).$selector | cut -d' ' -f1)
                echo "$selector 2" $(sha512sum < \(name).$selector | cut -d' ' -f1)
            done
            """
        let result = try await ProcessRunner.run(["sh", "-c", script], folder: shop.folder.path)
        guard result.succeeded else { throw ProcessFailure("openssl: \(result)") }
        var found: [String: String] = [:]
        for line in result.output.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.count == 3 { found["\(words[0]) \(words[1])"] = words[2] }
        }
        return found
    }
}
