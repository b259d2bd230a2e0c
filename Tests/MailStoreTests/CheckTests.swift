import Blobs
import Directory
import Glibc
import MailStore
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct CheckTests {
    @Test func `wrong counts are found and corrected`() async throws {
        let fixture = try await MailFixture()
        try await fixture.append(flags: [.seen, .deleted])
        try await fixture.append()
        #expect(try await fixture.store.recount(fixture.ann, repairs: false).isEmpty)
        try await fixture.state.database.write { writer in
            try writer.execute(.init("UPDATE mailbox SET messages = 7, unseen = 5, size = 1 WHERE name = 'INBOX'"))
            try writer.execute(.init("UPDATE account_state SET used = 1"))
        }
        #expect(
            try await fixture.store.recount(fixture.ann, repairs: false) == [
                .wrongCounts(path: "INBOX"), .wrongCounts(path: nil),
            ])
        #expect(try await fixture.store.recount(fixture.ann, repairs: true).count == 2)
        #expect(try await fixture.store.recount(fixture.ann, repairs: true).isEmpty)
        try await fixture.checkCounts()
    }

    private static func check(
        _ fixture: MailFixture, _ repairs: MailCheck.Repairs = [], page: Int = 3
    ) async throws -> (findings: [MailCheck.Finding], messages: Int) {
        var findings = try await fixture.store.checkMailboxes(fixture.ann, repairs: !repairs.isEmpty)
        var next: EmailID? = EmailID(rawValue: 0)
        var messages = 0
        while let after = next {
            let check = try await fixture.store.checkMessages(
                fixture.ann, after: after, limit: page, repairs: repairs)
            findings += check.findings
            messages += check.messages
            next = check.next
        }
        findings += try await fixture.store.recount(fixture.ann, repairs: !repairs.isEmpty)
        return (findings, messages)
    }

    private static func filled() async throws -> MailFixture {
        let fixture = try await MailFixture()
        fixture.store.settings.undelete = .seconds(86_400)
        for index in 0..<4 {
            try await fixture.append(
                """
                From: Ann <ann@x.example>\r\nSubject: =?utf-8?q?=C3=A4?= \(index)\r\nMessage-ID: <\(index)@x.example>\r
                Date: Fri, 14 Jul 2017 02:40:0\(index) +0000\r\n\r\nbody \(index)\r

                """, keywords: index == 1 ? ["Work"] : [])
        }
        return fixture
    }

    @Test(arguments: [1, 2, 3, 4, 5, 100])
    func `what is as it should be is left alone`(page: Int) async throws {
        let fixture = try await Self.filled()
        let result = try await Self.check(fixture, page: page)
        #expect(result.findings.isEmpty && result.messages == 4)
    }

    @Test func `files that are lost are told, left, taken out of the way and brought back`() async throws {
        let fixture = try await Self.filled()
        var files = fixture.state.blobFiles.sorted()
        let folder = fixture.state.folder
        // In the order in which they came: the last is cut off, of the first an octet differs, the second is gone.
        try folder.write("", to: "blobs/\(files.removeLast())")
        let first = files.removeFirst()
        let text = folder.text(of: "blobs/\(first)")
        try folder.write(text.replacing("body", with: "bodY"), to: "blobs/\(first)")
        let second = folder.text(of: "blobs/\(files[0])")
        #expect(unlink(folder.file("blobs/\(files[0])")) == 0)
        for repairs in [MailCheck.Repairs(), .mend] {
            let found = try await Self.check(fixture, repairs).findings
            #expect(found.count == 3)
            let missing = found.compactMap { finding in
                if case .missing(let place, let message) = finding { (place, message) } else { nil }
            }
            #expect(missing.count == 1)
            #expect(missing.first?.0.path == "INBOX" && missing.first?.0.uid.rawValue == 2)
            #expect(missing.first?.1.subject == "ä 1" && missing.first?.1.messageID == "1@x.example")
            #expect(missing.first?.1.from == "ann@x.example")
            #expect(try await fixture.info().messages == 4)
        }
        #expect(try await Self.check(fixture, [.mend, .removeDamaged]).findings.count == 3)
        #expect(try await fixture.info().messages == 1)
        #expect(try await Self.check(fixture).findings.isEmpty)
        // The files come back from a backup, and the messages with them.
        try folder.write(text, to: "blobs/\(first)")
        try folder.write(second, to: "blobs/\(files[0])")
        let removed = try await fixture.store.removedMessages(fixture.ann, RemovedFilter(), limit: 10).messages
        let wanted = removed.filter { $0.uid.rawValue < 3 }.map(\.id)
        #expect(try await fixture.store.restore(fixture.ann, wanted) == 2)
        #expect(try await fixture.info().messages == 3)
        #expect(try await Self.check(fixture).findings.isEmpty)
    }

    @Test(arguments: [
        ("UPDATE email SET size = 1", MailCheck.Part.size), ("UPDATE entry SET size = 1", .size),
        ("UPDATE email SET header = CAST('X: y' AS BLOB)", .header), ("UPDATE email SET parsed = x'00'", .header),
        ("UPDATE email SET sent_at = NULL", .header), ("UPDATE entry SET thread_id = 1", .conversation),
        ("UPDATE message_key SET subject_hash = 1", .sortKeys), ("UPDATE message_key SET cited = x'01'", .sortKeys),
        ("UPDATE message_text SET from_text = NULL", .sortKeys), ("UPDATE message_text SET to_key = x'41'", .sortKeys),
        ("UPDATE email_envelope SET envelope = x'28'", .answers),
        ("UPDATE email_structure SET structure = x'28'", .answers),
        ("UPDATE blob SET reference_count = 0, unreferenced_at = 1", .reference),
    ])
    func `what is made of a message is made anew`(fault: String, part: MailCheck.Part) async throws {
        let fixture = try await Self.filled()
        try await fixture.state.database.write { try $0.execute(SQLStatement(text: fault)) }
        for repairs in [MailCheck.Repairs(), .mend] {
            let parts = try await Self.check(fixture, repairs).findings.compactMap { finding in
                if case .wrongRows(_, let what) = finding { what } else { nil }
            }
            #expect(parts == Array(repeating: [part], count: 4))
        }
        #expect(try await Self.check(fixture).findings.isEmpty)
        try await fixture.checkCounts()
        #expect(
            try await fixture.store.search(fixture.inbox, .header(name: "subject", contains: "ä 2")).map(\.rawValue)
                == [3])
    }

    @Test func `rows that are not there yet are not wrong`() async throws {
        let fixture = try await Self.filled()
        for table in ["message_key", "message_text", "email_envelope", "email_structure"] {
            try await fixture.state.database.write { try $0.execute(SQLStatement(text: "DELETE FROM \(table)")) }
        }
        #expect(try await Self.check(fixture).findings.isEmpty)
    }

    @Test(arguments: [
        ("UPDATE mailbox SET uid_next = 2 WHERE name = 'INBOX'", MailCheck.Finding.wrongNumbers(path: "INBOX")),
        ("UPDATE mailbox SET highest_modseq = 1 WHERE name = 'INBOX'", .wrongNumbers(path: "INBOX")),
        ("UPDATE account_state SET modseq = 1", .wrongNumbers(path: nil)),
        ("UPDATE account_state SET last_uid_validity = 1", .wrongNumbers(path: nil)),
        ("DELETE FROM mailbox_keyword", .wrongKeywords(path: "INBOX")),
        ("UPDATE entry_keyword SET uid = 77", .wrongKeywords(path: "INBOX")),
        ("UPDATE mailbox SET parent_id = 99 WHERE name = 'INBOX'", .lostMailbox(name: "INBOX", messages: 4)),
    ])
    func `faults of mailboxes are mended`(fault: String, finding: MailCheck.Finding) async throws {
        let fixture = try await Self.filled()
        try await fixture.state.database.write { try $0.execute(SQLStatement(text: fault)) }
        for repairs in [MailCheck.Repairs(), .mend] {
            #expect(try await Self.check(fixture, repairs).findings == [finding])
        }
        #expect(try await Self.check(fixture).findings.isEmpty)
        if case .lostMailbox = finding {
            #expect(try await fixture.store.mailboxes(fixture.ann).contains { $0.path.hasPrefix("INBOX (recovered ") })
        } else {
            #expect(try await fixture.append().rawValue == 5)
        }
    }

    @Test func `messages in no mailbox are let go of`() async throws {
        let fixture = try await Self.filled()
        try await fixture.state.database.write { try $0.execute(.init("DELETE FROM entry WHERE uid = 2")) }
        try await fixture.state.database.write { try $0.execute(.init("DELETE FROM entry_keyword")) }
        let wanted: [MailCheck.Finding] = [
            .unused(count: 1), .wrongCounts(path: "INBOX"), .wrongCounts(path: nil),
        ]
        for repairs in [MailCheck.Repairs(), .mend] {
            #expect(try await Self.check(fixture, repairs, page: 10).findings == wanted)
        }
        #expect(try await Self.check(fixture).findings.isEmpty)
        try await fixture.checkCounts()
    }

    @Test func `what the text index was to know by now is indexed`() async throws {
        let fixture = try await MailFixture(withIndex: true)
        try await fixture.append()
        try await fixture.append()
        #expect(try await Self.check(fixture).findings.isEmpty)
        fixture.state.clock.advance(by: .seconds(7200))
        for repairs in [MailCheck.Repairs(), .mend] {
            #expect(try await Self.check(fixture, repairs).findings == [.unindexed(count: 2)])
        }
        #expect(try await Self.check(fixture).findings.isEmpty)
    }

    @Test func `old messages are removed by the time they came into the mailbox`() async throws {
        let fixture = try await MailFixture()
        let trash = try await fixture.info("Trash").id
        for _ in 0..<3 { try await fixture.append(to: trash) }
        fixture.state.clock.advance(by: .seconds(31 * 86_400))
        try await fixture.append(to: trash)
        let limit = fixture.state.clock.now().adding(.seconds(-30 * 86_400))
        #expect(try await fixture.store.expunge(trash, savedBefore: limit, limit: 100) == 3)
        #expect(try await fixture.info("Trash").messages == 1)
    }
}
