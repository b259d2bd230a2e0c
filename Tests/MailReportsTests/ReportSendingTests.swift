import Archives
import DNSCore
import Directory
import MailAuth
import MailMessage
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Testing

@testable import MailReports

@Suite struct ReportSendingTests {
    @Test func `a day's report is sent once, as the standard has it`() async throws {
        let room = try await ReportRoom()
        try room.count(times: 3)
        try room.count(source: "2001:db8::1")
        try await room.endDay()
        let job = try #require(try await room.due().first)
        #expect(job.dueAt == ReportRoom.day.next.begin.adding(.seconds(1800 + 60)))
        #expect(try await room.sender.send(job).result == .sent)
        let (entry, text) = try #require(try await room.sent().first)
        #expect(entry.message.reversePath == .null && entry.message.signFor?.domain?.ascii == "example.org")
        #expect(entry.recipients.map(\.address.description) == ["d@bank.example"])
        let flat = text.replacing("\r\n ", with: " ")
        let begin = ReportRoom.day.begin.seconds
        let id = "\(begin).bank.example@mx.example.org"
        #expect(flat.contains("From: postmaster@example.org\r\n"))
        #expect(flat.contains("To: d@bank.example\r\n"))
        #expect(flat.contains("Subject: Report Domain: bank.example Submitter: example.org Report-ID: <\(id)>\r\n"))
        #expect(flat.contains("Auto-Submitted: auto-generated\r\n"))
        #expect(flat.contains("Content-Type: application/gzip\r\n"))
        #expect(flat.contains("filename=\"example.org!bank.example!\(begin)!\(begin + 86399).xml.gz\""))
        let report = try DMARCReportReader.read(try Attachment.document(text), now: room.clock.now())
        #expect(report.records.map(\.count) == [3, 1] && report.metadata.reportID == id)
        #expect(report.metadata.email == "postmaster@example.org" && report.policy.domain == "bank.example")
        // Again, by whatever way.
        #expect(try await room.sender.send(job).note == "somebody else was faster")
        try await room.planner.plan(ReportRoom.day)
        #expect(try await room.due().isEmpty)
        #expect(try await room.sent().count == 1)
    }

    @Test func `what can't be queued is sent later, and once`() async throws {
        let room = try await ReportRoom()
        try room.count()
        try await room.endDay()
        let job = try #require(try await room.due().first)
        // The disk fails under the message's file, at each of its calls.
        var failures = 0
        for call in 0..<20 {
            room.state.fileSystem.reset(failing: call)
            do {
                _ = try await room.sender.send(job)
                break
            } catch {
                failures += 1
                #expect(try await room.sent().isEmpty)
                #expect(try await room.jobs().map(\.state) == [.waiting])
            }
        }
        room.state.fileSystem.reset()
        #expect(failures > 0)
        #expect(try await room.sent().count == 1)
        #expect(try await room.jobs().map(\.state) == [.sent])
    }

    @Test func `a report that can't be made does not keep the others`() async throws {
        let room = try await ReportRoom()
        try room.count("a.example", destinations: [ReportURI("mailto:d@a.example")])
        try room.count()
        try await room.endDay()
        try await room.state.database.write {
            try $0.execute(
                SQLStatement(text: "UPDATE dmarc_policy SET policy = 'x' WHERE domain = 'a.example'"), binds: [])
        }
        let service = ReportService(sender: room.sender, verdicts: room.counter, logger: LogRecorder().logger)
        await service.round()
        #expect(try await room.jobs().map(\.state) == [.waiting, .sent])
        #expect(try await room.jobs().map(\.attempts) == [1, 0])
        #expect(try await room.sent().count == 1)
        await service.round()
        #expect(try await room.sent().count == 1)
    }

    @Test func `who has not agreed gets nothing, and the reason is kept`() async throws {
        let room = try await ReportRoom()
        try room.count(destinations: [ReportURI("mailto:d@elsewhere.example")])
        try await room.endDay()
        let outcome = try await room.sender.send(try #require(try await room.due().first))
        #expect(outcome.result == .dropped)
        #expect(outcome.note.contains("elsewhere.example does not agree"))
        #expect(try await room.sent().isEmpty)
        #expect(try await room.jobs().map(\.state) == [.dropped])
    }

    @Test func `a report that is too large for a place does not go there`() async throws {
        let room = try await ReportRoom()
        try room.count(destinations: [
            ReportURI("mailto:small@bank.example", limit: 100), ReportURI("mailto:large@bank.example", limit: 100_000),
        ])
        try await room.endDay()
        let outcome = try await room.sender.send(try #require(try await room.due().first))
        #expect(outcome.note.contains("not to mailto:small@bank.example: the report has"))
        #expect(
            try await room.sent().map { $0.entry.recipients.map(\.address.description) } == [["large@bank.example"]])
        let strict = try await ReportRoom { $0.maximumSize = 100 }
        try strict.count()
        try await strict.endDay()
        #expect(try await strict.sender.send(try #require(try await strict.due().first)).result == .dropped)
        #expect(try await strict.sent().isEmpty)
    }

    @Test func `trouble with the DNS puts off, and ends some time`() async throws {
        let room = try await ReportRoom()
        room.resolver.fail("bank.example._report._dmarc.elsewhere.example", .txt, .timeout)
        try room.count(destinations: [ReportURI("mailto:d@elsewhere.example")])
        try await room.endDay()
        var results: [ReportJob.State] = []
        for _ in 0..<10 {
            guard let job = try await room.due().first else { break }
            let outcome = try await room.sender.send(job)
            results.append(outcome.result)
            #expect(try await room.due().isEmpty)
            room.clock.advance(by: .seconds(9 * 3600))
        }
        #expect(results == [.waiting, .waiting, .waiting, .dropped])
    }

    @Test func `without a key nothing is sent by mail`() async throws {
        let room = try await ReportRoom(keys: false)
        try room.count()
        try await room.endDay()
        let outcome = try await room.sender.send(try #require(try await room.due().first))
        #expect(outcome.result == .waiting && outcome.note.contains("there is no key for mx.example.org"))
        #expect(try await room.sent().isEmpty)
    }

    @Test func `a domain of this server reads its reports here`() async throws {
        let room = try await ReportRoom()
        try room.count("example.org", from: "example.org", destinations: [ReportURI("mailto:postmaster@example.org")])
        try await room.endDay()
        #expect(try await room.sender.send(try #require(try await room.due().first)).result == .sent)
        #expect(try await room.sent().isEmpty)
        #expect(try await room.state.number("SELECT COUNT(*) FROM email") == 1)
    }

    @Test func `settings say who reports`() async throws {
        let room = try await ReportRoom {
            $0.from = EmailAddress("reports@mail.example.org")
            $0.organization = "Exämple"
            $0.contact = EmailAddress("help@example.net")
            $0.kinds = [.dmarc]
        }
        let author = room.sender.author
        #expect(author.signer?.ascii == "example.org" && author.submitter.ascii == "example.net")
        #expect(author.organization == "Exämple" && author.from.description == "reports@mail.example.org")
        room.tlsCounter.record(TLSSessionResult(domain: "one.example", policyType: "no-policy-found"))
        try await room.endDay()
        #expect(try await room.jobs().isEmpty)
    }

    @Test func `old counts and jobs are forgotten`() async throws {
        let room = try await ReportRoom()
        try room.count()
        try await room.endDay()
        for _ in 0..<20 {
            room.clock.advance(by: .seconds(86400))
            try await room.planner.plan()
        }
        #expect(try await room.state.number("SELECT COUNT(*) FROM dmarc_count") == 0)
        #expect(try await room.state.number("SELECT COUNT(*) FROM dmarc_policy") == 0)
        #expect(try await room.jobs().isEmpty)
    }
}

/// The report in a message.
enum Attachment {
    static func document(_ message: String) throws -> [UInt8] {
        let lines = message.replacing("\r\n", with: "\n").split(separator: "\n").drop { !$0.hasPrefix("H4sI") }
        let encoded = lines.prefix { !$0.hasPrefix("--") }.joined()
        let unpacker = try Unpacker(try #require(Base64.decode(encoded)), limits: ArchiveLimits(output: 1 << 20))
        var document: [UInt8] = []
        while let piece = try unpacker.next() { document += piece }
        return document
    }
}
