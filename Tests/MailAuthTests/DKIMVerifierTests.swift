import MailAuth
import MailSyntax
import Testing

@Suite("DKIM verification")
struct DKIMVerifierTests {
    static let published: [String: DKIMKeyLookup] = [
        "brisbane._domainkey.football.example.com": .records([Array(DKIMVectors.ed25519Record.utf8)]),
        "test._domainkey.football.example.com": .records([Array(DKIMVectors.rsaRecord.utf8)]),
    ]
    static let now = Timestamp(seconds: 1_700_000_000)

    static func verify(
        _ message: [UInt8],
        answers: [String: DKIMKeyLookup] = published
    ) -> [VerifiedDKIMSignature] {
        let (header, body) = DKIMVectors.split(message)
        var verifier = DKIMVerifier(header: header)
        for octet in body { verifier.update([octet]) }
        verifier.finishBody()
        return verifier.results(answers: answers, now: now)
    }

    static func edited(_ from: String, _ to: String) -> [UInt8] {
        let text = String(decoding: DKIMVectors.signedTwice, as: UTF8.self)
        guard let range = text.firstRange(of: from) else { return [] }
        return Array(text.replacingCharacters(in: range, with: to).utf8)
    }

    @Test("Both signatures of RFC 8463 Appendix A verify")
    func standardVector() {
        let results = Self.verify(DKIMVectors.signedTwice)
        #expect(results.map(\.result) == [.pass, .pass])
        #expect(results.map { $0.signature?.algorithm } == [.ed25519SHA256, .rsaSHA256])
    }

    @Test("The names to ask for are those of the selectors")
    func keyNames() {
        let verifier = DKIMVerifier(header: DKIMVectors.split(DKIMVectors.signedTwice).header)
        #expect(verifier.keyNames == Set(Self.published.keys))
    }

    @Test("White space that relaxed forgives changes nothing; a word does")
    func changes() {
        let spaced = Self.edited("We lost the game.  Are", "We lost  the game. Are")
        #expect(Self.verify(spaced).map(\.result) == [.pass, .pass])
        let changed = Self.edited("We lost", "We won")
        #expect(Self.verify(changed).map(\.result.keyword) == ["fail", "fail"])
        let subject = Self.edited("Is dinner ready", "Is lunch ready")
        #expect(Self.verify(subject).map(\.result) == Array(repeating: .fail("signature did not verify"), count: 2))
        let trailing = DKIMVectors.signedTwice + Array("\r\n\r\n".utf8)
        #expect(Self.verify(trailing).map(\.result) == [.pass, .pass])
    }

    @Test("A second From breaks a signature that signed it twice")
    func oversigned() {
        let forged = Self.edited("To: Suzie", "From: evil@example.com\r\nTo: Suzie")
        #expect(Self.verify(forged).map(\.result.keyword) == ["fail", "fail"])
        let above = Array("From: evil@example.com\r\n".utf8) + DKIMVectors.signedTwice
        #expect(Self.verify(above).map(\.result.keyword) == ["fail", "fail"])
    }

    static let lookups: [(DKIMKeyLookup, DKIMResult)] = [
        (.temporaryFailure("timed out"), .temporaryError("timed out")),
        (.absent, .permanentError("no key for signature")),
        (.records([]), .permanentError("no valid key record")),
        (.records([Array("garbage".utf8)]), .permanentError("no valid key record")),
        (.records([Array("v=DKIM1; k=ed25519; p=".utf8)]), .permanentError("key revoked")),
        (.records([Array(DKIMVectors.rsaRecord.utf8)]), .permanentError("inappropriate key algorithm")),
        (.records([Array("v=DKIM2; k=ed25519; p=AAAA".utf8)]), .permanentError("no valid key record")),
        (.records([Array("k=ed25519; p=AAAA".utf8)]), .permanentError("unusable Ed25519 key")),
        (
            .records([Array((DKIMVectors.ed25519Record + "; h=sha1").utf8)]),
            .permanentError("inappropriate hash algorithm")
        ),
        (.records([Array((DKIMVectors.ed25519Record + "; s=tlsrpt").utf8)]), .permanentError("key is not for mail")),
        (.records([Array((DKIMVectors.ed25519Record + "; t=y:s").utf8)]), .pass),
        (.records([Array("other txt".utf8), Array(DKIMVectors.ed25519Record.utf8)]), .pass),
    ]

    @Test("What the DNS says decides, and failing to say is temporary", arguments: lookups)
    func decides(_ test: (DKIMKeyLookup, DKIMResult)) {
        var answers = Self.published
        answers["brisbane._domainkey.football.example.com"] = test.0
        let results = Self.verify(DKIMVectors.signedTwice, answers: answers)
        #expect(results.first?.result == test.1)
        #expect(results.last?.result == .pass)
    }

    static let malformed: [(String, String)] = [
        ("v=1; a=ed25519-sha256", "v=2; a=ed25519-sha256"),
        ("a=ed25519-sha256", "a=rsa-sha1"),
        ("a=ed25519-sha256", "a=ed25519-sha256; a=rsa-sha256"),
        ("d=football.example.com", "d=foot ball"),
        ("i=@football.example.com", "i=@example.com"),
        ("h=from : to", "z=from : to"),
        ("bh=2jUS", "bh=!!"),
        ("t=1528637909", "t=yesterday"),
        ("q=dns/txt", "q=dns/other"),
        ("c=relaxed/relaxed", "c=relaxed/none"),
        ("t=1528637909", "t=1528637909; x=1528637910"),
    ]

    @Test("A malformed or expired signature is a permanent error, and the other still passes", arguments: malformed)
    func isPermanent(_ test: (String, String)) {
        let results = Self.verify(Self.edited(test.0, test.1))
        #expect(results.map(\.result.keyword) == ["permerror", "pass"])
    }

    @Test("Signatures beyond the bound are not looked at")
    func bound() {
        let one = "DKIM-Signature: v=1\r\n"
        let header = String(repeating: one, count: DKIMRules().maximumSignatures + 1) + "From: a@b.example\r\n\r\n"
        var verifier = DKIMVerifier(header: Array(header.utf8))
        verifier.finishBody()
        #expect(verifier.results(answers: [:], now: Self.now).count == DKIMRules().maximumSignatures)
    }

    @Test(
        "Hostile headers come to an end without a result that passes",
        arguments: [
            "", ":", "\r\n", "DKIM-Signature:", "DKIM-Signature", "DKIM-Signature: b=;;;=;", " \r\n \r\n", "\n\n",
        ]
    )
    func hostile(_ header: String) {
        var verifier = DKIMVerifier(header: Array(header.utf8))
        verifier.update([0, 13, 10, 255])
        verifier.finishBody()
        #expect(verifier.results(answers: [:], now: Self.now).allSatisfy { $0.result != .pass })
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        var copy = self
        copy.replaceSubrange(range, with: text)
        return copy
    }

    fileprivate func firstRange(of text: String) -> Range<String.Index>? { self.ranges(of: text).first }
}
