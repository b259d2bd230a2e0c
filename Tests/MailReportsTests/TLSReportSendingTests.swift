import Foundation
import MailAuth
import MailReports
import MailSyntax
import MartletTesting
import OutboundQueue
import Testing

@Suite struct TLSReportSendingTests {
    /// Sessions with the hosts of `one.example`: some well, others not.
    static func count(_ room: ReportRoom) {
        let lines = ["version: STSv1", "mode: testing", "mx: *.one.example", "max_age: 86400"]
        let well = TLSSessionResult(
            domain: "one.example", policyType: "sts", policy: lines, hosts: ["*.one.example"])
        for _ in 0..<5 { room.tlsCounter.record(well) }
        var bad = well
        (bad.failure, bad.host, bad.reason) = ("certificate-expired", "mx.one.example", "it ended \"yesterday\"")
        (bad.sendingAddress, bad.receivingAddress) = ("192.0.2.1", "2001:db8::25")
        room.tlsCounter.record(bad)
        room.tlsCounter.record(bad)
        var dane = TLSSessionResult(
            domain: "one.example", policyType: "tlsa", policy: ["3 1 1 " + String(repeating: "ab", count: 32)],
            hosts: ["mx.one.example"])
        (dane.failure, dane.host) = ("validation-failure", "mx.one.example")
        room.tlsCounter.record(dane)
    }

    @Test func `sessions are told by policy, with the kinds of their failures`() async throws {
        let room = try await ReportRoom()
        Self.count(room)
        room.resolver.text("_smtp._tls.one.example", "v=TLSRPTv1; rua=mailto:tls@one.example,mailto:t@else.example")
        try await room.endDay()
        #expect(try await room.sender.send(try #require(try await room.due().first)).result == .sent)
        let (entry, text) = try #require(try await room.sent().first)
        #expect(entry.recipients.map(\.address.description) == ["tls@one.example", "t@else.example"])
        #expect(entry.message.signFor?.domain?.ascii == "example.org" && entry.message.tlsDemand == .optional)
        let flat = text.replacing("\r\n ", with: " ")
        let begin = ReportRoom.day.begin.seconds
        for line in [
            "TLS-Report-Domain: one.example", "TLS-Report-Submitter: example.org", "TLS-Required: No",
            "Subject: Report Domain: one.example Submitter: example.org Report-ID: <\(begin).one.example@mx.example.org>",
            "Content-Type: application/tlsrpt+gzip",
            "Content-Disposition: attachment; filename=\"example.org!one.example!\(begin)!\(begin + 86399).json.gz\"",
        ] { #expect(flat.contains(line + "\r\n"), "\(line) in \(flat.prefix(2000))") }
        #expect(flat.contains("Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary="))
        let report = try TLSReportReader.read(try Attachment.document(text), now: room.clock.now()).report
        #expect(report.range == TLSReport.Range(start: "2026-09-21T00:00:00Z", end: "2026-09-21T23:59:59Z"))
        #expect(report.contact == "postmaster@example.org" && report.organization == "example.org")
        let sts = try #require(report.policies.first { $0.policy.type == "sts" })
        #expect(sts.summary == TLSReport.Summary(successes: 5, failures: 2) && sts.policy.text.count == 4)
        let failure = try #require(sts.failures.first)
        #expect(failure.type == "certificate-expired" && failure.sessions == 2 && failure.host == "mx.one.example")
        #expect(failure.receivingAddress == "2001:db8::25" && failure.reason == "it ended \"yesterday\"")
        let dane = try #require(report.policies.first { $0.policy.type == "tlsa" })
        #expect(dane.summary == TLSReport.Summary(successes: 0, failures: 1))
        #expect(dane.failures.map(\.type) == ["validation-failure"])
    }

    @Test func `a report goes over HTTPS where the record says so, and is tried again`() async throws {
        let room = try await ReportRoom(keys: false)
        Self.count(room)
        room.resolver.text("_smtp._tls.one.example", "v=TLSRPTv1; rua=https://one.example/tls")
        room.poster.fail("it answers 503")
        try await room.endDay()
        let job = try #require(try await room.due().first)
        let first = try await room.sender.send(job)
        #expect(first.result == .waiting && first.note == "https://one.example/tls: it answers 503")
        #expect(try await room.due().isEmpty)
        room.poster.fail(nil)
        room.clock.advance(by: .seconds(900))
        #expect(try await room.sender.send(try #require(try await room.due().first)).result == .sent)
        let posting = try #require(room.poster.postings.first)
        #expect(posting.url == "https://one.example/tls" && posting.type == "application/tlsrpt+gzip")
        #expect(posting.body.starts(with: [0x1F, 0x8B]))
        #expect(room.poster.postings.count == 1)
        #expect(try await room.sent().isEmpty)
    }

    @Test func `one place that takes it is enough`() async throws {
        let room = try await ReportRoom()
        Self.count(room)
        room.resolver.text("_smtp._tls.one.example", "v=TLSRPTv1; rua=https://one.example/tls,mailto:t@one.example")
        room.poster.fail("nobody is there")
        try await room.endDay()
        let outcome = try await room.sender.send(try #require(try await room.due().first))
        #expect(outcome.result == .sent && outcome.note.contains("not to https://one.example/tls: nobody is there"))
        #expect(try await room.sent().count == 1)
    }

    @Test func `nobody who does not ask gets a report`() async throws {
        let room = try await ReportRoom()
        Self.count(room)
        try await room.endDay()
        let outcome = try await room.sender.send(try #require(try await room.due().first))
        #expect(outcome.result == .dropped && outcome.note == "nobody asks for it")
    }
}

/// A reader of others' making.
@Suite struct ParsedmarcTests {
    /// Where scripts/install-packages puts it.
    private static let program = "/opt/martlet-peers/bin/parsedmarc"
    private static let isThere = FileManager.default.isExecutableFile(atPath: program)

    /// The first report that it finds in a message.
    private static func read(_ message: String, _ room: ReportRoom) async throws -> [String: Any] {
        let folder = room.state.folder
        let file = try folder.write(message, to: "report.eml")
        let result = try await ProcessRunner.run([program, "--offline", "-s", "-o", folder.file("read"), file])
        #expect(result.succeeded, "\(result)")
        for name in ["aggregate", "smtp_tls"] {
            let text = folder.text(of: "read/\(name).json")
            let reports = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
            if let first = reports?.first { return first }
        }
        Issue.record("parsedmarc has read nothing: \(result)")
        return [:]
    }

    @Test(.enabled(if: isThere, "parsedmarc is not installed"))
    func `parsedmarc reads a report of DMARC`() async throws {
        let room = try await ReportRoom()
        try room.count(times: 7)
        try room.count(source: "2001:db8::1", from: "a.bank.example")
        try await room.endDay()
        _ = try await room.sender.send(try #require(try await room.due().first))
        let report = try await Self.read(try #require(try await room.sent().first).text, room)
        let metadata = try #require(report["report_metadata"] as? [String: Any])
        #expect(metadata["org_name"] as? String == "example.org")
        #expect((metadata["errors"] as? [Any])?.isEmpty != false, "\(metadata)")
        let policy = try #require(report["policy_published"] as? [String: Any])
        #expect(policy["domain"] as? String == "bank.example" && policy["p"] as? String == "reject")
        let records = try #require(report["records"] as? [[String: Any]])
        #expect(records.compactMap { $0["count"] as? Int } == [7, 1])
        let evaluated = try #require(records.first?["policy_evaluated"] as? [String: Any])
        #expect(evaluated["disposition"] as? String == "reject" && evaluated["dkim"] as? String == "fail")
    }

    @Test(.enabled(if: isThere, "parsedmarc is not installed"))
    func `parsedmarc reads a report of TLS`() async throws {
        let room = try await ReportRoom()
        TLSReportSendingTests.count(room)
        room.resolver.text("_smtp._tls.one.example", "v=TLSRPTv1; rua=mailto:tls@one.example")
        try await room.endDay()
        _ = try await room.sender.send(try #require(try await room.due().first))
        let report = try await Self.read(try #require(try await room.sent().first).text, room)
        #expect(report["organization_name"] as? String == "example.org")
        let policies = try #require(report["policies"] as? [[String: Any]])
        #expect(Set(policies.compactMap { $0["policy_type"] as? String }) == ["sts", "tlsa"])
        let failures = policies.flatMap { $0["failure_details"] as? [[String: Any]] ?? [] }
        #expect(
            Set(failures.compactMap { $0["result_type"] as? String }) == ["certificate-expired", "validation-failure"])
    }
}
