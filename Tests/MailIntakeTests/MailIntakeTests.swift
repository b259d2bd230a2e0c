import Blobs
import Directory
import Foundation
import MailIntake
import MailMessage
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Testing

/// A whole state block with two accounts of `example.com`.
struct IntakeFixture {
    let state: StoreFixture
    let directory: Directory
    let store: MailStore
    let queue: OutboundQueue
    let intake: MailIntake
    let ann: Account
    let bob: Account

    init() async throws {
        state = try StoreFixture(
            migrations: DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
                + TraceSchema.migrations + SendMeterSchema.migrations)
        directory = try await Directory(database: state.database, clock: state.clock)
        store = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock)
        queue = OutboundQueue(database: state.database, clock: state.clock)
        intake = MailIntake(
            database: state.database, store: store, queue: queue, blobs: state.blobs, ids: state.ids, clock: state.clock
        )
        let domain = try #require(DomainName("example.com"))
        let address = try #require(EmailAddress("ann@example.com"))
        try await directory.addDomain(domain, postmaster: address, keys: [], author: "test")
        ann = try await directory.addAccount(address, name: nil, quota: nil, author: "test")
        bob = try await directory.addAccount(
            try #require(EmailAddress("bob@example.com")), name: nil, quota: nil, author: "test")
        for account in [ann, bob] { try await store.prepareAccount(account.id) }
    }

    func acceptance(_ text: String, local: [Account], remote: [String] = []) throws -> Acceptance {
        let bytes = Array(text.utf8)
        return Acceptance(
            id: state.ids.next(), reversePath: .address(try #require(EmailAddress("sender@example.net"))),
            content: .bytes(bytes), index: MessageIndex(scanning: bytes),
            local: local.map { LocalDelivery(account: $0.id, recipient: $0.address) },
            remote: try remote.map { NewQueueRecipient(address: try #require(EmailAddress($0))) },
            trace: [
                TraceStep(stage: "expansion", rule: "a\"b\\c\u{1}", before: "x\r\ny", after: "ü\u{7f}", note: "")
            ],
            origin: AcceptanceOrigin(listener: "mx", client: "192.0.2.1", helo: "quote\"", login: nil, tls: "TLSv1.3"))
    }
}

@Suite struct MailIntakeTests {
    private let text = "Subject: hello\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n"

    @Test func `what is not in the index yet is found newest first, by whole addresses alone`() async throws {
        let fixture = try await IntakeFixture()
        var ids: [MailID] = []
        let remote = ["a_b@example.org", "axb@example.org", "A_B@Example.org", "xa_b@example.org", "größe@example.org"]
        for address in remote {
            let acceptance = try fixture.acceptance(text, local: [], remote: [address])
            ids.append(acceptance.id)
            _ = try await fixture.intake.accept(acceptance)
        }
        func find(_ criterion: TraceCriterion, _ limit: Int = 10) async throws -> [Int] {
            try await fixture.intake.traces(criterion, limit: limit).compactMap { ids.firstIndex(of: $0.id) }
        }
        #expect(try await find(.to("a_b@example.org")) == [2, 0])
        #expect(try await find(.to("<A_B@EXAMPLE.ORG>"), 1) == [2])
        #expect(try await find(.to("axb@example.org")) == [1])
        #expect(try await find(.to("%@example.org")).isEmpty)
        #expect(try await find(.to("GRÖSSE@example.org")).isEmpty)
        #expect(try await find(.to("GRÖßE@example.org")) == [4])
        #expect(try await find(.from("Sender@example.net")) == [4, 3, 2, 1, 0])
        #expect(try await find(.from("<sender@example.net>"), 2) == [4, 3])
        #expect(try await find(.messageID("A@b"), 2) == [4, 3])
        #expect(try await find(.to(String(repeating: "a", count: 60_000))).isEmpty)
    }

    @Test func `histories are found before and after they are indexed, and not after they are purged`() async throws {
        let fixture = try await IntakeFixture()
        let acceptance = try fixture.acceptance(text, local: [fixture.ann], remote: ["r@example.org"])
        _ = try await fixture.intake.accept(acceptance)
        func found(_ criterion: TraceCriterion) async throws -> [MailID] {
            try await fixture.intake.traces(criterion, limit: 10).map(\.id)
        }
        func expectFound() async throws {
            for criterion: TraceCriterion in [
                .id(acceptance.id), .messageID("A@b"), .to("ann@example.com"), .to("R@example.org"),
                .from("sender@example.net"),
            ] {
                #expect(try await found(criterion) == [acceptance.id], "\(criterion)")
            }
            #expect(try await found(.to("x@example.org")).isEmpty)
        }
        #expect(try await fixture.intake.indexTraces() == 0)
        try await expectFound()
        fixture.state.clock.advance(by: .seconds(3601))
        #expect(try await fixture.intake.indexTraces() == 1)
        #expect(try await fixture.intake.indexTraces() == 0)
        try await expectFound()
        #expect(try await fixture.intake.traces(.id(acceptance.id), limit: 1).first?.recipients.count == 2)
        fixture.state.clock.advance(by: .seconds(1))
        #expect(try await fixture.intake.purgeTraces(before: fixture.state.clock.now()) == 1)
        #expect(try await found(.to("ann@example.com")).isEmpty)
        #expect(try await found(.id(acceptance.id)).isEmpty)
    }

    @Test func `local and remote recipients share one commit`() async throws {
        let fixture = try await IntakeFixture()
        let before = fixture.state.database.statistics.units
        let accepted = try await fixture.intake.accept(
            fixture.acceptance(
                text, local: [fixture.bob, fixture.ann, fixture.bob], remote: ["x@example.org", "y@example.org"]))
        #expect(fixture.state.database.statistics.units == before + 1)
        #expect(accepted.filed.count == 2)
        #expect(accepted.queued == 2)
        #expect(try await fixture.queue.list(limit: 10).count == 1)
        #expect(
            try await fixture.state.rows("SELECT reference_count, size FROM blob ORDER BY size", columns: 2).count == 2)
        #expect(try await fixture.state.number("SELECT MAX(reference_count) FROM blob") == 2)
        for account in [fixture.ann, fixture.bob] {
            let inbox = try #require(try await fixture.store.mailbox(account.id, path: "inbox"))
            #expect(inbox.messages == 1)
            #expect(inbox.unseen == 1)
            let (row, index) = try #require(
                try await fixture.store.indexes(inbox.id, uids: [1...UInt32.max], limit: 10).first)
            let whole = "Return-Path: <sender@example.net>\r\n" + text
            #expect(row.size == whole.utf8.count)
            let bytes = try await fixture.store.openMessage(row.email).read(0..<row.size)
            #expect(String(decoding: bytes, as: UTF8.self) == whole)
            #expect(index == MessageIndex(scanning: bytes))
        }
    }

    @Test func `the trace is JSON`() async throws {
        let fixture = try await IntakeFixture()
        let accepted = try await fixture.intake.accept(
            fixture.acceptance(text, local: [fixture.ann], remote: ["x@example.org"]))
        let rows = try await fixture.state.rows(
            "SELECT id, recipients, message_id, origin, steps FROM trace", columns: 1)
        #expect(rows == ["\(accepted.id.rawValue)"])
        let steps = try #require(try await fixture.state.rows("SELECT steps FROM trace", columns: 1).first)
        let decoded = try JSONDecoder().decode([TraceStep].self, from: Data(steps.utf8))
        #expect(decoded.first?.rule == "a\"b\\c\u{1}")
        #expect(decoded.first?.before == "x\r\ny")
        #expect(decoded.first?.after == "ü\u{7f}")
        #expect(decoded.first?.note == "")
        let origin = try #require(try await fixture.state.rows("SELECT origin FROM trace", columns: 1).first)
        let members = try JSONDecoder().decode([String: String].self, from: Data(origin.utf8))
        #expect(members == ["listener": "mx", "client": "192.0.2.1", "helo": "quote\"", "tls": "TLSv1.3"])
        #expect(try await fixture.intake.purgeTraces(before: fixture.state.clock.now()) == 0)
        #expect(try await fixture.intake.purgeTraces(before: fixture.state.clock.now().adding(.seconds(1))) == 1)
    }

    @Test func `what fails leaves nothing`() async throws {
        let fixture = try await IntakeFixture()
        let good = try fixture.acceptance(text, local: [fixture.ann], remote: ["x@example.org"])
        // The same id again: the queue's row can't be made, after everything local was.
        _ = try await fixture.intake.accept(good)
        let files = fixture.state.blobFiles
        await #expect(throws: DatabaseError.self) { _ = try await fixture.intake.accept(good) }
        #expect(fixture.state.blobFiles == files)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM blob") == 2)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM entry") == 1)
        #expect(
            try await fixture.state.number("SELECT messages FROM account_state WHERE account_id = $1", fixture.ann.id)
                == 1)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM trace") == 1)
    }

    @Test func `a file system that fails at any call keeps all or nothing`() async throws {
        let fixture = try await IntakeFixture()
        var acknowledged = 0
        for call in 0..<40 {
            fixture.state.fileSystem.reset(failing: call)
            let spool = try fixture.intake.makeSpool()
            try spool.append(Array("spooled body \(call)\r\n".utf8))
            var acceptance = try fixture.acceptance(text, local: [fixture.ann], remote: ["x@example.org"])
            acceptance.content = .joined(prefix: Array("Subject: x\r\n\r\n".utf8), spool: spool)
            acceptance.index = MessageIndex(scanning: try acceptance.content.read(0..<acceptance.content.size))
            do {
                _ = try await fixture.intake.accept(acceptance)
                acknowledged += 1
            } catch is FileError {
                #expect(call < fixture.state.fileSystem.calls.count)
            }
            fixture.state.fileSystem.reset()
            #expect(try await fixture.state.number("SELECT COUNT(*) FROM entry") == Int64(acknowledged))
            #expect(try await fixture.state.number("SELECT COUNT(*) FROM trace") == Int64(acknowledged))
            #expect(fixture.state.blobFiles.count { !$0.hasPrefix("incoming") } == acknowledged * 2)
        }
        #expect(acknowledged > 10)
        let inbox = try await fixture.store.inbox(fixture.ann.id)
        for row in try await fixture.store.rows(inbox, uids: [1...UInt32.max], limit: 1000) {
            #expect(try await fixture.store.openMessage(row.email).read(0..<row.size).count == row.size)
        }
    }

    @Test func `accepting thousands is not absurdly slow`() async throws {
        let fixture = try await IntakeFixture()
        let start = ContinuousClock.now
        for number in 0..<2000 {
            _ = try await fixture.intake.accept(
                fixture.acceptance(
                    "Subject: \(number)\r\nMessage-ID: <\(number)@b>\r\n\r\nbody\r\n", local: [fixture.ann]))
        }
        print("accept: \((ContinuousClock.now - start) / 2000) each")
        #expect(try await fixture.store.quota(fixture.ann.id).messages == 2000)
    }
}
