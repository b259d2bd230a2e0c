import Testing

/// What fuzzing started from and what it found, run again; docs/fuzzing.md tells more.
@Suite("Fuzz regressions: MilterCore")
struct FuzzRegressionTests {
    @Test("the seeds and every past find pass", arguments: MilterCoreFuzz.entries.map(\.name))
    func replays(_ name: String) throws {
        let entry = try #require(MilterCoreFuzz.entries.first { $0.name == name })
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
