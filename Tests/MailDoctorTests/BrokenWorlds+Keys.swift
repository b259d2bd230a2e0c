import MailAuth
import MailSyntax
import MartletTesting

@testable import MailDoctor

extension BrokenWorld {
    static let keys: [BrokenWorld] = [
        .init("a key is not published", "error dkim rsa1._domainkey.example.org: the key that signs is not published") {
            $0.remove("rsa1._domainkey")
        },
        .init("another key is published", "error dkim ed1._domainkey.example.org: is another key") {
            $0.replace(DoctorWorld.smallKey, Base64.encode([UInt8](repeating: 8, count: 32)))
        },
        .init("a long key was cut", "error dkim rsa1._domainkey.example.org: the key is cut off") {
            $0.remove("rsa1._domainkey")
            $0.add("rsa1._domainkey.example.org. IN TXT \"v=DKIM1; k=rsa; p=\(DoctorWorld.rsaKey.prefix(200))\"")
        },
        .init(
            "a zone file's quotes are in the key",
            "error dkim ed1._domainkey.example.org: is no key record: it holds quotes"
        ) {
            $0.remove("ed1._domainkey")
            $0.add("ed1._domainkey.example.org. IN TXT \"( \\\"v=DKIM1; k=ed25519; p=\(DoctorWorld.smallKey)\\\" )\"")
        },
        .init("a key is revoked", "error dkim ed1._domainkey.example.org: the key is revoked") {
            $0.replace("p=\(DoctorWorld.smallKey)", "p=")
        },
        .init("a key is only for testing", "warning dkim ed1._domainkey.example.org: t=y") {
            $0.replace("v=DKIM1; k=ed25519;", "v=DKIM1; k=ed25519; t=y;")
        },
        .init("two records under a key's name", "error dkim ed1._domainkey.example.org: has 2 TXT records") {
            $0.add("ed1._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519; p=AAAA\"")
        },
        .init("the next key is another one", "warning dkim next1._domainkey.example.org: is another key") {
            $0.plan.keys.append(
                .init(selector: "next1", algorithm: "rsa-sha256", record: "v=DKIM1; p=AAAA", role: .next))
            $0.add("next1._domainkey.example.org. IN TXT \"v=DKIM1; p=BBBBBBBB\"")
        },
        .init(
            "the key of a signing table is not published",
            "error dkim mail._domainkey.example.org: the key that signs is not published"
        ) { $0.plan.keys.append($0.tableKey) },
        .init(
            "another key than that of a signing table is published",
            "error dkim mail._domainkey.example.org: is another key"
        ) {
            $0.plan.keys.append($0.tableKey)
            $0.add("mail._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519; p=\(DoctorWorld.smallKey)\"")
        },
        .init("the key of a signing table is published") {
            $0.plan.keys.append($0.tableKey)
            $0.add("mail._domainkey.example.org. IN TXT \"\($0.tableKey.record)\"")
        },
        .init(
            "a signing table signs in the name of another domain",
            "error dkim mail._domainkey.example.net: the key that signs is not published"
        ) {
            var key = $0.tableKey
            key.domain = DomainName("example.net")
            $0.plan.keys.append(key)
            $0.add("example.net. IN A 192.0.2.1")
        },
        .init(
            "a key behind the signing table is not published",
            "remark dkim ed1._domainkey.example.org: the key of the database is not published"
        ) {
            $0.plan.keys = $0.plan.keys.map { key in
                var key = key
                if key.selector == "ed1" { key.role = .idle }
                return key
            }
            $0.remove("ed1._domainkey")
        },
        .init("a replaced key is gone too soon", "warning dkim old1._domainkey.example.org: the replaced key is gone") {
            $0.plan.keys.append(
                .init(
                    selector: "old1", algorithm: "rsa-sha256", record: "v=DKIM1; p=AAAA",
                    role: .retiring(until: Timestamp(seconds: 1_800_000_000))))
        },
    ]
}
