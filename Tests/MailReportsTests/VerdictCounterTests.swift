import MailAuth
import MailReports
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct VerdictCounterTests {
    @Test func `messages that are alike are one row, of their day`() async throws {
        let room = try await ReportRoom()
        try room.count(times: 3)
        try await room.counter.flush(to: room.state.database)
        try room.count(times: 2)
        try room.count(source: "192.0.2.2")
        try room.count("other.example", destinations: [ReportURI("mailto:x@other.example")])
        try await room.counter.flush(to: room.state.database)
        room.clock.advance(by: .seconds(86400))
        try room.count()
        try await room.counter.flush(to: room.state.database)
        try await room.state.database.read { reader in
            let domains = try Verdicts.domains(reader, ReportRoom.day)
            #expect(domains.map(\.domain) == ["bank.example", "other.example"] && domains.map(\.messages) == [6, 1])
            let records = try Verdicts.records(reader, ReportRoom.day, domain: "bank.example")
            #expect(records.map(\.count) == [5, 1])
            #expect(records.map(\.source.description) == ["192.0.2.1", "192.0.2.2"])
            #expect(records.first?.dkim.first?.humanResult == "the body was changed")
            #expect(try Verdicts.domains(reader, ReportRoom.day.next).map(\.messages) == [1])
            let policy = try Verdicts.policy(reader, ReportRoom.day, domain: "other.example")
            #expect(policy?.destinations == [ReportURI("mailto:x@other.example")])
        }
    }

    @Test func `the policy that was seen last is told`() async throws {
        let room = try await ReportRoom()
        try room.count()
        try room.count(destinations: [ReportURI("mailto:new@bank.example", limit: 5)])
        try await room.counter.flush(to: room.state.database)
        try await room.state.database.read { reader in
            let policy = try Verdicts.policy(reader, ReportRoom.day, domain: "bank.example")
            #expect(policy?.destinations == [ReportURI("mailto:new@bank.example", limit: 5)])
        }
    }

    @Test func `what can't be written is kept and written later`() async throws {
        let room = try await ReportRoom()
        try room.count(times: 4)
        // Its tables are missing there.
        let other = try StoreFixture()
        await #expect(throws: (any Error).self) { try await room.counter.flush(to: other.database) }
        try room.count()
        try await room.counter.flush(to: room.state.database)
        try await room.counter.flush(to: room.state.database)
        try await room.state.database.read { reader in
            let domains = try Verdicts.domains(reader, ReportRoom.day)
            #expect(domains.map(\.messages) == [5])
        }
    }

    @Test func `whoever forges a domain's mail can't fill the disk`() async throws {
        let room = try await ReportRoom()
        for round in 0..<3 {
            for number in 0..<10_000 { try room.count(from: "n\(round)-\(number).bank.example") }
            try await room.counter.flush(to: room.state.database)
        }
        #expect(try await room.state.number("SELECT COUNT(*) FROM dmarc_count") == 20_000)
    }
}
