import Foundation
import MartletTesting
import Testing

/// DANE in zones that are signed and MTA-STS policies over HTTPS, towards a real Postfix.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "nsd", "ldns-signzone", "openssl")))
struct TransportSecurityTests {
    /// Each domain, what becomes of mail for it, and what the history says.
    static let cases: [(domain: String, isDelivered: Bool, words: String)] = [
        ("good.test", true, "TLSA records of _PORT._tcp.mx.good.test"),
        ("wrong.test", false, "the certificate matches no TLSA record of _PORT._tcp.mx.wrong.test: 3 1 1 0101"),
        ("plain.test", true, "DANE: the MX records are not protected by DNSSEC"),
        ("broken.test", false, "DNSSEC validation failed"),
        ("strict.test", true, "policy a1 of strict.test, mode enforce"),
        ("other.test", false, "mx.other.test is not a host of the policy a1 of other.test, mode enforce"),
        ("named.test", false, "the certificate is not for mx.named.test"),
        ("tried.test", true, "policy a1 of tried.test, mode testing; mx.tried.test is not in it"),
        ("none.test", true, "policy a1 is of mode none"),
        ("html.test", true, "sends text/html, not text/plain"),
    ]

    static let policies: [String: String] = [
        "strict.test": "version: STSv1\r\nmode: enforce\r\nmx: *.strict.test\r\nmax_age: 86400\r\n",
        "other.test": "version: STSv1\r\nmode: enforce\r\nmx: mail.other.test\r\nmax_age: 86400\r\n",
        "named.test": "version: STSv1\r\nmode: enforce\r\nmx: mx.named.test\r\nmax_age: 86400\r\n",
        "tried.test": "version: STSv1\r\nmode: testing\r\nmx: mail.tried.test\r\nmax_age: 86400\r\n",
        "none.test": "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n",
        "html.test.html": "<html><body>Welcome</body></html>",
    ]

    @Test(.timeLimit(.minutes(4))) func `What destinations publish is kept to, and the history says so`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let folder = server.folder
        try await Self.makeCertificates(folder)
        let postfix = try PostfixPeer(routes: [], settings: Self.settings(folder))
        let boxes = Self.cases.map { "@\($0.domain) all/\n" }.joined()
        try postfix.folder.write(boxes, to: "etc/mailboxes")
        try await postfix.start()
        let zone = try await SignedZonePeer.start(try await Self.zones(folder, port: postfix.port))
        let web = try await Self.serve(folder)
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_SERVER_DNS_TRUST_ANCHOR": zone.trustAnchor,
            "MARTLET_OUTBOUND_PORT": "\(postfix.port)", "MARTLET_OUTBOUND_CA_FILE": folder.file("ca.crt"),
            "MARTLET_OUTBOUND_MTA_STS_PORT": "\(web.port)",
        ])
        for item in Self.cases { try await Self.check(item, server, postfix) }
        #expect(postfix.messages.count == Self.cases.count { $0.isDelivered })
        _ = try await server.stop()
        web.process.signal(SIGTERM)
        _ = await web.process.waitForExit(.seconds(5))
        await zone.stop()
        await postfix.stop()
    }

    private static func check(
        _ item: (domain: String, isDelivered: Bool, words: String), _ server: ServerUnderTest, _ postfix: PostfixPeer
    ) async throws {
        let recipient = "box@\(item.domain)"
        expectSuccess(try await server.python("bulk", "submit", recipient, "1", timeout: .seconds(60)), server)
        let words = item.words.replacingOccurrences(of: "PORT", with: "\(postfix.port)")
        var trace = ""
        try await eventually(within: .seconds(30), "\(item.domain): \(words)") {
            trace = try await server.succeed("trace", "--to", recipient)
            return trace.contains(item.isDelivered ? "delivered" : "deferred")
        }
        #expect(trace.contains(words), "\(item.domain)\n\(trace)")
        #expect(trace.contains("deferred") != item.isDelivered, "\(item.domain)\n\(trace)")
    }

    // MARK: Peers

    private static func settings(_ folder: TemporaryFolder) -> [String] {
        [
            "virtual_mailbox_domains = \(cases.map(\.domain).joined(separator: ", "))",
            "smtpd_tls_security_level = may", "smtpd_tls_cert_file = \(folder.file("mx.crt"))",
            "smtpd_tls_key_file = \(folder.file("mx.key"))",
        ]
    }

    private static func makeCertificates(_ folder: TemporaryFolder) async throws {
        try await openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=Test Authority", "-keyout", folder.file("ca.key"), "-out", folder.file("ca.crt"))
        let web = cases.map { "DNS:mta-sts.\($0.domain)" }.joined(separator: ",")
        for (name, names) in [("mx", "DNS:mx.strict.test,DNS:mx.tried.test"), ("web", web)] {
            let extensions = try folder.write("subjectAltName=\(names)\n", to: "\(name).ext")
            try await openssl(
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=\(name)", "-keyout", folder.file("\(name).key"), "-out", folder.file("\(name).csr"))
            try await openssl(
                "x509", "-req", "-in", folder.file("\(name).csr"), "-CA", folder.file("ca.crt"), "-CAkey",
                folder.file("ca.key"), "-days", "10", "-extfile", extensions, "-out", folder.file("\(name).crt"),
                "-CAcreateserial")
        }
    }

    private static func openssl(_ arguments: String...) async throws {
        let result = try await ProcessRunner.run([try Peer.require("openssl")] + arguments)
        guard result.succeeded else { throw ProcessFailure("openssl: \(result)") }
    }

    /// SHA-256 of the public key of Postfix's certificate, by openssl.
    private static func digest(_ folder: TemporaryFolder) async throws -> String {
        try await openssl(
            "x509", "-in", folder.file("mx.crt"), "-pubkey", "-noout", "-out", folder.file("mx.pub"))
        try await openssl(
            "pkey", "-pubin", "-in", folder.file("mx.pub"), "-outform", "DER", "-out", folder.file("mx.spki"))
        let result = try await ProcessRunner.run(["sha256sum", folder.file("mx.spki")])
        return String(result.output.prefix(64))
    }

    private static func zones(_ folder: TemporaryFolder, port: Int) async throws -> [SignedZonePeer.Zone] {
        let right = try await digest(folder)
        let wrong = String(repeating: "01", count: 32)
        return cases.map { item in
            var records = ["@ IN MX 10 mx", "mx IN A 127.0.0.1"]
            let isSigned = ["good.test", "wrong.test", "broken.test"].contains(item.domain)
            if isSigned || item.domain == "plain.test" {
                records.append("_\(port)._tcp.mx IN TLSA 3 1 1 \(item.domain == "good.test" ? right : wrong)")
            } else {
                records += ["_mta-sts IN TXT \"v=STSv1; id=a1;\"", "mta-sts IN A 127.0.0.1"]
            }
            return SignedZonePeer.Zone(
                item.domain, records: records,
                signing: item.domain == "broken.test" ? .broken : isSigned ? .good : .none)
        }
    }

    private static func serve(_ folder: TemporaryFolder) async throws -> (process: ChildProcess, port: Int) {
        try folder.makeFolder("policies")
        for (name, text) in policies { try folder.write(text, to: "policies/\(name)") }
        let port = Peer.freePorts(1)[0]
        try folder.write("", to: "web.log")
        let log = try FileHandle(forWritingTo: URL(filePath: folder.file("web.log")))
        defer { try? log.close() }
        let script = Peer.root.appending(path: "Tests/Fixtures/Clients/sts_server.py").path
        let process = try ChildProcess.start(
            ["python3", script, "\(port)", folder.file("web.crt"), folder.file("web.key"), folder.file("policies")],
            output: log, errors: log)
        try await eventually(within: .seconds(20), "the policy server listens\n\(folder.text(of: "web.log"))") {
            !Peer.isFree(port)
        }
        return (process, port)
    }
}
