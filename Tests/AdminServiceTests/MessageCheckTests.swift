import DNSClient
import DNSCore
import Foundation
import MailAuth
import MailSyntax
import MartletTesting
import Testing

@testable import AdminService

@Suite("Messages checked without a server")
struct MessageCheckTests {
    static let now = Timestamp(seconds: 1_700_000_000)
    static let header = "From: Joe <joe@example.org>\r\nTo: b@example.net\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n"

    /// A signed and sealed message, and a resolver that has its key.
    static func signed(body: String = "Hello\r\nworld\r\n") throws -> (message: [UInt8], resolver: ScriptedResolver) {
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        let domain = try #require(DomainName("example.org"))
        let signer = DKIMSigner(domain: domain, keys: [.init(selector: "s", key: key)])
        var hasher = signer.bodyHasher
        hasher.update(Array(body.utf8))
        let hash = hasher.finish()
        let header = try signer.sign(header: Array(Self.header.utf8), bodyHash: hash, at: now) + Self.header.utf8
        let sealer = ARCSealer(domain: domain, key: .init(selector: "s", key: key))
        let results = AuthenticationResults(authservID: "mx.example.org", entries: [.init("spf", "pass")])
        let set = try sealer.seal(header: header, bodyHash: hash, results: results.payload, status: nil, at: now).fields
        let resolver = ScriptedResolver()
        resolver.text("s._domainkey.example.org", key.publicRecord)
        resolver.text("example.org", "v=spf1 ip4:192.0.2.1 -all")
        resolver.text("_dmarc.example.org", "v=DMARC1; p=reject")
        return (set + header + Array("\r\n\(body)".utf8), resolver)
    }

    static func check(
        _ message: [UInt8], _ resolver: ScriptedResolver, _ session: MessageCheck.Session = .init()
    ) async throws -> MessageCheck {
        let folder = try TemporaryFolder()
        let path = folder.file("message")
        try Data(message).write(to: URL(filePath: path))
        return try await MessageCheck.run(
            path, session: session, receiver: "mx.example.net", resolver: resolver, now: now)
    }

    @Test("Every verdict is told, and the field that a server would add")
    func verdicts() async throws {
        let (message, resolver) = try Self.signed()
        let session = MessageCheck.Session(
            client: IPAddress("192.0.2.1"), helo: "mail.example.org", sender: ReversePath("joe@example.org"))
        let found = try await Self.check(message, resolver, session)
        #expect(found.passes && found.arcPasses && !found.isTemporary)
        #expect(found.text.contains("From: joe@example.org\n"))
        #expect(found.text.contains("DKIM example.org: pass (ed25519-sha256)\n"))
        #expect(found.text.contains("SPF mailfrom: pass (example.org"))
        #expect(found.text.contains("DMARC: pass (example.org; by spf=example.org and dkim=example.org"))
        #expect(found.text.contains("Authentication-Results: mx.example.net;\n"))
        #expect(found.arcText.contains("1: sealed by example.org (selector s, chain before: none), who found spf=pass"))
        #expect(try found.json().contains("\"result\" : \"pass\""))
    }

    @Test("Lines that end in LF alone are read as SMTP would have brought them")
    func lineFeeds() async throws {
        let (message, resolver) = try Self.signed(body: String(repeating: "0123456789 abcdef\r\n", count: 20_000))
        let found = try await Self.check(message.filter { $0 != 13 }, resolver)
        #expect(found.passes && found.arcPasses)
    }

    @Test("A changed body passes nothing, and a DNS that fails is temporary")
    func failures() async throws {
        let (message, resolver) = try Self.signed()
        let changed = Array(String(decoding: message, as: UTF8.self).replacing("world", with: "moon").utf8)
        let found = try await Self.check(changed, resolver)
        #expect(!found.passes && !found.arcPasses && !found.isTemporary)
        #expect(found.text.contains("body hash did not verify"))
        #expect(found.text.contains("DMARC: no signature is the author's"))
        let session = MessageCheck.Session(
            client: IPAddress("192.0.2.9"), helo: "x.example", sender: ReversePath("joe@example.org"))
        #expect(try await Self.check(changed, resolver, session).text.contains("the owner wants: reject"))
        resolver.fail("s._domainkey.example.org", .txt, .timeout)
        #expect(try await Self.check(message, resolver).isTemporary)
    }

    @Test(
        "What is no message is read all the same",
        arguments: ["", "\n", "\r\n\r\n", "no header at all", "From: x", "A: b\nbody"])
    func oddFiles(_ text: String) async throws {
        let found = try await Self.check(Array(text.utf8), ScriptedResolver())
        #expect(!found.passes && !found.isTemporary)
    }

    @Test("The outline of a message has its header decoded, its parts, their sizes and names")
    func outline() throws {
        let folder = try TemporaryFolder()
        let text = """
            Subject: =?utf-8?q?caf=C3=A9?=
            Content-Type: multipart/mixed; boundary=x

            --x
            Content-Type: text/plain; charset=utf-8

            hello
            --x
            Content-Type: application/pdf
            Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.pdf
            Content-Transfer-Encoding: base64

            QUJD
            --x
            Content-Type: message/rfc822

            Subject: inner

            text
            --x--

            """
        let outline = try MessageOutline(try folder.write(text, to: "message"))
        #expect(outline.text.contains("Subject: café\n"))
        #expect(outline.text.contains("  1  text/plain  charset=utf-8  5 octets\n"))
        #expect(outline.text.contains("  2  application/pdf  base64  3 octets  attachment  \"café.pdf\"\n"))
        #expect(outline.text.contains("  3  message/rfc822"))
        #expect(try outline.json().contains("\"filename\" : \"café.pdf\""))
        #expect(throws: AdminError.self) { try MessageOutline(folder.file("missing")) }
    }

    static let servers = [
        ("127.0.0.1:53", true), ("[::1]:5353", true), ("192.0.2.1@53", true), ("::1", true),
        ("127.0.0.1:0", false), ("127.0.0.1:99999", false), ("dns.example.org:53", false), ("", false), (":53", false),
    ]

    @Test("A resolver is named by address and port", arguments: servers)
    func resolvers(_ test: (String, Bool)) {
        if test.1 {
            #expect(throws: Never.self) { try CheckResolver.open(server: test.0, config: nil).stop() }
        } else {
            #expect(throws: AdminError.self) { try CheckResolver.open(server: test.0, config: nil) }
        }
    }
}
