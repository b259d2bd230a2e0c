import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import SMTPServer
import Testing

/// Header checks of parts and attached messages as mail comes in.
extension RewritingTests {
    private static let parts = [
        "From: alice@example.org", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "", "--b",
        "X-A: 1", "Content-Type: text/plain", "", "X-A: 1", "--b", "Content-Type: message/rfc822", "", "X-A: 2",
        "Subject: inner", "", "text", "--b--", "X-A: 1",
    ]

    private func send(
        _ tables: [TablePurpose: [String: String]], rewrite change: (inout Manifest.Rewrite) -> Void = { _ in }
    ) async throws -> Taken {
        try await send(Self.parts, to: ["bob@far.example"], tables: tables, rewrite: change)
    }

    @Test func `fields of parts change where they stand, and the rest stays`() async throws {
        let taken = try await send([.headerChecks: ["x-a: 1": "IGNORE", "x-a: 2": "REPLACE X-Much-Longer-Name: 2"]])
        var expected = Self.parts
        expected[12] = "X-Much-Longer-Name: 2"
        expected.remove(at: 5)
        let body = expected.split(separator: "", maxSplits: 1, omittingEmptySubsequences: false).last ?? []
        #expect(taken.text.hasSuffix("\r\n\r\n" + body.joined(separator: "\r\n") + "\r\n"), "\(taken.text)")
        let index = try #require(taken.acceptance?.index)
        let scanned = MessageIndex(scanning: Array(taken.text.utf8))
        #expect(index.structure == scanned.structure && index.size == scanned.size)
        let steps = taken.acceptance?.trace.filter { $0.rule == "header_checks" }.map { $0.note ?? "" }
        #expect(steps == ["removed, in part 1", "replaced, in the message in part 2"])
    }

    @Test func `fields of parts refuse, hold and put off`() async throws {
        let refused = try await send([.headerChecks: ["x-a: 2": "REJECT 5.7.2 not inside either"]])
        #expect(refused.last == "550 5.7.2 not inside either" && refused.acceptance == nil)
        #expect(try await send([.headerChecks: ["subject: inner": "HOLD"]]).acceptance?.held == true)
        let copied = try await send([.headerChecks: ["x-a: 1": "BCC x@far.example", "x-a: 2": "BCC y@far.example"]])
        #expect(copied.remote == ["bob@far.example", "x@far.example", "y@far.example"])
        let away = try await send([.headerChecks: ["x-a: 1": "!"]])
        #expect(away.last.hasPrefix("451 4.3.0") && away.acceptance == nil)
    }

    @Test func `parts and attached messages may have tables of their own, or none`() async throws {
        let action = ["x-a: 1": "IGNORE", "x-a: 2": "IGNORE", "mime-version: 1.0": "IGNORE"]
        let none = try await send([.headerChecks: action]) {
            $0.mimeHeaderChecks = []
            $0.nestedHeaderChecks = []
        }
        let body = Self.parts.dropFirst(3).joined(separator: "\r\n") + "\r\n"
        #expect(none.text.contains("MIME-Version") && none.text.hasSuffix(body))
        let mime = try await send([.mimeHeaderChecks: action])
        #expect(!mime.text.contains("MIME-Version") && !mime.text.contains("--b\r\nX-A: 1\r\n"))
        #expect(mime.text.contains("X-A: 2"))
        let nested = try await send([.nestedHeaderChecks: action])
        #expect(nested.text.contains("MIME-Version") && nested.text.contains("--b\r\nX-A: 1\r\n"))
        #expect(!nested.text.contains("X-A: 2"))
    }
}
