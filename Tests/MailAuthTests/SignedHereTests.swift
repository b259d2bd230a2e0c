import Foundation
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// What is signed here, and what dkimpy and OpenDKIM say of it.
@Suite("DKIM: signatures made here", .enabled(if: Peer.present("opendkim", "openssl")))
struct SignedHereTests {
    private struct Verdict: Decodable {
        var dkimpy: [String]
        var opendkim: String
    }

    /// Octets by their name in failures.
    private typealias Text = (name: String, text: String)

    private static let headers: [Text] = [
        ("plain", "From: Al <al@example.org>\r\nTo: b@example.net\r\nSubject: One\r\n"),
        (
            "folded",
            "From:\r\n  Al\t <al@example.org>\r\nTo: b@example.net,\r\n\tc@example.net ,\r\n   d@example.net\r\n"
                + "Subject:   many   blanks \t \r\nReferences:\r\n <1@x>\r\n <2@x>\r\n"
        ),
        (
            "eight bits",
            "From: \u{c4}l <\u{e4}l@example.org>\r\nTo: b@example.net\r\nSubject: \u{20ac} gr\u{fc}\u{df}e\r\n"
        ),
        (
            "long",
            "From: al@example.org\r\nTo: " + (0..<300).map { "user\($0)@example.net" }.joined(separator: ",\r\n ")
                + "\r\nSubject: \(String(repeating: "x", count: 990))\r\n"
        ),
        (
            "repeated",
            "From: al@example.org\r\nCc: a@example.net\r\nTo: b@example.net\r\nCc: c@example.net\r\n"
                + "List-Id: <x>\r\nSubject:\r\nList-Id: <y>\r\nCOMMENTS: none\r\n"
        ),
    ]
    private static let bodies: [Text] = [
        ("empty", ""), ("only empty lines", "\r\n\r\n\r\n"), ("one line", "Hello\r\n"),
        ("dots", ".\r\n..\r\n.dot\r\n"), ("blanks", "a  b \t\r\n \r\n\tx\r\n\r\n  \r\n"),
        ("eight bits", "gr\u{fc}\u{df}e\r\n\u{20ac}\r\n"),
        ("long line", String(repeating: "0123456789", count: 2000) + "\r\n"),
        ("large", String(repeating: "A line of text that says nothing.  \r\n", count: 5000)),
    ]

    /// - Returns: what dkimpy and OpenDKIM say of each message.
    private static func judged(
        _ messages: [[UInt8]], _ keys: [(selector: String, domain: String, key: DKIMSigningKey)]
    ) async throws -> [Verdict] {
        struct Question: Encodable {
            var records: [String: String]
            var messages: [String]
        }
        let records = keys.map { ("\($0.selector)._domainkey.\($0.domain)", $0.key.publicRecord) }
        let question = Question(
            records: Dictionary(records) { first, _ in first }, messages: messages.map { Base64.encode($0) })
        let folder = try TemporaryFolder()
        try JSONEncoder().encode(question).write(to: URL(filePath: folder.file("in.json")))
        let result = try await Peer.python("dkim_peer", ["judge", folder.path], timeout: .seconds(300))
        try #require(result.succeeded, "\(result)")
        let answer = try Data(contentsOf: URL(filePath: folder.file("out.json")))
        return try JSONDecoder().decode([Verdict].self, from: answer)
    }

    private static func signed(
        _ header: String, _ body: String, by signer: DKIMSigner, at time: Timestamp
    ) throws
        -> [UInt8]
    {
        var hasher = signer.bodyHasher
        hasher.update(Array(body.utf8))
        let field = try signer.sign(header: Array(header.utf8), bodyHash: hasher.finish(), at: time)
        return field + Array("\(header)\r\n\(body)".utf8)
    }

    private static var now: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }

    @Test("Every form, header and body verifies, RSA and Ed25519")
    func everything() async throws {
        let rsa = try DKIMSigningKey.generate(.rsaSHA256)
        let ed = try DKIMSigningKey.generate(.ed25519SHA256)
        let org = try #require(DomainName("example.org"))
        var names: [String] = []
        var messages: [[UInt8]] = []
        for header in Self.headers {
            for body in Self.bodies {
                for form in DKIMCanonicalization.allCases {
                    for bodyForm in DKIMCanonicalization.allCases {
                        var signer = DKIMSigner(
                            domain: org, keys: [.init(selector: "rsa", key: rsa), .init(selector: "ed", key: ed)])
                        signer.headerCanonicalization = form
                        signer.bodyCanonicalization = bodyForm
                        signer.validity = .seconds(86400)
                        names.append("\(form)/\(bodyForm), header \(header.name), body \(body.name)")
                        messages.append(try Self.signed(header.text, body.text, by: signer, at: Self.now))
                    }
                }
            }
        }
        let keys = [("rsa", "example.org", rsa), ("ed", "example.org", ed)]
        let verdicts = try await Self.judged(messages, keys)
        #expect(verdicts.count == names.count && names.count == 160)
        for (name, verdict) in zip(names, verdicts) {
            #expect(verdict.dkimpy == ["pass", "pass"], "\(name)")
            // OpenDKIM of Debian knows RSA alone, and says so of the other one.
            #expect(verdict.opendkim.contains("dkim=pass"), "\(name): \(verdict.opendkim)")
        }
    }

    @Test("A field that is added to an oversigned message, a changed list of fields, an end: as the settings say")
    func oversigned() async throws {
        let key = try DKIMSigningKey.generate(.rsaSHA256)
        let org = try #require(DomainName("example.org"))
        let header = "From: al@news.example.org\r\nTo: b@example.net\r\nSubject: One\r\nX-Own: mine\r\n"
        var signer = DKIMSigner(domain: org, keys: [.init(selector: "s", key: key)])
        let usual = try Self.signed(header, "Hello\r\n", by: signer, at: Self.now)
        signer.fields = SignedFields(oversigned: ["From", "X-Later"], signed: ["to", "x-own"])
        let chosen = try Self.signed(header, "Hello\r\n", by: signer, at: Self.now)
        var identified = DKIMSigner.Key(selector: "s", key: key, domain: org)
        identified.identity = "bot@news.example.org"
        signer = DKIMSigner(domain: org, keys: [identified])
        let named = try Self.signed(header, "Hello\r\n", by: signer, at: Self.now)
        signer.validity = .seconds(60)
        let old = try Self.signed(header, "Hello\r\n", by: signer, at: Self.now.adding(.seconds(-86400)))
        func with(_ field: String, _ message: [UInt8]) -> [UInt8] { Array("\(field)\r\n".utf8) + message }
        func edited(_ message: [UInt8], _ old: String, _ new: String) -> [UInt8] {
            Array(String(decoding: message, as: UTF8.self).replacing(old, with: new).utf8)
        }
        let cases: [(message: [UInt8], passes: Bool)] = [
            (usual, true), (with("Subject: Two", usual), false), (with("Cc: x@example.com", usual), false),
            (with("From: boss@example.org", usual), false), (with("X-Seen: yes", usual), true),
            (edited(usual, "X-Own: mine", "X-Own: yours"), true),
            (chosen, true), (with("Subject: Two", chosen), true), (with("X-Later: yes", chosen), false),
            (with("From: boss@example.org", chosen), false), (edited(chosen, "X-Own: mine", "X-Own: yours"), false),
            (edited(chosen, "Subject: One", "Subject: Two"), true),
            (named, true), (old, false),
        ]
        let verdicts = try await Self.judged(cases.map(\.message), [("s", "example.org", key)])
        let answers: [String: DKIMKeyLookup] = ["s._domainkey.example.org": .records([Array(key.publicRecord.utf8)])]
        for (number, (one, verdict)) in zip(cases, verdicts).enumerated() {
            let ours = SignedMessages.verifier(one.message).results(answers: answers, now: Self.now).first?.result
            #expect((ours == .pass) == one.passes, "case \(number): \(ours as Any)")
            #expect((verdict.dkimpy == ["pass"]) == one.passes, "case \(number): \(verdict.dkimpy)")
            #expect(verdict.opendkim.contains("dkim=pass") == one.passes, "case \(number): \(verdict.opendkim)")
        }
    }
}
