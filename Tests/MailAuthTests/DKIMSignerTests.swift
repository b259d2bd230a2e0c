import MailAuth
import MailSyntax
import Testing

@Suite("DKIM signing")
struct DKIMSignerTests {
    static let header = Array(
        "From: a@example.org\r\nTo: b@example.net\r\nSubject: =?utf-8?q?a?=\r\n folded\r\nX-Other: no\r\n\r\n".utf8)
    static let body = Array("Hello \r\n\r\n.dots\r\n..\r\n\r\n\r\n".utf8)
    static let time = Timestamp(seconds: 1_700_000_000)

    static func signer(_ keys: [DKIMSigner.Key]) throws -> DKIMSigner {
        DKIMSigner(domain: try #require(DomainName("example.org")), keys: keys)
    }

    static func keys() throws -> [DKIMSigner.Key] {
        [
            DKIMSigner.Key(selector: "rsa1", key: try DKIMSigningKey.generate(.rsaSHA256)),
            DKIMSigner.Key(selector: "ed1", key: try DKIMSigningKey.generate(.ed25519SHA256)),
        ]
    }

    @Test("What is signed verifies, in every canonicalisation", arguments: DKIMCanonicalization.allCases)
    func roundTrip(_ kind: DKIMCanonicalization) throws {
        let keys = try Self.keys()
        for bodyKind in DKIMCanonicalization.allCases {
            var signer = try Self.signer(keys)
            signer.headerCanonicalization = kind
            signer.bodyCanonicalization = bodyKind
            var hasher = signer.bodyHasher
            hasher.update(Self.body)
            let fields = try signer.sign(header: Self.header, bodyHash: hasher.finish(), at: Self.time)
            var answers: [String: DKIMKeyLookup] = [:]
            for key in keys {
                answers["\(key.selector)._domainkey.example.org"] = .records([Array(key.key.publicRecord.utf8)])
            }
            let results = DKIMVerifierTests.verify(fields + Self.header + Self.body, answers: answers)
            #expect(results.map(\.result) == [.pass, .pass])
            #expect(results.allSatisfy { $0.signature?.signedAt == Self.time })
            let forged = fields + Array("Subject: other\r\n".utf8) + Self.header + Self.body
            #expect(DKIMVerifierTests.verify(forged, answers: answers).map(\.result.keyword) == ["fail", "fail"])
        }
    }

    @Test("Every line of the fields is at most 78 columns and folds rightly")
    func folding() throws {
        let signer = try Self.signer(try Self.keys())
        var hasher = signer.bodyHasher
        let text = String(
            decoding: try signer.sign(header: Self.header, bodyHash: hasher.finish(), at: Self.time), as: UTF8.self)
        let lines = text.split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        #expect(lines.filter { $0.hasPrefix("DKIM-Signature: ") }.count == 2)
        #expect(lines.allSatisfy { $0.hasPrefix("DKIM-Signature: ") || $0.hasPrefix(" ") })
        #expect(text.hasSuffix("\r\n"))
    }

    @Test("From is signed once more than it stands there; what is not listed is not signed")
    func selection() throws {
        let signer = try Self.signer([.init(selector: "s", key: try DKIMSigningKey.generate(.ed25519SHA256))])
        let field = try signer.sign(header: Self.header, bodyHash: [1], at: Self.time)
        let value = try #require(field.split(separator: 0x3A, maxSplits: 1).last)
        let signature = try DKIMSignature(parsing: value)
        let names = signature.signedFields.map { $0.lowercased() }
        #expect(names.filter { $0 == "from" }.count == 2)
        #expect(names.filter { $0 == "cc" }.count == 1)
        #expect(!names.contains("x-other"))
    }

    @Test("Without From nothing is signed")
    func noFrom() throws {
        let signer = try Self.signer(try Self.keys())
        #expect(try signer.sign(header: Array("To: a@b.example\r\n\r\n".utf8), bodyHash: [1], at: Self.time).isEmpty)
    }

    @Test("A validity becomes the x= tag")
    func validity() throws {
        var signer = try Self.signer([.init(selector: "s", key: try DKIMSigningKey.generate(.ed25519SHA256))])
        signer.validity = .seconds(60)
        let field = try signer.sign(header: Self.header, bodyHash: [1], at: Self.time)
        let value = try #require(field.split(separator: 0x3A, maxSplits: 1).last)
        #expect(try DKIMSignature(parsing: value).expiresAt == Timestamp(seconds: 1_700_000_060))
    }
}

@Suite("DKIM keys")
struct DKIMSigningKeyTests {
    @Test("A key survives its PEM form", arguments: DKIMAlgorithm.allCases)
    func pem(_ algorithm: DKIMAlgorithm) throws {
        let key = try DKIMSigningKey.generate(algorithm)
        let copy = try DKIMSigningKey(pem: key.pem)
        #expect(copy.algorithm == algorithm)
        #expect(copy.publicKey == key.publicKey)
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(!"\(key)".contains("PRIVATE"))
    }

    @Test("The public records of RFC 8463 Appendix A.2 come from the keys of A.1")
    func records() throws {
        #expect(try DKIMSigningKey(pem: DKIMVectors.rsaKey).publicRecord == DKIMVectors.rsaRecord)
        let seed = try #require(Base64.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
        #expect(try DKIMSigningKey(ed25519Seed: seed).publicRecord == DKIMVectors.ed25519Record)
    }

    @Test("What is no key is refused", arguments: ["", "hello", "-----BEGIN X-----\n!!\n-----END X-----"])
    func notPEM(_ text: String) {
        #expect(throws: DKIMKeyError.notPEM) { try DKIMSigningKey(pem: text) }
    }

    @Test("Another key is refused")
    func otherKey() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\(Base64.encode([0x30, 1, 2]))\n-----END PRIVATE KEY-----\n"
        #expect(throws: DKIMKeyError.unsupportedKey) { try DKIMSigningKey(pem: pem) }
        #expect(throws: DKIMKeyError.generationFailed) { try DKIMSigningKey.generate(.rsaSHA256, rsaBits: 1024) }
    }

    @Test("A record is cut at 255 octets", arguments: [1, 255, 256, 600])
    func zoneFile(_ length: Int) {
        let text = DKIMKeyRecord.zoneFileStrings(String(repeating: "a", count: length))
        let strings = text.split(separator: "\"").filter { $0.contains("a") }
        #expect(strings.map(\.utf8.count).reduce(0, +) == length)
        #expect(strings.allSatisfy { $0.utf8.count <= 255 })
        #expect(text.hasPrefix("( ") == (length > 255))
    }
}
