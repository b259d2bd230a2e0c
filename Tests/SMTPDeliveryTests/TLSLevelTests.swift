import MailConfig
import MailSyntax
import MartletTesting
import NIOSSL
import NetTransport
import OutboundQueue
import SMTPDelivery
import Testing

@Suite("Levels of TLS", .enabled(if: Peer.present("openssl")))
struct TLSLevelTests {
    static func open(
        _ context: NIOSSLContext, _ requirement: TLSRequirement, host: String = "mx.one.example",
        nextHop: String? = nil, isImplicit: Bool = false, examines: Bool = false
    ) async throws -> SessionProbe.Report {
        let script: RawServer.Script = { line, memory in
            if line == "STARTTLS" { return [.say("220 go\r\n"), .startTLS(context)] }
            return RawServer.decent(isImplicit || memory.overTLS > 0 ? [] : ["STARTTLS"], line, &memory)
        }
        let server = try await RawServer(implicit: isImplicit ? context : nil, script: script)
        let report = try await Probe.run(
            try Probe.plan(server) { plan in
                plan.security = SessionSecurity(requirement, isImplicit: isImplicit, host: host, nextHop: nextHop)
                plan.security.examines = examines
            })
        await server.stop()
        return report
    }

    @Test(
        "Nothing is asked of the certificate below verify, and what it is is known",
        arguments: [TLSLevel.may, .encrypt])
    func unchecked(_ level: TLSLevel) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example, IP:127.0.0.1")
        let report = try await Self.open(try shop.context("mx"), TLSRequirement(level: level))
        #expect(report.isOpen)
        let peer = try #require(report.tls?.peer)
        #expect(peer.trust == .notChecked && !peer.trust.isAuthenticated)
        let certificate = try #require(peer.certificate)
        #expect(certificate.subject == "CN=mx" && certificate.issuer.contains("CN=Test Authority"))
        #expect(certificate.names == ["mx.one.example", "127.0.0.1"])
        #expect(certificate.fingerprint.utf8.count == 64)
        let openssl = try await ProcessRunner.run([
            "openssl", "x509", "-in", shop.folder.file("mx.crt"), "-noout", "-fingerprint", "-sha256",
        ])
        let digits = openssl.output.lowercased().filter { $0.isHexDigit || $0 == "=" }
        #expect(digits.hasSuffix("=" + certificate.fingerprint))
        let examined = try await Self.open(try shop.context("mx"), TLSRequirement(level: level), examines: true)
        #expect(examined.isOpen)
        guard case .untrusted(let reason, .issuer) = examined.tls?.peer?.trust else {
            Issue.record("\(String(describing: examined.tls?.peer?.trust))")
            return
        }
        #expect(reason.hasPrefix("the certificate's issuer is unknown: "))
    }

    struct Case: Sendable {
        var names: String
        var level: TLSLevel
        var match: [String] = []
        /// nil: it is refused.
        var verified: String?
    }

    static let cases: [Case] = [
        Case(names: "DNS:mx.one.example", level: .verify, verified: "mx.one.example"),
        Case(names: "DNS:*.one.example", level: .verify, verified: "mx.one.example"),
        Case(names: "DNS:one.example", level: .verify),
        Case(names: "DNS:other.example", level: .verify, match: ["other.example"], verified: "other.example"),
        Case(names: "DNS:mx.one.example", level: .verify, match: ["other.example"]),
        Case(names: "DNS:mx.one.example", level: .secure),
        Case(names: "DNS:one.test", level: .secure, verified: "one.test"),
        Case(names: "DNS:mail.one.test", level: .secure, verified: ".one.test"),
        Case(names: "DNS:mx.one.example", level: .secure, match: ["hostname"], verified: "mx.one.example"),
        Case(names: "DNS:evil-one.test", level: .secure),
    ]

    @Test("verify wants the host's name, secure the next hop's, match another", arguments: Self.cases)
    func names(_ item: Case) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: item.names)
        let requirement = TLSRequirement(level: item.level, match: item.match, caFile: shop.caFile)
        let report = try await Self.open(try shop.context("mx"), requirement, nextHop: "one.test")
        if let name = item.verified {
            #expect(report.isOpen && report.tls?.peer?.trust == .verified(name: name))
        } else {
            #expect(!report.isOpen && report.failure?.reply.status == EnhancedStatusCode(4, 7, 5))
            let seen = item.names.dropFirst(4)
            #expect(report.failure?.reply.text.hasSuffix("; its names are: \(seen)") == true)
        }
    }

    @Test("An address is verified as one", arguments: ["IP:127.0.0.1", "DNS:127.0.0.1"])
    func address(_ name: String) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: name)
        let report = try await Self.open(
            try shop.context("mx"), TLSRequirement(level: .verify, caFile: shop.caFile), host: "127.0.0.1")
        #expect(report.isOpen)
    }

    @Test("The words say what is wrong", arguments: [true, false])
    func words(_ isImplicit: Bool) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("old", names: "DNS:mx.one.example", days: -1)
        let expired = try await Self.open(
            try shop.context("old"), TLSRequirement(level: .verify, caFile: shop.caFile), isImplicit: isImplicit)
        #expect(expired.failure?.reply.text.contains("the certificate has expired on 20") == true)
        try await shop.issue("mx", names: "DNS:mx.one.example")
        let stranger = try await CertificateWorkshop.make()
        let unknown = try await Self.open(
            try shop.context("mx"), TLSRequirement(level: .verify, caFile: stranger.caFile), isImplicit: isImplicit)
        #expect(unknown.failure?.reply.text.hasPrefix("TLS failed: the certificate's issuer is unknown: ") == true)
        let own = try await Self.open(
            try ScriptedSMTPServer.context(), TLSRequirement(level: .verify, caFile: shop.caFile),
            isImplicit: isImplicit)
        #expect(own.failure?.reply.text.contains("the certificate is self-signed") == true)
        let missing = try await Self.open(
            try shop.context("mx"), TLSRequirement(level: .verify, caFile: "/nonexistent.pem"), isImplicit: isImplicit)
        #expect(missing.failure?.reply.status == EnhancedStatusCode(4, 3, 5))
        #expect(missing.failure?.reply.text.contains("/nonexistent.pem") == true)
        for report in [expired, unknown, own, missing] { #expect(report.failure?.permanence == .temporary) }
    }

    @Test("A fingerprint of the certificate or its key is enough, another one is told")
    func fingerprint() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:whatever.example", days: -1)
        let context = try shop.context("mx")
        let seen = try await Self.open(context, TLSRequirement(level: .encrypt))
        let certificate = try #require(seen.tls?.peer?.certificate)
        for fingerprint in [certificate.fingerprint, certificate.keyFingerprint] {
            let report = try await Self.open(
                context, TLSRequirement(level: .fingerprint, fingerprints: ["00", fingerprint]))
            #expect(report.isOpen && report.tls?.peer?.trust == .pinned(fingerprint: fingerprint))
        }
        let other = try await Self.open(context, TLSRequirement(level: .fingerprint, fingerprints: ["00"]))
        #expect(!other.isOpen)
        #expect(other.failure?.reply.text.contains(certificate.fingerprint) == true)
        #expect(other.failure?.reply.text.contains(certificate.keyFingerprint) == true)
    }

    @Test("A client certificate is shown to a host that asks for one")
    func clientCertificate() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        try await shop.issue("client", names: "DNS:mail.example.org")
        let context = try shop.context("mx", asksForCertificate: true)
        let certificate = Manifest.Certificate(
            chain: shop.folder.file("client.crt"), key: shop.folder.file("client.key"))
        let shown = try await Self.open(
            context, TLSRequirement(level: .verify, caFile: shop.caFile, certificate: certificate))
        #expect(shown.isOpen)
        let bare = try await Self.open(context, TLSRequirement(level: .verify, caFile: shop.caFile))
        #expect(!bare.isOpen && bare.failure?.scope == .host)
        let missing = Manifest.Certificate(chain: "/nonexistent.crt", key: "/nonexistent.key")
        let unusable = try await Self.open(context, TLSRequirement(level: .encrypt, certificate: missing))
        #expect(unusable.failure?.reply.status == EnhancedStatusCode(4, 3, 5))
    }

    @Test("An authority's file that changes is read again")
    func changedAuthority() async throws {
        let shop = try await CertificateWorkshop.make()
        let other = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        let contexts = try ClientTLSContexts()
        let request = ClientTLSRequest(
            serverName: "mx.one.example", verification: .names(["mx.one.example"]),
            authorities: shop.folder.file("trusted.pem"))
        try shop.folder.write(other.folder.text(of: "ca.crt"), to: "trusted.pem")
        _ = try contexts.tls(request)
        try shop.folder.write(shop.folder.text(of: "ca.crt"), to: "trusted.pem")
        let report = try await Self.open(
            try shop.context("mx"), TLSRequirement(level: .verify, caFile: shop.folder.file("trusted.pem")))
        #expect(report.isOpen)
    }

    @Test("The server name is the host's or the one that was written")
    func serverName() throws {
        let plain = SessionSecurity(TLSRequirement(level: .secure), host: "MX.one.example", nextHop: "one.example")
        #expect(plain.serverName == "mx.one.example" && plain.names == ["one.example", ".one.example"])
        let written = SessionSecurity(
            TLSRequirement(level: .verify, match: ["nexthop", "dot-nexthop", "X.example"], serverName: "sni.example"),
            host: "192.0.2.1", nextHop: "192.0.2.1")
        #expect(written.serverName == "sni.example" && written.names == ["192.0.2.1", "x.example"])
    }
}
