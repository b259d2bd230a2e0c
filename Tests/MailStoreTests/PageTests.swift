import IMAPCore
import MartletTesting
import SQLEngine
import Testing

@testable import MailStore

@Suite struct PageTests {
    private func walk(
        _ mail: MailFixture, _ uids: [ClosedRange<UInt32>], _ detail: EntryDetail, stop: UInt32 = .max
    ) async throws -> EntryWalk<[String]> {
        try await mail.store.walk(
            mail.inbox, uids: uids, changedSince: nil, detail: detail, state: [],
            prepare: { state, words in
                state.append("keywords of \(words.count)")
                return true
            },
            body: { state, sight, words in
                let text = String(decoding: sight.envelope, as: UTF8.self)
                state.append("\(sight.uid) \(sight.flags.rawValue) \(sight.size) \(text.count) \(words.joined())")
                return sight.uid < stop
            })
    }

    @Test func `a walk sees what it asked for, in order, and stops where it is told`() async throws {
        let mail = try await MailFixture()
        for number in 1...6 {
            try await mail.append(flags: number == 2 ? [.seen] : [], keywords: number == 3 ? ["later"] : [])
        }
        let flags = try await walk(mail, [1...3, 5...6], .flags)
        #expect(flags.state == ["keywords of 1", "1 0 0 0 ", "2 1 0 0 ", "3 0 0 0 later", "5 0 0 0 ", "6 0 0 0 "])
        #expect(flags.end == .done)
        let part = try await walk(mail, [4...6], .row, stop: 5)
        #expect(part.state == ["4 0 20 0 ", "5 0 20 0 "])
        #expect(part.end == .stopped(5))
        #expect(try await walk(mail, [], .row).end == .done)
    }

    @Test func `texts of older emails, or of another version, are made when they are asked for`() async throws {
        let mail = try await MailFixture()
        for _ in 1...5 { try await mail.append() }
        let whole = try await walk(mail, [1...5], .texts)
        #expect(whole.end == .done && whole.state.count == 5)
        try await mail.state.database.write { writer in
            try writer.execute(SQLStatement("DELETE FROM email_envelope WHERE email_id % 2 = 0 OR email_id % 3 = 0"))
            try writer.execute(SQLStatement("UPDATE email_envelope SET version = 0, envelope = X'00'"))
            try writer.execute(SQLStatement("DELETE FROM email_structure WHERE email_id % 3 = 0"))
        }
        #expect(try await walk(mail, [1...5], .texts).state == whole.state)
        for table in ["email_envelope", "email_structure"] {
            #expect(try await mail.state.number("SELECT COUNT(*) FROM \(table) WHERE version > 0") == 5)
        }
    }

    @Test func `an email whose index can't be read ends the walk and nothing else`() async throws {
        let mail = try await MailFixture()
        for _ in 1...3 { try await mail.append() }
        try await mail.state.database.write { writer in
            try writer.execute(SQLStatement("DELETE FROM email_envelope"))
            try writer.execute(SQLStatement("DELETE FROM email_structure"))
            try writer.execute(
                SQLStatement("UPDATE email SET parsed = X'FF' WHERE id = (SELECT email_id FROM entry WHERE uid = 2)"))
        }
        let walked = try await walk(mail, [1...3], .texts)
        #expect(walked.end == .withoutTexts(2))
        #expect(walked.state.count == 1)
        #expect(try await walk(mail, [3...3], .texts).end == .done)
    }

    @Test func `the unread are read from their index`() async throws {
        let mail = try await MailFixture()
        let plan = try await mail.state.rows(
            "EXPLAIN QUERY PLAN " + MailStoreStatements.unseenUIDs.sqliteText, columns: 4)
        #expect(plan.contains { $0.contains("COVERING INDEX entry_unread") }, "\(plan)")
    }

    @Test func `texts go with their email`() async throws {
        let mail = try await MailFixture()
        let uid = try await mail.append(flags: [.deleted])
        _ = try await mail.store.expunge(mail.inbox, uids: [uid])
        #expect(try await mail.state.number("SELECT COUNT(*) FROM email_envelope") == 0)
        #expect(try await mail.state.number("SELECT COUNT(*) FROM email_structure") == 0)
    }
}
