import Foundation
import MailConfig
import Testing

@Suite struct ExampleTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "examples")

    private static let names =
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }.sorted())
        ?? []

    @Test func thereAreExamples() { #expect(Self.names.count >= 8) }

    @Test(arguments: names) func anExampleHasNoErrorsAndNothingToRemark(name: String) throws {
        let file = Self.folder.appending(path: name)
        let loaded = try ManifestLoader.load(text: String(contentsOf: file, encoding: .utf8), file: name).get()
        #expect(loaded.notes == [])
    }
}
