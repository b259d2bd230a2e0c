import Testing

/// What fuzzing started from and what it found, run again; docs/fuzzing.md tells more.
@Suite("Fuzz regressions: WebServer")
struct FuzzRegressionTests {
    @Test("the seeds and every past find pass", arguments: WebServerFuzz.entries.map(\.name))
    func replays(_ name: String) throws {
        let entry = try #require(WebServerFuzz.entries.first { $0.name == name })
        let count = try FuzzReplay.run(entry, besides: #filePath)
        #expect(count > 0)
    }
}
