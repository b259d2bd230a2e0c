import MailSyntax
import Testing

@testable import MailAuth

@Suite("ARC chains")
struct ARCTests {
    static let results = AuthenticationResults(
        authservID: "mx.example.net",
        entries: [
            .init("spf", "pass", properties: [.init("smtp", "mailfrom", "a@example.org")]),
            .init("dkim", "pass", properties: [.init("header", "d", "example.org")]),
        ])

    /// The message with one more set on top.
    static func sealed(
        _ message: [UInt8], by key: SignedMessages.Key, status: ARCChain.Status? = .pass
    ) throws -> [UInt8] {
        let (header, body) = DKIMVectors.split(message)
        var hasher = key.sealer.bodyHasher
        hasher.update(body)
        let fields = try key.sealer.seal(
            header: header, bodyHash: hasher.finish(), results: results.payload, status: status, at: SignedMessages.now
        ).fields
        return fields + message
    }

    static let plain = Array((SignedMessages.header + SignedMessages.body).utf8)

    static func keys(_ count: Int, _ later: DKIMAlgorithm = .ed25519SHA256) throws -> [SignedMessages.Key] {
        try (1...count).map {
            try SignedMessages.Key($0 == 1 ? .rsaSHA256 : later, selector: "s\($0)", domain: "d\($0).example")
        }
    }

    static func answers(_ keys: [SignedMessages.Key]) -> [String: DKIMKeyLookup] {
        keys.reduce(into: [:]) { $0.merge($1.answers) { first, _ in first } }
    }

    static func chained(_ keys: [SignedMessages.Key]) throws -> [UInt8] {
        try keys.reduce(plain) { try sealed($0, by: $1) }
    }

    static func edited(_ message: [UInt8], _ from: String, _ to: String) -> [UInt8] {
        Array(String(decoding: message, as: UTF8.self).replacing(from, with: to, maxReplacements: 1).utf8)
    }

    @Test("Without ARC fields there is no chain")
    func none() {
        #expect(SignedMessages.chain(Self.plain, [:]).status == .none)
        #expect(!SignedMessages.verifier(Self.plain, withARC: true).hasSignatures)
        let unasked = SignedMessages.verifier(Self.plain)
        #expect(unasked.arcChain(answers: [:], now: SignedMessages.now).status == .none)
    }

    @Test("What is sealed here passes, link by link")
    func roundTrip() throws {
        let keys = try Self.keys(3)
        let chain = SignedMessages.chain(try Self.chained(keys), Self.answers(keys))
        #expect(chain.status == .pass)
        #expect(chain.reason == nil)
        #expect(chain.oldestPass == 0)
        #expect(chain.links.map(\.instance) == [1, 2, 3])
        #expect(chain.links.map(\.sealDomain.ascii) == ["d1.example", "d2.example", "d3.example"])
        #expect(chain.links.map(\.status) == [.none, .pass, .pass])
        #expect(chain.links.first?.results?.entry("spf")?.properties.first?.value == "a@example.org")
    }

    @Test("A change between two custodians leaves the chain whole, and shows since when the message is as it is")
    func oldestPass() throws {
        let keys = try Self.keys(3)
        var message = try Self.chained(Array(keys.prefix(2)))
        message = Self.edited(message, "Subject: One", "Subject: [list] One")
        message = try Self.sealed(message, by: keys[2])
        let chain = SignedMessages.chain(message, Self.answers(keys))
        #expect(chain.status == .pass)
        #expect(chain.oldestPass == 3)
    }

    static let changes: [(String, String, String)] = [
        ("Subject: One", "Subject: Two", "message signature 2"),
        ("world", "World", "message signature 2: body hash did not verify"),
        (
            "ARC-Authentication-Results: i=1; mx.example.net", "ARC-Authentication-Results: i=1; mx.example.com",
            "seal 2"
        ),
        ("cv=none", "cv=pass", "seal 1 says cv=pass"), ("cv=pass", "cv=none", "seal 2 says cv=none"),
        ("cv=pass", "cv=fail", "the newest seal says that the chain failed"),
        ("ARC-Seal: i=2", "ARC-Seal: i=3", "set 2 is not complete"),
        ("ARC-Seal: i=2", "ARC-Seal: i=1", "arc-seal 1 occurs twice"),
        ("ARC-Seal: i=2", "ARC-Seal: i=0", "invalid i= tag"), ("ARC-Seal: i=2", "ARC-Seal: i=51", "invalid i= tag"),
        ("ARC-Message-Signature: i=1", "X-Was: i=1", "sets are not complete"),
        (
            "ARC-Authentication-Results: i=2;", "ARC-Authentication-Results: i=2,",
            "malformed arc-authentication-results"
        ),
        ("cv=pass;", "cv=pass; h=from;", "arc-seal 2: h= in a seal"),
        ("cv=pass;", "", "arc-seal 2: invalid cv= tag"),
    ]

    @Test("A chain that was tampered with fails, and says where", arguments: changes)
    func tampered(_ test: (String, String, String)) throws {
        let keys = try Self.keys(2)
        let message = Self.edited(try Self.chained(keys), test.0, test.1)
        let chain = SignedMessages.chain(message, Self.answers(keys))
        #expect(chain.status == .fail)
        #expect(chain.reason?.hasPrefix(test.2) == true, "\(chain.reason ?? "no reason")")
        #expect(!chain.isTemporary)
    }

    @Test("A DNS that does not answer fails the chain, and that is remembered")
    func temporary() throws {
        let keys = try Self.keys(2)
        var answers = Self.answers(keys)
        answers["s1._domainkey.d1.example"] = .temporaryFailure("timed out")
        let chain = SignedMessages.chain(try Self.chained(keys), answers)
        #expect(chain.status == .fail)
        #expect(chain.isTemporary)
        #expect(chain.reason == "seal 1: timed out")
    }

    @Test("Fifty sets are a chain, and there is no fifty-first")
    func limit() throws {
        let key = try SignedMessages.Key()
        var message = Self.plain
        for _ in 1...50 { message = try Self.sealed(message, by: key) }
        let chain = SignedMessages.chain(message, key.answers)
        #expect(chain.status == .pass)
        #expect(chain.links.count == 50)
        #expect(try Self.sealed(message, by: key) == message)
        let extra = Self.edited(message, "ARC-Seal: i=50;", "ARC-Seal: i=1;\r\nARC-Seal: i=50;")
        let over = SignedMessages.verifier(extra, withARC: true)
        #expect(over.keyNames.isEmpty)
        #expect(over.hasSignatures)
        #expect(over.arcChain(answers: key.answers, now: SignedMessages.now).reason == "more than 50 sets")
    }

    @Test("A failed chain is sealed once as failed, over that set alone, and never again")
    func failed() throws {
        let keys = try Self.keys(3)
        let broken = Self.edited(try Self.chained(Array(keys.prefix(2))), "world", "World")
        let marked = try Self.sealed(broken, by: keys[2], status: .fail)
        #expect(String(decoding: marked, as: UTF8.self).contains("ARC-Seal: i=3; a=ed25519-sha256; cv=fail;"))
        #expect(SignedMessages.chain(marked, Self.answers(keys)).status == .fail)
        #expect(try Self.sealed(marked, by: keys[0], status: .fail) == marked)
    }

    @Test("A chain that nobody has checked is neither vouched for nor broken")
    func unchecked() throws {
        let keys = try Self.keys(2)
        let chained = try Self.chained([keys[0]])
        #expect(try Self.sealed(chained, by: keys[1], status: nil) == chained)
        let first = try Self.sealed(Self.plain, by: keys[0], status: nil)
        #expect(SignedMessages.chain(first, Self.answers(keys)).status == .pass)
    }

    @Test("What a chain without a readable set is sealed as says that it has failed")
    func unreadable() throws {
        let key = try SignedMessages.Key()
        let odd = Array("ARC-Seal: i=0; what\r\n".utf8) + Self.plain
        let marked = try Self.sealed(odd, by: key, status: .fail)
        #expect(String(decoding: marked, as: UTF8.self).hasPrefix("ARC-Seal: i=1; a=ed25519-sha256; cv=fail;"))
        #expect(try Self.sealed(marked, by: key, status: .fail) == marked)
    }

    @Test("DKIM and ARC that want the same body share its hash")
    func sharedHash() throws {
        let key = try SignedMessages.Key()
        let signed = try SignedMessages.signed("d=example.org; s=s; h=from", with: key)
        let verifier = SignedMessages.verifier(try Self.sealed(signed, by: key), withARC: true)
        #expect(verifier.results(answers: key.answers, now: SignedMessages.now).map(\.result) == [.pass])
        #expect(verifier.arcChain(answers: key.answers, now: SignedMessages.now).status == .pass)
    }

    @Test("Lines of the fields are at most 78 columns")
    func folding() throws {
        let key = try SignedMessages.Key(.rsaSHA256)
        let text = String(decoding: try Self.sealed(Self.plain, by: key), as: UTF8.self)
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }
}
