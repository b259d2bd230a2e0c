import Blobs
import Directory
import Foundation
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Testing

@Suite("Signatures with the directory's keys")
struct DirectorySignerTests {
    private static let text =
        "From: Alice <alice@example.org>\r\nTo: x@one.example\r\nSubject:  folded\r\n subject \r\n"
        + "Date: Mon, 1 Jun 2026 10:00:00 +0000\r\nMessage-ID: <a@example.org>\r\n\r\nSome  text\t \r\n.dot\r\n\r\n\r\n"

    /// A message as it leaves, signed with both keys.
    private static func signed(_ room: BounceRoom, _ text: String) async throws -> [UInt8] {
        let report = try await room.report(from: "alice@example.org", text: text)
        let directory = room.directory
        let form = DirectorySigner.Form(PolicyRules(Manifest()))
        let signers = DirectorySigner(snapshot: { directory.snapshot }, form: { form })
        let author = try #require(report.message.signFor)
        let signer = try #require(try signers.signer(for: author))
        let reader = try room.state.blobs.open(report.message.blob, size: report.message.size)
        let content = try await MessageContent.prepare(
            report.message, reader: reader, signer: signer, clock: SystemClock())
        return content.prefix + Array(text.utf8)
    }

    @Test("Both signatures verify here", arguments: ["", String(repeating: "0123456789abcdef\r\n", count: 20_000)])
    func verifies(_ more: String) async throws {
        let room = try await BounceRoom()
        let bytes = try await Self.signed(room, Self.text + more)
        let end = try #require(String(decoding: bytes, as: UTF8.self).utf8.firstRange(of: "\r\n\r\n".utf8))
        let offset = String(decoding: bytes, as: UTF8.self).utf8.distance(from: "".utf8.startIndex, to: end.upperBound)
        var verifier = DKIMVerifier(header: Array(bytes[..<offset]))
        verifier.update(Array(bytes[offset...]))
        verifier.finishBody()
        var answers: [String: DKIMKeyLookup] = [:]
        for (selector, key) in room.keys {
            answers["\(selector)._domainkey.example.org"] = .records([Array(key.publicRecord.utf8)])
        }
        let results = verifier.results(answers: answers, now: SystemClock().now())
        #expect(results.map(\.result) == [.pass, .pass])
    }

    @Test("Both signatures verify with dkimpy")
    func peer() async throws {
        let room = try await BounceRoom()
        let bytes = try await Self.signed(room, Self.text)
        let folder = room.state.folder
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("message.eml")))
        let records = Dictionary(
            uniqueKeysWithValues: room.keys.map { ("\($0.selector)._domainkey.example.org.", $0.key.publicRecord) })
        try JSONEncoder().encode(records).write(to: URL(fileURLWithPath: folder.file("keys.json")))
        let script = """
            import dkim, json, sys
            message = open(sys.argv[1], "rb").read()
            keys = json.load(open(sys.argv[2]))
            find = lambda name, timeout=5: keys[name.decode()].encode()
            print([dkim.DKIM(message).verify(idx=i, dnsfunc=find) for i in range(2)])
            """
        let told = try await ProcessRunner.run(
            ["/usr/bin/python3", "-c", script, folder.file("message.eml"), folder.file("keys.json")])
        #expect(told.output == "[True, True]\n", "\(told)")
    }

    @Test("A domain without keys has no signer; a key that can't be read is an error")
    func unusable() async throws {
        let room = try await BounceRoom()
        let other = try #require(DomainName("other.example"))
        let directory = room.directory
        let form = DirectorySigner.Form(PolicyRules(Manifest()))
        let signers = DirectorySigner(snapshot: { directory.snapshot }, form: { form })
        let author = EmailAddress(localPart: "a", domain: other)
        #expect(try signers.signer(for: author) == nil)
        try await room.directory.addDomain(
            other, postmaster: room.alice.address,
            keys: [NewDKIMKey(selector: "bad", algorithm: "rsa", privateKey: "no key")], author: "test")
        #expect(throws: SigningKeyError.self) { try signers.signer(for: author) }
    }
}
