import Foundation
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// dkimpy and OpenDKIM judge generated messages, and so do we.
@Suite("DKIM: dkimpy and OpenDKIM")
struct DKIMPeerTests {
    private struct Trial: Decodable {
        struct Case: Decodable {
            var number: Int
            /// What is special about it, such as `l-short` or `change-from`.
            var features: Set<String>
            var message: String
            var dkimpy: String
            var opendkim: String
        }

        var now: Int64
        var records: [String: String?]
        var cases: [Case]
    }

    /// Where the peers differ from us in cases with a feature, what we say then, and the text that makes it right.
    private typealias Difference = (feature: String, we: String, why: String)
    private static let bothDiffer: [Difference] = [
        ("l-short", "policy", "RFC 6376 §8.2: what follows l= may be anybody's"),
        ("l-whole", "policy", "RFC 6376 §8.2: so may what was appended"),
        ("change-from", "policy", "RFC 6376 §8.15, RFC 5322 §3.6: there is one From, and it is signed"),
        ("odd-emptyh", "permerror", "RFC 6376 §3.5 (h=), §6.1.1: a name has a character"),
        // Only possible where a message does not come by DATA.
        ("end-blank", "pass", "RFC 6376 §3.4.4: blanks at the end of a line go, and a last line without CRLF gets one"),
    ]
    private static let dkimpyDiffers: [Difference] = [
        ("l-long", "permerror", "RFC 6376 §3.5 (l=): it must not be larger than the body"),
        ("key-h1", "permerror", "RFC 6376 §6.1.2 (6): the hash must be one that the key names"),
        ("i-sub-strict", "permerror", "RFC 6376 §3.6.1 (t=s): the i= domain must not be a subdomain of d="),
        ("t-soon", "permerror", "RFC 6376 §3.5 (t=): dkimpy's clock may be ten hours off, ours five minutes"),
        ("x-lately", "permerror", "RFC 6376 §3.5 (x=): likewise"),
        ("x-before-t", "permerror", "RFC 6376 §3.5 (x=): it must be greater than t="),
        ("q-dns/txt:other", "pass", "RFC 6376 §3.5 (q=): unknown methods are ignored"),
        ("odd-upper", "pass", "RFC 5234 §2.3: literal text of a grammar has no case"),
    ]
    private static let openDKIMDiffers: [Difference] = [
        ("odd-twice", "permerror", "RFC 6376 §3.2: a tag that occurs twice voids the list")
    ]

    /// How many messages: thousands take a minute of the peers' time.
    private static let count = Int(ProcessInfo.processInfo.environment["MARTLET_DKIM_CASES"] ?? "") ?? 1500

    @Test(
        "Generated messages get the verdicts of dkimpy and OpenDKIM", .enabled(if: Peer.present("opendkim", "openssl")))
    func verdicts() async throws {
        let folder = try TemporaryFolder()
        let seed = Int.random(in: 1...1_000_000)
        let made = try await Peer.python(
            "dkim_peer", ["generate", folder.path, "\(Self.count)", "\(seed)"], timeout: .seconds(600))
        try #require(made.succeeded, "\(made)")
        let trial = try JSONDecoder().decode(
            Trial.self, from: Data(contentsOf: URL(filePath: folder.file("cases.json"))))
        let answers = trial.records.mapValues { $0.map { DKIMKeyLookup.records([Array($0.utf8)]) } ?? .absent }
        var agreed = 0
        for one in trial.cases {
            let message = try #require(Base64.decode(one.message))
            let (header, body) = DKIMVectors.split(message)
            var verifier = DKIMVerifier(header: header)
            verifier.update(body)
            verifier.finishBody()
            let found = verifier.results(answers: answers, now: Timestamp(seconds: trial.now))
            let ours = try #require(found.first?.result, "seed \(seed), case \(one.number)")
            agreed += ours == .pass && one.dkimpy == "pass" && one.opendkim.contains("dkim=pass") ? 1 : 0
            Self.compare(
                ours, one, one.dkimpy == "pass", one.dkimpy, Self.bothDiffer + Self.dkimpyDiffers, "dkimpy", seed)
            guard !one.opendkim.hasPrefix("none") else { continue }
            Self.compare(
                ours, one, one.opendkim.contains("dkim=pass"), one.opendkim, Self.bothDiffer + Self.openDKIMDiffers,
                "OpenDKIM", seed)
        }
        // Enough of them are right, so that agreeing means something.
        #expect(agreed > Self.count / 30, "only \(agreed) of \(Self.count) passed everywhere")
    }

    private static func compare(
        _ ours: DKIMResult, _ one: Trial.Case, _ passed: Bool, _ said: String,
        _ differences: [Difference], _ peer: String, _ seed: Int
    ) {
        guard (ours == .pass) != passed else { return }
        let isExplained = differences.contains { one.features.contains($0.feature) && ours.keyword == $0.we }
        #expect(
            isExplained,
            "seed \(seed), case \(one.number) \(one.features.sorted()): we say \(ours.keyword) (\(ours.reason ?? "")), \(peer) \(said)"
        )
    }
}
extension DKIMPeerTests {
    @Test("dkimpy agrees with chains that are sealed here", .enabled(if: Peer.present("openssl")))
    func sealedHere() async throws {
        // It does not know Ed25519 in chains.
        let keys = try ARCTests.keys(3, .rsaSHA256)
        for count in 1...3 {
            let chain = Array(keys.prefix(count))
            let said = try await Self.dkimpy(try ARCTests.chained(chain), chain)
            #expect(said == "pass success", "\(count) sets")
        }
        let broken = ARCTests.edited(try ARCTests.chained(keys), "world", "World")
        #expect(try await Self.dkimpy(broken, keys).hasPrefix("fail"))
        let marked = try ARCTests.sealed(broken, by: keys[0], status: .fail)
        #expect(try await Self.dkimpy(marked, keys) != "pass success")
    }

    @Test(
        "Chains that dkimpy seals pass here, also on top of ours and under ours", .enabled(if: Peer.present("openssl")))
    func sealedByDkimpy() async throws {
        let keys = try ARCTests.keys(2)
        let pem = try await ProcessRunner.run(["openssl", "genrsa", "-traditional", "2048"]).output
        let peer = try DKIMSigningKey(pem: pem)
        var answers = ARCTests.answers(keys)
        answers["s._domainkey.peer.example"] = .records([Array(peer.publicRecord.utf8)])
        // dkimpy writes the time that it is.
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        let first = try await Self.sealedByPeer(ARCTests.plain, pem, status: nil)
        #expect(SignedMessages.chain(first, answers, now: now).status == .pass)
        let second = try ARCTests.sealed(first, by: keys[0])
        #expect(
            SignedMessages.chain(second, answers, now: now).links.map(\.sealDomain.ascii) == [
                "peer.example", "d1.example",
            ])
        let third = try await Self.sealedByPeer(second, pem, status: "pass")
        let chain = SignedMessages.chain(third, answers, now: now)
        #expect(chain.status == .pass, "\(chain.reason ?? "")")
        #expect(chain.links.count == 3)
        let changed = ARCTests.edited(third, "Subject: One", "Subject: Two")
        #expect(SignedMessages.chain(changed, answers, now: now).status == .fail)
    }

    private static func dkimpy(_ message: [UInt8], _ keys: [SignedMessages.Key]) async throws -> String {
        let folder = try TemporaryFolder()
        let records = Dictionary(keys.map { ($0.name, $0.signing.publicRecord) }) { first, _ in first }
        try Data(message).write(to: URL(filePath: folder.file("in.eml")))
        try JSONEncoder().encode(records).write(to: URL(filePath: folder.file("keys.json")))
        let result = try await Peer.python("dkim_peer", ["arc-verify", folder.path])
        try #require(result.succeeded, "\(result)")
        return String(result.output.split(separator: "\n").last ?? "")
    }

    private static func sealedByPeer(_ message: [UInt8], _ pem: String, status: String?) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let arc = status.map { "; arc=\($0)" } ?? ""
        let results = "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org\(arc)\r\n"
        try Data(Array(results.utf8) + message).write(to: URL(filePath: folder.file("in.eml")))
        try folder.write(pem, to: "key.pem")
        let result = try await Peer.python("dkim_peer", ["arc-sign", folder.path, "peer.example"])
        try #require(result.succeeded, "\(result)")
        return [UInt8](try Data(contentsOf: URL(filePath: folder.file("out.eml"))))
    }
}
