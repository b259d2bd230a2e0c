import CSQLite
import Foundation
import MailConfig
import MailPolicy
import MartletTesting
import Testing

@testable import MailTables

@Suite struct SQLiteTableTests {
    let fixture: TableFixture

    init() throws {
        fixture = try TableFixture()
        try makeDatabase("t.db")
    }

    private static let rows = """
        create table a(k text, v text);
        insert into a values ('fbi@example.org','one'),('fbi@example.org','two@x'),('o''brien@example.org','quote'),
        ('user','u'),('@example.com','cat'),('num@example.org',42),('null@example.org',null),('empty@example.org',''),
        ('mix@example.org',''),('mix@example.org','z@y');
        """

    private func makeDatabase(_ name: String, _ sql: String = rows) throws {
        var handle: OpaquePointer?
        defer { sqlite3_close(handle) }
        #expect(sqlite3_open(fixture.folder.file(name), &handle) == SQLITE_OK)
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
    }

    private func store(_ lines: String, database: String = "t.db") throws -> TableStore {
        try fixture.write("dbpath = \(fixture.folder.file(database))\n\(lines)\n", to: "t.cf")
        return TableStore(try fixture.load("sqlite:t.cf"))
    }

    private static let keys = [
        "fbi@example.org", "FBI@EXAMPLE.ORG", "o'brien@example.org", "user", "@example.com", "num@example.org",
        "null@example.org", "empty@example.org", "mix@example.org", "nobody", "x' OR '1'='1",
    ]

    /// What `postmap -q` of Postfix 3.7 answers to the same keys, tables and queries.
    @Test(arguments: [
        (
            "query = SELECT v FROM a WHERE k = '%s'",
            ["one,two@x", "one,two@x", "quote", "u", "cat", "42", nil, nil, "z@y", nil, nil]
        ),
        (
            """
            query = SELECT v FROM a WHERE k = '%u@%d' AND '%2' = 'example'
            result_format = <%s|%u|%D>
            domain = example.org, example.com
            """,
            [
                "<one|one|example.org>,<two@x|two|example.org>", "<one|one|example.org>,<two@x|two|example.org>",
                "<quote|quote|example.org>", nil, nil, "<42|42|example.org>", nil, nil, "<z@y|z|example.org>", nil, nil,
            ]
        ),
        (
            "query = SELECT v FROM a WHERE k = '%s' ORDER BY v\n LIMIT 5\nresult_format = %d",
            ["x", "x", nil, nil, nil, nil, nil, nil, "y", nil, nil]
        ),
        (
            "select_field = v\ntable = a\nwhere_field = k\nadditional_conditions = AND v <> 'one'",
            ["two@x", "two@x", "quote", "u", "cat", "42", nil, nil, "z@y", nil, nil]
        ),
    ])
    func answersAreThoseOfPostfix(_ lines: String, _ expected: [String?]) async throws {
        let store = try store(lines)
        for (key, value) in zip(Self.keys, expected) {
            #expect(try await store.value(key) == value, "\(key)")
        }
    }

    @Test(arguments: [
        ("query = SELECT v FROM a WHERE k = %s", "outside of single quotes"),
        ("query = SELECT v FROM a WHERE k = \"%s\"", "outside of single quotes"),
        ("query = SELECT v FROM a WHERE k = '%x'", "means nothing"),
        ("query = SELECT v FROM a WHERE k = '%s", "doesn't end"),
        ("query = SELECT v FROM b WHERE k = '%s'", "no such table"),
        ("query = DELETE FROM a WHERE k = '%s'", "doesn't only read"),
        ("query = SELECT v FROM a WHERE k = '%s'; DROP TABLE a", "SQLite refuses"),
        ("query = SELECT v FROM a WHERE k = ?", "of its own"),
        ("domain = x", "has no `query`"),
        ("query = SELECT v FROM a WHERE k = '%s'\ndomain = hash:/x", "names `hash:/x`"),
        ("query = SELECT v FROM a WHERE k = '%s'\nexpansion_limit = many", "no number"),
        ("query = SELECT v FROM a WHERE k = '%s'\nresult_format = %x", "means nothing"),
        ("rubbish", "is not `name = value`"),
    ])
    func whatCanNotBeAskedIsRefused(_ lines: String, _ message: String) throws {
        let error = #expect(throws: TableErrors.self) { try store(lines) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func aDatabaseThatIsLockedOrBrokenIsNoAnswer() async throws {
        let store = try store("query = SELECT v FROM a WHERE k = '%s'")
        #expect(try await store.value("user") == "u")
        var handle: OpaquePointer?
        defer { sqlite3_close(handle) }
        sqlite3_open(fixture.folder.file("t.db"), &handle)
        #expect(sqlite3_exec(handle, "DROP TABLE a", nil, nil, nil) == SQLITE_OK)
        guard case .unavailable = await store.answer(.virtual, key: "user", isWhole: true) else {
            return #expect(Bool(false), "a table that is gone must not be an address that is not there")
        }
    }

    @Test func moreRowsThanTheLimitAreNoAnswer() async throws {
        let store = try store("query = SELECT v FROM a WHERE k = '%s'\nexpansion_limit = 1")
        #expect(try await store.value("user") == "u")
        await #expect(throws: TableFailure.self) { try await store.value("fbi@example.org") }
    }

    @Test func aDatabaseThatWasReplacedIsOpenedAgain() async throws {
        let store = try store("query = SELECT v FROM a WHERE k = '%s'")
        #expect(try await store.value("user") == "u")
        try makeDatabase("new.db", "create table a(k text, v text); insert into a values ('user','new');")
        #expect(rename(fixture.folder.file("new.db"), fixture.folder.file("t.db")) == 0)
        fixture.clock.advance(by: .seconds(2))
        #expect(try await store.value("user") == "new")
    }

    @Test func theDatabaseIsNeverWritten() async throws {
        let store = try store("query = SELECT v FROM a WHERE k = '%s'")
        let before = try Data(contentsOf: URL(filePath: fixture.folder.file("t.db")))
        _ = try await store.value("user")
        #expect(try Data(contentsOf: URL(filePath: fixture.folder.file("t.db"))) == before)
    }
}
