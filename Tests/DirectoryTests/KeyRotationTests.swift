import Blobs
import Directory
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

private let start = Timestamp(seconds: 1_795_000_000)
private let day = Duration.seconds(86400)

private func domain(_ text: String = "example.org") throws -> DomainName { try #require(DomainName(text)) }

private func key(
    _ id: Int64, _ selector: String, _ state: DKIMKeyState, _ algorithm: String = "rsa", since: Timestamp = start,
    of name: String = "example.org"
) throws -> DKIMKeyRow {
    DKIMKeyRow(
        id: id, domain: try domain(name), selector: selector, algorithm: algorithm, privateKey: "PEM", state: state,
        since: since, createdAt: start)
}

@Suite struct KeyRotationTests {
    private let rotation = KeyRotation(retireAfter: day * 7, rotateEvery: day * 90)

    @Test func `a next key replaces every active key of its algorithm and domain, and nothing else`() throws {
        let keys = [
            try key(1, "rsa1", .active), try key(2, "ed1", .active, "ed25519"), try key(3, "rsa2", .active),
            try key(4, "r2", .next), try key(5, "e2", .next, "ed25519"), try key(6, "old", .retiring),
            try key(7, "rsa1", .active, of: "example.net"),
        ]
        let one = KeyRotation.replacing([4], in: keys)
        #expect(one.beginning.map(\.id) == [4] && one.ending.map(\.id) == [1, 3])
        let both = KeyRotation.replacing([4, 5], in: keys)
        #expect(both.beginning.map(\.id) == [4, 5] && both.ending.map(\.id) == [1, 2, 3])
    }

    @Test(arguments: [DKIMKeyState.active, .retiring, .retired])
    func `only a next key is switched to`(state: DKIMKeyState) throws {
        let keys = [try key(1, "a", .active), try key(2, "b", state)]
        #expect(KeyRotation.replacing([2, 9], in: keys) == KeyRotation.Switch())
    }

    @Test func `a replaced key retires when its time is over, to the microsecond`() throws {
        let keys = [try key(1, "a", .retiring), try key(2, "b", .active), try key(3, "c", .next)]
        let end = start.adding(day * 7)
        #expect(rotation.end(of: keys[0]) == end)
        #expect(rotation.retirements(keys, now: end.adding(.microseconds(-1))) == [])
        #expect(rotation.retirements(keys, now: end).map(\.id) == [1])
    }

    @Test func `a successor is made where every key of an algorithm is too old and none follows`() throws {
        let later = start.adding(day * 90)
        let keys = [
            try key(1, "rsa1", .active), try key(2, "ed1", .active, "ed25519", since: start.adding(day)),
            try key(3, "rsa1", .active, of: "b.example"), try key(4, "r2", .next, of: "b.example"),
            try key(5, "rsa1", .active, of: "c.example"),
            try key(6, "rsa2", .active, since: later, of: "c.example"),
            try key(7, "rsa1", .retired, of: "d.example"),
        ]
        #expect(rotation.beginnings(keys, now: later.adding(.microseconds(-1))) == [])
        let due = rotation.beginnings(keys, now: later)
        #expect(due.map { "\($0.domain) \($0.algorithm)" } == ["example.org rsa"])
        #expect(KeyRotation(retireAfter: day).beginnings(keys, now: later.adding(day * 9000)) == [])
    }

    @Test(arguments: [
        (Duration.seconds(0), Duration.seconds(20)), (.seconds(599), .seconds(20)), (.seconds(600), .seconds(60)),
        (.seconds(3600), .seconds(300)), (.seconds(86400), .seconds(1800)), (.seconds(-5), .seconds(20)),
    ])
    func `the longer a key waits the more seldom is asked`(waiting: Duration, pause: Duration) throws {
        let now = start.adding(waiting)
        let keys = [try key(1, "a", .next)]
        func isDue(_ ago: Duration) -> Bool {
            !rotation.questions(keys, asked: [1: now.adding(.zero - ago)], gone: [], now: now).isEmpty
        }
        #expect(isDue(pause) && !isDue(pause - .microseconds(1)))
    }

    @Test func `next keys are asked about at once, retired ones until they are gone, others never`() throws {
        let keys = try DKIMKeyState.allCases.enumerated().map { try key(Int64($0), "k\($0)", $1) }
        func asked(_ asked: [Int64: Timestamp], gone: Set<Int64> = []) -> [DKIMKeyState] {
            rotation.questions(keys, asked: asked, gone: gone, now: start).map(\.state)
        }
        #expect(asked([:]) == [.next, .retired])
        #expect(asked([:], gone: [3]) == [.next])
        #expect(asked([0: start, 3: start.adding(.zero - day)]) == [.retired])
        // The clock was set back.
        #expect(asked([0: start.adding(day), 3: start]) == [.next])
    }

    @Test func `an operator is reminded a day after, and once a day`() throws {
        let keys = [try key(1, "a", .next), try key(2, "b", .active)]
        func reminded(_ after: Duration, last: Duration? = nil) -> Bool {
            let last = last.map { [Int64(1): start.adding($0)] } ?? [:]
            return !rotation.reminders(keys, reminded: last, now: start.adding(after)).isEmpty
        }
        #expect(!reminded(day - .seconds(1)) && reminded(day))
        #expect(!reminded(day * 2 - .seconds(1), last: day) && reminded(day * 2, last: day))
    }

    @Test func `a selector is made of the day, and is never used twice`() {
        let now = Timestamp(seconds: 1_795_267_200)
        #expect(KeyRotation.selector("rsa", now: now, taken: []) == "r20261121")
        #expect(KeyRotation.selector("ed25519", now: now, taken: ["r20261121"]) == "e20261121")
        #expect(KeyRotation.selector("rsa", now: now, taken: ["r20261121", "r20261121-2"]) == "r20261121-3")
    }
}

@Suite struct KeyStoreTests {
    /// `example.org` with an active key of each algorithm.
    private func make() async throws -> (StoreFixture, Directory) {
        let state = try StoreFixture(migrations: DirectorySchema.migrations)
        let directory = try await Directory(database: state.database, clock: state.clock)
        let keys = [
            NewDKIMKey(selector: "rsa1", algorithm: "rsa", privateKey: "PEM-rsa1"),
            NewDKIMKey(selector: "ed1", algorithm: "ed25519", privateKey: "PEM-ed1"),
        ]
        try await directory.addDomain(try domain(), kind: .sendOnly, postmaster: nil, keys: keys, author: "test")
        return (state, directory)
    }

    private func states(_ directory: Directory) -> [String] {
        directory.snapshot.dkimKeys.map { "\($0.selector) \($0.state.rawValue)" }
    }

    private let next = NewDKIMKey(selector: "r2", algorithm: "rsa", privateKey: "PEM-r2")

    @Test func `a key goes through its life, and its private key goes with its end`() async throws {
        let (state, directory) = try await make()
        let name = try domain()
        try await directory.addNextKeys([next], domain: name, author: "t")
        #expect(states(directory) == ["rsa1 active", "ed1 active", "r2 next"])
        #expect(directory.snapshot.signingKeys(name).map(\.selector) == ["rsa1", "ed1"])
        let id = try #require(directory.snapshot.dkimKeys.last?.id)
        state.clock.advance(by: day)
        let change = try await directory.switchKeys(to: [id], author: "t")
        #expect(change.beginning.map(\.selector) == ["r2"] && change.ending.map(\.selector) == ["rsa1"])
        #expect(states(directory) == ["rsa1 retiring", "ed1 active", "r2 active"])
        #expect(directory.snapshot.signingKeys(name).map(\.selector) == ["ed1", "r2"])
        let old = try #require(directory.snapshot.dkimKeys.first)
        #expect(old.since == state.clock.now() && old.privateKey == "PEM-rsa1")
        // The second of two that do the same finds nothing to do, and makes no revision.
        let revision = directory.snapshot.revision
        #expect(try await directory.switchKeys(to: [id], author: "t") == KeyRotation.Switch())
        #expect(directory.snapshot.revision == revision)
        #expect(try await directory.retireKeys([old.id: "v=DKIM1; p=x", id: "y"], author: "t").map(\.id) == [old.id])
        let retired = try #require(directory.snapshot.dkimKeys.first)
        #expect(retired.state == .retired && retired.privateKey.isEmpty && retired.publicRecord == "v=DKIM1; p=x")
        let again = try await Directory(database: state.database, clock: state.clock)
        #expect(states(again) == ["rsa1 retired", "ed1 active", "r2 active"])
        #expect(try await state.number("SELECT count(*) FROM dkim_key WHERE private_key LIKE 'PEM-rsa1%'") == 0)
    }

    @Test func `two rotations of one algorithm at a time are refused, those of two are not`() async throws {
        let (state, directory) = try await make()
        let name = try domain()
        try await directory.addNextKeys([next], domain: name, author: "t")
        let other = NewDKIMKey(selector: "r3", algorithm: "rsa", privateKey: "PEM")
        let error = await #expect(throws: DirectoryError.self) {
            try await directory.addNextKeys([other], domain: name, author: "t")
        }
        #expect(error?.description.contains("is under way already: r2 waits") == true, "\(String(describing: error))")
        let small = NewDKIMKey(selector: "e2", algorithm: "ed25519", privateKey: "PEM")
        try await directory.addNextKeys([small], domain: name, author: "t")
        // The table itself refuses what a plan would have let through.
        await #expect(throws: DatabaseError.self) {
            try await state.database.write { writer in
                try writer.execute(SQLStatement(text: "UPDATE dkim_key SET state = 'next' WHERE selector = 'rsa1'"))
            }
        }
    }

    @Test func `a selector that was used is refused in any case, also of a key that has retired`() async throws {
        let (_, directory) = try await make()
        let name = try domain()
        let same = NewDKIMKey(selector: "RSA1", algorithm: "rsa", privateKey: "PEM")
        await #expect(throws: DirectoryError.alreadyExists("DKIM selector RSA1 of example.org")) {
            try await directory.addNextKeys([same], domain: name, author: "t")
        }
    }

    @Test func `only a key that waits can be cancelled`() async throws {
        let (_, directory) = try await make()
        let ids = Set(directory.snapshot.dkimKeys.map(\.id))
        #expect(try await directory.removeNextKeys(ids, author: "t") == [])
        try await directory.addNextKeys([next], domain: try domain(), author: "t")
        let all = Set(directory.snapshot.dkimKeys.map(\.id))
        #expect(try await directory.removeNextKeys(all, author: "t").map(\.selector) == ["r2"])
        #expect(states(directory) == ["rsa1 active", "ed1 active"])
    }

    @Test func `what the DNS said is kept without a revision`() async throws {
        let (state, directory) = try await make()
        let id = try #require(directory.snapshot.dkimKeys.first?.id)
        let revision = directory.snapshot.revision
        let seen = DKIMKeySeen(at: state.clock.now(), answer: "no record", isAbsent: true)
        try await directory.noteSeen(id, seen)
        #expect(try await directory.keysSeen() == [id: seen])
        try await directory.reload()
        #expect(directory.snapshot.revision == revision)
    }

    @Test func `keys of an older database sign as they did`() async throws {
        let state = try StoreFixture(migrations: Array(DirectorySchema.migrations.prefix(3)))
        try await state.database.write { writer in
            for text in [
                "INSERT INTO domain (id, name, kind, created_at) VALUES (1, 'example.org', 'send-only', 5)",
                """
                INSERT INTO dkim_key (domain_id, selector, algorithm, private_key, active, created_at)
                VALUES (1, 'on', 'rsa', 'PEM', 1, 7), (1, 'off', 'rsa', 'PEM', 0, 8)
                """,
            ] { try writer.execute(SQLStatement(text: text)) }
        }
        try state.database.close()
        let database = try SQLiteDatabase(
            path: state.folder.file("martlet.db"), migrations: BlobSchema.migrations + DirectorySchema.migrations,
            syncing: state.blobs)
        let directory = try await Directory(database: database, clock: state.clock)
        #expect(states(directory) == ["on active", "off retiring"])
        #expect(directory.snapshot.dkimKeys.map(\.since.microseconds) == [7, 8])
        #expect(directory.snapshot.signingKeys(try domain()).map(\.selector) == ["on"])
        try database.close()
    }
}
