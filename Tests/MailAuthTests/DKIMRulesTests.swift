import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

@Suite("What DKIM accepts")
struct DKIMRulesTests {
    static let tags = "d=example.org; s=s; h=from:to:subject"

    @Test("The signature of RFC 6376 Appendix A verifies")
    func standardVector() {
        let answers: [String: DKIMKeyLookup] = [
            "brisbane._domainkey.example.com": .records([Array(DKIMVectors.rfc6376Record.utf8)])
        ]
        let result = SignedMessages.result(DKIMVectors.rfc6376, answers)
        #expect(result?.result == .pass)
        #expect(result?.keyBits == 1024)
    }

    @Test("What l= leaves unsigned is reported, and does not pass unless the rules say so")
    func partialBody() throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed("\(Self.tags); l=7", with: key, body: "Hello\r\n")
        #expect(SignedMessages.result(message, key.answers)?.result == .pass)
        let longer = message + Array("and more\r\n".utf8)
        let refused = SignedMessages.result(longer, key.answers)
        #expect(refused?.result == .policy("l= leaves 10 octets of the body unsigned"))
        #expect(refused?.unsignedBodyOctets == 10)
        #expect(refused?.passingDomain == nil)
        var rules = DKIMRules()
        rules.acceptsPartialBody = true
        let accepted = SignedMessages.result(longer, key.answers, rules: rules)
        #expect(accepted?.result == .pass)
        #expect(accepted?.unsignedBodyOctets == 10)
        let nothing = try SignedMessages.signed("\(Self.tags); l=0", with: key)
        #expect(SignedMessages.result(nothing, key.answers)?.result.keyword == "policy")
        let shorter = try SignedMessages.signed("\(Self.tags); l=8000", with: key)
        #expect(SignedMessages.result(shorter, key.answers)?.result.keyword == "permerror")
    }

    @Test("A From field above the signed one does not pass")
    func unsignedFrom() throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed(Self.tags, with: key)
        #expect(SignedMessages.result(message, key.answers)?.result == .pass)
        let forged = Array("From: evil@example.com\r\n".utf8) + message
        #expect(SignedMessages.result(forged, key.answers)?.result == .policy("a From field is not signed"))
    }

    static let times: [(String, String)] = [
        ("t=1700000200", "pass"), ("t=1700000400", "permerror"), ("x=1700000001", "pass"),
        ("x=1699999999", "permerror"), ("t=1699999998; x=1699999998", "permerror"),
        ("t=1700000000; x=1600000000", "permerror"), ("t=99999999999999999999999", "permerror"), ("t=-1", "permerror"),
    ]

    @Test("Signatures of the future and of the past are permanent errors", arguments: times)
    func timeLimits(_ test: (String, String)) throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed("\(Self.tags); \(test.0)", with: key)
        #expect(SignedMessages.result(message, key.answers)?.result.keyword == test.1)
    }

    static let identities: [(String, String, String)] = [
        ("i=@example.org", "", "pass"), ("i=joe@news.example.org", "", "pass"), ("i=@EXAMPLE.org", "; t=s", "pass"),
        ("i=@news.example.org", "; t=s", "permerror"), ("i=@example.org.evil.example", "", "permerror"),
        ("i=@notexample.org", "", "permerror"), ("i=example.org", "", "permerror"),
        ("i=caf=C3=A9@example.org", "", "pass"), ("i=café@example.org", "", "pass"),
    ]

    @Test("i= is d= or below it, and d= itself where the key says so", arguments: identities)
    func identityRules(_ test: (String, String, String)) throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed("\(Self.tags); \(test.0)", with: key)
        let record = key.signing.publicRecord + test.1
        let result = SignedMessages.result(message, [key.name: .records([Array(record.utf8)])])
        #expect(result?.result.keyword == test.2)
    }

    @Test("Domain and selector may stand in U-labels")
    func internationalized() throws {
        let key = try SignedMessages.Key(selector: "xn--bcher-kva", domain: "xn--bcher-kva.example")
        for tags in ["d=bücher.example; s=bücher", "d=xn--bcher-kva.example; s=bücher; i=@bücher.example"] {
            let message = try SignedMessages.signed("\(tags); h=from", with: key)
            #expect(SignedMessages.verifier(message).keyNames == ["xn--bcher-kva._domainkey.xn--bcher-kva.example"])
            #expect(SignedMessages.result(message, key.answers)?.result == .pass)
        }
    }

    static let shapes: [(String, String)] = [
        ("p=KEY", "pass"), ("v=DKIM1; p=KEY; k=ed25519", "pass"), ("k=ed25519; p=KEY; v=DKIM1", "pass"),
        ("v=dkim1; k=ed25519; p=KEY", "permerror"), ("v=DKIM1; k=ed25519; g=; n=note; x-y=z; p=KEY;", "permerror"),
        ("v=DKIM1; k=ed25519; g=*; n=a=b; xy=z; p=KEY;", "pass"), ("v=DKIM1;k=ed25519;p= K EY ;", "pass"),
        ("v=DKIM1; k=ed25519; h=sha1:sha256; s=other:email; t=y : s; p=KEY", "pass"),
        ("v=DKIM1; k=ed25519; h=sha512; p=KEY", "permerror"), ("v=DKIM1; k=ed25519;; p=KEY", "permerror"),
        ("v=DKIM1; k=ed25519; p=", "permerror"), ("v=DKIM1; k=ed25519", "permerror"), ("", "permerror"),
        ("v=DKIM1; k=ed25519; p=KEY; p=KEY", "permerror"), ("v=DKIM1; k=ed25519; P=KEY", "permerror"),
    ]

    @Test("Key records of every shape", arguments: shapes)
    func keyShapes(_ test: (String, String)) throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed(Self.tags, with: key)
        let digits = Base64.encode(key.signing.publicKey)
        let split = "\(digits.prefix(1)) \(digits.dropFirst())"
        var record = test.0.replacing("K EY", with: split).replacing("KEY", with: digits)
        if test.0 == "p=KEY" { record = "k=ed25519; " + record }
        let result = SignedMessages.result(message, [key.name: .records([Array(record.utf8)])])
        #expect(result?.result.keyword == test.1)
    }

    @Test("With several records any that fits will do, and the proof by DNSSEC is kept")
    func severalRecords() throws {
        let key = try SignedMessages.Key()
        let other = try SignedMessages.Key()
        let message = try SignedMessages.signed(Self.tags, with: key)
        let records = [other, key].map { Array($0.signing.publicRecord.utf8) }
        let result = SignedMessages.result(message, [key.name: .records(records, secure: true)])
        #expect(result?.result == .pass)
        #expect(result?.isKeySecure == true)
    }

    @Test(
        "Short and monstrous RSA keys are refused before anything is calculated",
        arguments: [(512, "short"), (16384, "long")])
    func keySizes(_ test: (Int, String)) throws {
        let key = try SignedMessages.Key()
        let text = String(decoding: try SignedMessages.signed(Self.tags, with: key), as: UTF8.self)
        let message = Array(text.replacing("a=ed25519-sha256", with: "a=rsa-sha256").utf8)
        let modulus: [UInt8] = [0x00, 0x80] + Array(repeating: 1, count: test.0 / 8 - 1)
        let integer: [UInt8] = [0x02, 0x82, UInt8(modulus.count >> 8), UInt8(modulus.count & 255)] + modulus
        let content = integer + [0x02, 0x03, 0x01, 0x00, 0x01]
        let der: [UInt8] = [0x30, 0x82, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
        let record = "v=DKIM1; p=\(Base64.encode(der))"
        let result = SignedMessages.result(message, [key.name: .records([Array(record.utf8)])])
        #expect(result?.result == .permanentError("RSA key of \(test.0) bits is too \(test.1)"))
    }

    @Test("A signature that lists DKIM-Signature does not stand for itself")
    func ownField() throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed("d=example.org; s=s; h=from:dkim-signature", with: key)
        #expect(SignedMessages.result(message, key.answers)?.result == .pass)
    }

    @Test("A carriage return slipped into a signed field breaks the signature", arguments: ["One", "today"])
    func loneBreaks(_ word: String) throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed("\(Self.tags):date", with: key)
        let text = String(decoding: message, as: UTF8.self)
        for change in ["\r\(word)", "\(word)\r", "\(word)\r\r\n "] {
            let changed = Array(text.replacing(word, with: change).utf8)
            #expect(SignedMessages.result(changed, key.answers)?.result.keyword == "fail")
        }
        let folded = Array(text.replacing(": \(word)", with: ":\r\n\t \(word) \r\n ").utf8)
        #expect(SignedMessages.result(folded, key.answers)?.result == .pass)
    }

    static let malformed = [
        "d=com; s=s; h=from", "d=example.org.; s=s; h=from", "d=example.org; s=s.; h=from", "d=example.org; s=; h=from",
        "d=example.org; s=s; h=from::to", "d=example.org; s=s; h=from:", "d=example.org; s=s; h=to",
        "d=example.org; s=s; h=from; l=", "d=example.org; s=s; h=from; l=-1", "d=example.org; s=s; h=from; q=",
        "d=example.org; s=s; h=from;; z=a", "d=example.org; s=s; h=from; 1a=b", "d=example.org; s=s; h=from; a",
        "d=example.org; s=s; h=from; z=\u{1}", "D=example.org; s=s; h=from",
    ]

    @Test("Signatures that break the syntax are permanent errors", arguments: malformed)
    func syntax(_ tags: String) throws {
        let key = try SignedMessages.Key()
        let message = try SignedMessages.signed(tags, with: key)
        #expect(SignedMessages.result(message, key.answers)?.result.keyword == "permerror")
    }

    @Test("What cannot be read is still reported by its tags")
    func claims() throws {
        let text =
            "DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=s; i=@example.org; b= abcd ef ghij; h=from; bh=AA==\r\nFrom: a@b.example\r\n\r\n"
        let result = SignedMessages.result(Array(text.utf8), [:])
        #expect(result?.result == .permanentError("rsa-sha1 is not accepted any more"))
        #expect(result?.claim.domain == "example.org")
        #expect(result?.claim.signatureStart == "abcdefgh")
    }

    @Test("A thousand signatures ask ten questions")
    func manySignatures() throws {
        let key = try SignedMessages.Key()
        var header = ""
        for index in 0..<1000 {
            header += "DKIM-Signature: v=1; a=rsa-sha256; d=d\(index).example; s=s; h=from; bh=AAAA; b=AAAA\r\n"
        }
        let verifier = SignedMessages.verifier(Array((header + SignedMessages.header).utf8))
        #expect(verifier.keyNames.count == 10)
        #expect(verifier.ignoredSignatures == 990)
        #expect(verifier.results(answers: key.answers, now: SignedMessages.now).count == 10)
    }

    @Test("Keys are asked for at once, and what nobody knows is temporary")
    func asking() async throws {
        let resolver = ScriptedResolver()
        resolver.answer("a._domainkey.example.org", .txt, [.text([0x70])], secure: true)
        resolver.fail("b._domainkey.example.org", .txt, .serverFailure(rcode: 2))
        resolver.fail("c._domainkey.example.org", .txt, .bogus("no"))
        let names = Set(["a", "b", "c", "d", "e"].map { "\($0)._domainkey.example.org" })
        let answers = await DKIMKeyLookup.ask(names, of: resolver, atOnce: 2)
        #expect(answers.count == 5)
        #expect(answers["a._domainkey.example.org"] == .records([[0x70]], secure: true))
        #expect(answers["d._domainkey.example.org"] == .absent)
        for name in ["b", "c"] {
            guard case .temporaryFailure = answers["\(name)._domainkey.example.org"] else {
                Issue.record("\(name) is not temporary")
                continue
            }
        }
        #expect(resolver.questions.count == 5)
    }
}
