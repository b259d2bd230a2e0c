import Foundation
import MartletTesting
import Testing

/// `martlet table query` beside `postmap -q` of Postfix, with the same tables and keys.
@Suite(.enabled(if: Peer.present("postfix")))
struct TableTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/Tables").path

    @Test(arguments: [("texthash", "text"), ("regexp", "posix"), ("pcre", "perl"), ("cidr", "networks")])
    func answersAreThoseOfPostfix(_ type: String, _ name: String) async throws {
        let table = "\(type):\(Self.fixtures)/\(name).table"
        let keys = try String(contentsOfFile: "\(Self.fixtures)/\(name).keys", encoding: .utf8)
        let theirs = try await ProcessRunner.run(["postmap", "-q", "-", table], input: keys)
        guard !theirs.errors.contains("unsupported dictionary type") else { return }
        let ours = try await ProcessRunner.run(
            [try ServerUnderTest.binary(), "table", "query", table, "-"], input: keys)
        #expect(ours.output == theirs.output)
        #expect(ours.succeeded && !ours.output.isEmpty, "\(ours)")
    }

    @Test func nothingFoundIsExitCodeOne() async throws {
        let table = "hash:\(Self.fixtures)/text.table"
        let program = try ServerUnderTest.binary()
        #expect(try await ProcessRunner.run([program, "table", "query", table, "nobody@example.net"]).status == 1)
        let refused = try await ProcessRunner.run([program, "table", "query", "ldap:/x", "y"])
        #expect(refused.status == 64 && refused.errors.contains("ldapsearch"), "\(refused)")
    }
}
