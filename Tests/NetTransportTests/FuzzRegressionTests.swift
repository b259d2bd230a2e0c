import Testing

/// What fuzzing started from and what it found, run again; docs/fuzzing.md tells more.
@Suite("Fuzz regressions: NetTransport")
struct FuzzRegressionTests {
    @Test("the seeds and every past find pass", arguments: NetTransportFuzz.entries.map(\.name))
    func replays(_ name: String) throws {
        let entry = try #require(NetTransportFuzz.entries.first { $0.name == name })
        let count = try FuzzReplay.run(entry, besides: #filePath)
        #expect(count > 0)
    }
}
