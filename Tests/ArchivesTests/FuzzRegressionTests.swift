import Testing

/// What fuzzing started from and what it found, run again; docs/fuzzing.md tells more.
@Suite("Fuzz regressions: Archives")
struct FuzzRegressionTests {
    @Test("the seeds and every past find pass", arguments: ArchivesFuzz.entries.map(\.name))
    func replays(_ name: String) throws {
        let entry = try #require(ArchivesFuzz.entries.first { $0.name == name })
        let count = try FuzzReplay.run(entry, besides: #filePath)
        #expect(count > 0)
    }

    @Test("a folder that vanished fails")
    func missesFolder() {
        #expect(throws: FuzzReplay.Missing.self) {
            try FuzzReplay.run(FuzzEntry("no-such-target") { _ in }, besides: #filePath)
        }
    }
}
