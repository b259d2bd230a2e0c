import Foundation
import MartletTesting
import Testing

/// The same sessions on Martlet and on Debian's Dovecot: a difference is fixed, or of a kind that
/// docs/dovecot-differences.md explains. `DIFFER_SESSIONS` and `DIFFER_SEED` say how many, and which.
@Suite(.serialized, .enabled(if: Peer.present("dovecot")))
struct DovecotDifferenceTests {
    private func differ(_ words: String...) async throws -> ProcessResult {
        _ = try Peer.require("dovecot")
        return try await ProcessRunner.run(
            ["python3", Peer.root.appending(path: "scripts/differ").path] + words,
            timeout: .seconds(900)
        )
    }

    @Test func sessionsAreAnsweredAlike() async throws {
        let environment = ProcessInfo.processInfo.environment
        let result = try await differ(
            "--binary", try ServerUnderTest.binary(), "--sessions", environment["DIFFER_SESSIONS"] ?? "240", "--seed",
            environment["DIFFER_SEED"] ?? "1")
        #expect(result.succeeded, "\(result)")
        print(String(result.output.split(separator: "\n").last ?? ""))
    }

    @Test func theDocumentExplainsEachKind() async throws {
        let kinds = try await differ("--kinds")
        #expect(kinds.succeeded, "\(kinds)")
        let names = Set(kinds.output.split(separator: "\n").map(String.init))
        let file = Peer.root.appending(path: "docs/dovecot-differences.md")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let explained = Set(lines.filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) })
        #expect(names == explained)
        #expect(names.count <= 30)
    }
}
