import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Testing

@Suite("Counts of TLS sessions")
struct TLSResultTests {
    @Test("Equal sessions of a day are one row, over several writes, and go when they are old")
    func counts() async throws {
        let fixture = try StoreFixture(migrations: TLSResultSchema.migrations)
        let counter = TLSResultCounter(clock: fixture.clock)
        let day = Int(fixture.clock.now().seconds / 86400)
        let good = TLSSessionResult(
            domain: "one.example", policyType: "sts", policy: ["version: STSv1", "mode: enforce"],
            hosts: ["mx.one.example", "*.two.example"])
        var bad = good
        bad.failure = "certificate-expired"
        bad.host = "mx.one.example"
        bad.sendingAddress = "192.0.2.1"
        bad.receivingAddress = "192.0.2.2"
        bad.reason = "it is over"
        for _ in 0..<3 {
            counter.record(good)
            counter.record(bad)
            counter.record(good)
            try await counter.flush(to: fixture.database)
        }
        try await counter.flush(to: fixture.database)
        let domains = try await fixture.database.read { try TLSResults.domains($0, day: day) }
        #expect(domains == ["one.example"])
        let found = try await fixture.database.read { try TLSResults.results($0, day: day, domain: "one.example") }
        #expect(
            found == [
                CountedTLSResult(day: day, result: good, sessions: 6),
                CountedTLSResult(day: day, result: bad, sessions: 3),
            ])
        try await fixture.database.write { try TLSResults.purge($0, before: day) }
        #expect(try await fixture.database.read { try TLSResults.domains($0, day: day) } == ["one.example"])
        try await fixture.database.write { try TLSResults.purge($0, before: day + 1) }
        #expect(try await fixture.database.read { try TLSResults.domains($0, day: day) }.isEmpty)
    }
}
