import Foundation
import Testing

@testable import MailConfig

/// Each folder of Tests/Fixtures/BadManifests holds a broken manifest and what is said about it.
@Suite struct BadManifestTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/BadManifests")

    static let cases: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !$0.hasPrefix(".") }
        .sorted()

    @Test func thereAreAtLeastTenCases() {
        #expect(Self.cases.count >= 10)
    }

    /// `RECORD_SNAPSHOTS=1` writes what is said now, and fails.
    @Test(arguments: cases)
    func saysLineColumnAndRemedy(name: String) throws {
        let folder = Self.folder.appending(path: name)
        let text = try String(contentsOf: folder.appending(path: "martlet.yaml"), encoding: .utf8)
        let errors = try #require(throws: ManifestErrors.self) {
            try ManifestLoader.load(text: text, file: "martlet.yaml").get()
        }
        let said = errors.description + "\n"
        let expectation = folder.appending(path: "expected.txt")
        if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
            try said.write(to: expectation, atomically: true, encoding: .utf8)
            Issue.record("recorded \(name)")
        }
        #expect(try String(contentsOf: expectation, encoding: .utf8) == said)
        for diagnostic in errors.diagnostics {
            #expect(diagnostic.line != nil && diagnostic.column != nil && !diagnostic.remedy.isEmpty)
        }
    }
}
