import Archives
import MailStore
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth
@testable import ReportInbox

@Suite struct ReportReceiverTests {
    @Test func `a DMARC report in delivered mail is taken and the mail stays`() async throws {
        let fixture = try await InboxFixture()
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc())))
        try await fixture.receiver.drain()
        #expect(fixture.events.take() == ["filed r1 big.example verified"])
        let report = try #require(try await fixture.listed().first)
        #expect(report.domain == "example.org" && report.organization == "big.example" && report.rows == 3)
        #expect(report.passed == 40 && report.failed == 17)
        #expect(report.policy == "p=reject; sp=none")
        #expect(try await fixture.mail.quota(fixture.ann).messages == 1)
        let groups = try await fixture.reports.senders(fixture.question(), limit: 10)
        #expect(groups.map(\.source) == ["192.0.2.25", "203.0.113.9", "198.51.100.7"])
        #expect(groups.map(\.spf) == [.passed, .failed, .otherDomain])
        #expect(groups.last?.spfDomain == "bounces.example.net")
        let failing = try await fixture.reports.senders(fixture.question(isFailing: true), limit: 10)
        #expect(failing.count == 2)
        let records = try await fixture.reports.records(report.id, limit: 10)
        #expect(records.map(\.messages) == [40, 5, 12])
        #expect(records.last?.spf.first?.result == "softfail")
    }

    @Test(arguments: ["application/zip", "application/octet-stream", "text/xml", "application/x-gzip"])
    func `what is in the attachment counts, not what it is called`(type: String) async throws {
        let fixture = try await InboxFixture()
        let plain = Array(Samples.dmarc().utf8)
        try await fixture.deliver(Samples.message(plain, type: type, name: "a!b!1!2.zip"))
        try await fixture.receiver.drain()
        #expect(fixture.events.take() == ["filed r1 big.example verified"])
    }

    @Test func `a TLS report needs a signature of its sender`() async throws {
        let fixture = try await InboxFixture()
        let content = try Samples.zipped(Samples.tls)
        func deliver(_ results: String?) async throws -> [String] {
            let message = Samples.message(
                content, type: "application/tlsrpt+gzip", name: "r.json.gz", results: results,
                from: "sts@company-x.example")
            try await fixture.deliver(message)
            try await fixture.receiver.drain()
            return fixture.events.take()
        }
        let host = "mx.example.org; "
        #expect(try await deliver(host + "dkim=none") == ["refused company-x.example: invalid"])
        #expect(
            try await deliver(host + "dkim=fail header.d=company-x.example") == ["refused company-x.example: invalid"])
        #expect(try await deliver(host + "dkim=pass header.d=evil.example") == ["refused company-x.example: invalid"])
        #expect(try await deliver(nil) == ["filed t1 company-x.example unverified"], "nobody checked")
        let signed = host + "dkim=pass header.d=company-x.example"
        #expect(try await deliver(signed) == ["filed t1 company-x.example verified"], "it replaces the other")
        #expect(try await deliver(signed) == ["known t1 company-x.example verified"])
        let sessions = try await fixture.reports.sessions(fixture.question(), limit: 10)
        #expect(sessions.map(\.passed) == [50, 0] && sessions.map(\.failed) == [0, 3])
        #expect(sessions.last?.result == "certificate-expired" && sessions.last?.host == "mx.example.org")
        let report = try #require(try await fixture.listed().first)
        let lines = try await fixture.reports.sessionLines(report.id, limit: 10)
        #expect(lines.first?.hosts == ["mx.example.org"] && lines.last?.failure?.sessions == 3)
    }

    @Test func `a report twice is kept once, and who is vouched for replaces who is not`() async throws {
        let fixture = try await InboxFixture()
        let forged = Samples.dmarc().replacing("<count>40</count>", with: "<count>1</count>")
        let results = "evil.example; dkim=pass header.d=big.example"
        try await fixture.deliver(Samples.message(Samples.zipped(forged), results: results))
        try await fixture.receiver.drain()
        #expect(fixture.events.take() == ["filed r1 big.example unverified"], "only our own results count")
        let genuine = Samples.message(try Samples.zipped(Samples.dmarc()))
        try await fixture.deliver(genuine)
        try await fixture.deliver(genuine)
        try await fixture.deliver(Samples.message(Samples.zipped(forged), results: nil))
        try await fixture.receiver.drain()
        #expect(
            fixture.events.take() == [
                "filed r1 big.example verified", "known r1 big.example verified", "known r1 big.example unverified",
            ])
        #expect(try await fixture.listed().map(\.passed) == [40])
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_dmarc") == 3)
    }

    @Test func `mail to others, and other mail, is left alone`() async throws {
        let fixture = try await InboxFixture()
        let report = Samples.message(try Samples.zipped(Samples.dmarc()))
        try await fixture.deliver(report, to: fixture.bob)
        try await fixture.deliver("Subject: Report Domain: example.org\r\n\r\nno attachment\r\n")
        let picture = Samples.message([0xFF, 0xD8, 0xFF], type: "application/zip", name: "x.zip")
        try await fixture.deliver(picture.replacing("Report Domain", with: "My pictures"))
        try await fixture.receiver.drain()
        #expect(fixture.events.take() == [])
        #expect(try await fixture.listed().isEmpty)
    }

    @Test func `hostile reports are refused with a word, and the next one is taken`() async throws {
        var limits = ReportLimits()
        limits.rows = 500
        let fixture = try await InboxFixture(limits: limits)
        let many = Samples.record(source: "192.0.2.1", count: 1, dkim: "pass", spf: "pass", spfDomain: "example.org")
        let hostile: [(String, [UInt8])] = [
            ("too-large", try GzipEncoder.compress([0x3C] + [UInt8](repeating: 0x20, count: 8 << 20))),
            ("malformed", try Samples.zipped(Samples.dmarc(prolog: "<!DOCTYPE l [<!ENTITY a 'aaa'>]>"))),
            ("malformed", try Samples.zipped(Samples.dmarc(prolog: "<!DOCTYPE l SYSTEM 'file:///etc/passwd'>"))),
            ("too-large", try Samples.zipped(Samples.dmarc(extra: String(repeating: many, count: 600)))),
            ("too-large", try Samples.zipped(Samples.dmarc(extra: String(repeating: "<a>", count: 1000)))),
            ("invalid", try Samples.zipped(Samples.dmarc(domain: "other.example"))),
            ("invalid", try Samples.zipped(Samples.dmarc().replacing(">40<", with: ">-40<"))),
            ("invalid", try Samples.zipped(Samples.dmarc().replacing(">40<", with: ">99999999999999999999<"))),
            ("malformed", try Samples.zipped(Samples.dmarc().replacing("big.example", with: "\u{0}"))),
            ("broken-archive", Array(try Samples.zipped(Samples.dmarc()).dropLast(20))),
            ("broken-archive", Array("PK\u{3}\u{4} no more".utf8)),
            ("not-a-report", Array("Dear postmaster".utf8)),
        ]
        for (code, content) in hostile {
            try await fixture.deliver(Samples.message(content))
            try await fixture.receiver.drain()
            #expect(fixture.events.take() == ["refused big.example: \(code)"])
        }
        #expect(try await fixture.listed().isEmpty)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_report") == 0)
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc())))
        try await fixture.receiver.drain()
        #expect(fixture.events.take() == ["filed r1 big.example verified"])
    }

    @Test func `a report on a domain below a hosted one is taken`() async throws {
        let fixture = try await InboxFixture()
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc(domain: "news.Example.org"))))
        try await fixture.receiver.drain()
        #expect(try await fixture.listed().map(\.domain) == ["news.example.org"])
    }

    @Test func `after a crash what was begun is removed and all is read once`() async throws {
        let fixture = try await InboxFixture()
        // Somebody was in the middle of the first, and had not seen the second.
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc())))
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc(id: "r2"))))
        let report = try DMARCReportReader.read(
            Array(Samples.dmarc().utf8), now: fixture.state.clock.now())
        let origin = ReportOrigin(trust: .authenticated, receivedAt: fixture.state.clock.now())
        let begun = try #require(try await fixture.reports.begin(ReportStore.Head(report), origin))
        try await fixture.reports.add(report.records, to: begun, first: 1)
        #expect(try await fixture.listed().isEmpty, "half of a report is not shown")
        let receiver = fixture.restarted()
        let running = Task { try await receiver.run() }
        while try await fixture.listed().count < 2 { await Task.yield() }
        running.cancel()
        _ = await running.result
        #expect(fixture.events.take().sorted() == ["filed r1 big.example verified", "filed r2 big.example verified"])
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_dmarc") == 6)
        // And once more: nothing is read twice.
        try await fixture.restarted().catchUp()
        #expect(fixture.events.take() == [])
    }

    @Test func `a large report is stored in pieces, and removed when its time is over`() async throws {
        let fixture = try await InboxFixture()
        let one = Samples.record(source: "192.0.2.1", count: 1, dkim: "pass", spf: "pass", spfDomain: "example.org")
        let content = try Samples.zipped(Samples.dmarc(extra: String(repeating: one, count: 2100)))
        try await fixture.deliver(Samples.message(content))
        try await fixture.receiver.drain()
        #expect(try await fixture.listed().first?.rows == 2103)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_dmarc") == 2103)
        #expect(try await fixture.reports.purge(before: Timestamp(seconds: 1_763_596_799)) == 0)
        #expect(try await fixture.reports.purge(before: Timestamp(seconds: 1_763_596_800)) == 1)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_dmarc") == 0)
    }

    @Test func `beyond what is kept at most those go that nobody vouches for, then the oldest`() async throws {
        let fixture = try await InboxFixture()
        let now = fixture.state.clock.now()
        for (number, trust) in [ReportTrust.imported, .authenticated, .none, .authenticated, .none].enumerated() {
            let end = 1_763_596_799 - number * 86_400
            let text = Samples.dmarc(id: "r\(number)")
                .replacing("1763510400", with: "\(end - 86_399)").replacing("1763596799", with: "\(end)")
            let origin = ReportOrigin(trust: trust, receivedAt: now)
            _ = try await fixture.receiver.file(Samples.zipped(text), origin).get()
        }
        func left(_ reports: Int, _ rows: Int) async throws -> [String] {
            let store = ReportStore(database: fixture.state.database, mostReports: reports, mostRows: rows)
            _ = try await store.purge(before: nil)
            return try await fixture.listed().map(\.reportID).sorted()
        }
        #expect(try await left(5, 15).count == 5)
        #expect(try await left(4, 15) == ["r0", "r1", "r2", "r3"])
        // Three rows each.
        #expect(try await left(4, 8) == ["r0", "r1"])
        #expect(try await left(1, 8) == ["r0"])
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM received_dmarc") == 3)
    }

    @Test func `mail from before is read when an operator asks for it`() async throws {
        let fixture = try await InboxFixture()
        fixture.mail.follow(nil)
        try await fixture.deliver(Samples.message(Samples.zipped(Samples.dmarc())))
        fixture.state.clock.advance(by: .seconds(3600))
        try await fixture.receiver.lookAgain(since: Timestamp(seconds: 1_763_000_000))
        try await fixture.receiver.lookAgain(since: Timestamp(seconds: 1_763_000_000))
        #expect(fixture.events.take() == ["filed r1 big.example verified", "known r1 big.example verified"])
    }

    @Test func `files and messages that are brought say what came of them`() async throws {
        let fixture = try await InboxFixture()
        let origin = ReportOrigin(trust: .imported, receivedAt: fixture.state.clock.now())
        let content = try Samples.zipped(Samples.dmarc())
        let filed = try await fixture.receiver.file(content, origin).get()
        #expect(filed.id != nil && !filed.isKnown)
        let message = Array(Samples.message(content).utf8)
        #expect(try await fixture.receiver.file(message: message, origin).map { try $0.get().isKnown } == [true])
        let none = try await fixture.receiver.file(message: Array("Subject: x\r\n\r\ny\r\n".utf8), origin)
        #expect(throws: ReportError.self) { try none.first?.get() }
    }
}
