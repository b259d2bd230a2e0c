import Foundation
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct SQLiteDatabaseTests {
    private func pragma(_ name: String, of database: SQLiteDatabase) async throws -> String {
        try await database.write { try $0.first(SQLStatement(text: "PRAGMA \(name)")) { $0.string(0) } ?? "" }
    }

    @Test func `the writer waits for the disk`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        #expect(try await pragma("synchronous", of: database) == "2")
        #expect(try await pragma("journal_mode", of: database) == "wal")
        #expect(try await pragma("foreign_keys", of: database) == "1")
        var options = SQLiteDatabase.Options()
        options.isDurable = false
        let other = try SQLiteDatabase(path: folder.file("other.db"), migrations: [], options: options)
        #expect(try await pragma("synchronous", of: other) == "0")
    }

    @Test func `a write that need not wait for the disk is seen at once and kept`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let mode = try await database.write(.foreground, .ordered) { writer in
            try writer.execute(Notes.insert, "ordered")
            return try writer.first(SQLStatement(text: "PRAGMA synchronous")) { $0.string(0) }
        }
        #expect(mode == "1")
        #expect(try await database.bodies() == ["ordered"])
        #expect(try await pragma("synchronous", of: database) == "2", "the next write waits again")
        try await database.write(.foreground, .ordered) { _ = try $0.execute(Notes.insert, "again") }
        await database.flush()
        try database.close()
        #expect(try await Notes.open(folder).bodies() == ["again", "ordered"])
    }

    @Test func `where a flush fails that earlier writes wait for, nothing more is written`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        try await database.add("flushed")
        await database.flush()
        try await database.write(.foreground, .ordered) { _ = try $0.execute(Notes.insert, "ordered") }
        // A log that has lost its name can't be flushed by it.
        try FileManager.default.removeItem(atPath: folder.file("notes.db-wal"))
        await database.flush()
        let error = await #expect(throws: DatabaseError.self) { try await database.add("late") }
        guard case .io(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("started again"))
    }

    @Test func `another connection's lock is told as busy`() async throws {
        let folder = try TemporaryFolder()
        var options = SQLiteDatabase.Options()
        options.busyTimeout = 0.01
        let path = folder.file("notes.db")
        let one = try SQLiteDatabase(path: path, migrations: [Notes.migration], options: options)
        let two = try SQLiteDatabase(path: path, migrations: [Notes.migration], options: options)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await one.write { _ in gate.hold() } }
            await gate.waitUntilHeld()
            await #expect(throws: DatabaseError.busy("database is locked")) { try await two.add("x") }
            gate.open()
            try await group.waitForAll()
        }
        try await two.add("x")
        #expect(try await one.bodies() == ["x"])
    }

    @Test func `closing writes what waits and refuses what comes`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await database.write { _ in gate.hold() } }
            await gate.waitUntilHeld()
            for number in 0..<20 { group.addTask { try await database.add("note \(number)") } }
            while database.waitingUnits < 20 { await Task.yield() }
            gate.open()
            try database.close()
            try await group.waitForAll()
        }
        await #expect(throws: DatabaseError.closed) { try await database.add("late") }
        await #expect(throws: DatabaseError.closed) { try await database.bodies() }
        let again = try Notes.open(folder)
        #expect(try await again.bodies().count == 20)
    }

    @Test func `values come back as they were bound`() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(path: folder.file("x.db"), migrations: [])
        let select = SQLStatement(text: "SELECT $1, $2, $3, $4, $5")
        try await database.write { writer in
            let found: Void? = try writer.first(select, Int64.min, "a\0ß", [UInt8](), String?.none, [0, 255]) { row in
                #expect(row.int64(0) == .min)
                #expect(row.string(1) == "a\0ß")
                #expect(row.optionalBytes(2) == [])
                #expect(row.optionalString(3) == nil)
                #expect(row.bytes(4) == [0, 255])
            }
            #expect(found != nil)
        }
    }

    @Test func `a statement may run inside itself`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        for body in ["a", "b"] { try await database.add(body) }
        let pairs = try await database.read { reader in
            try reader.query(Notes.bodies) { row in
                let outer = row.string(0)
                return try reader.query(Notes.bodies) { "\(outer)\($0.string(0))" }
            }.flatMap { $0 }
        }
        #expect(pairs == ["aa", "ab", "ba", "bb"])
    }

    @Test func `ids rise whatever the clock does`() {
        let clock = ManualClock()
        let ids = IDGenerator(node: 1023, clock: clock)
        var last = MailID(rawValue: 1)
        for step in 0..<20_000 {
            switch step % 5000 {
            case 0: clock.advance(by: .milliseconds(3))
            case 1000: clock.advance(by: .seconds(-3600))
            case 2000: clock.advance(by: .seconds(7200))
            default: break
            }
            let next = ids.next()
            #expect(next > last)
            last = next
        }
        #expect((last.rawValue >> 12) & 1023 == 1023)
        #expect(IDGenerator.first(at: clock.now()) <= last)
        #expect(IDGenerator.first(at: clock.now().adding(.seconds(7200))) > last)
    }

    @Test func `a brief read that fails leaves nothing open`() async throws {
        struct Enough: Error {}
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        for number in 1...3 {
            await #expect(throws: Enough.self) {
                try await database.readBriefly { reader in
                    try reader.forEach(Notes.count, binds: []) { _ in throw Enough() }
                }
            }
            try await database.add("note \(number)")
            let count = try await database.readBriefly { try $0.first(Notes.count) { $0.int(0) } }
            #expect(count == number)
        }
        try database.close()
    }

    @Test func `brief reads see what was written, with all connections taken too`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        try await database.add("one")
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let count: @Sendable (any SQLReader) throws -> Int = {
                        try $0.first(Notes.count) { $0.int(0) } ?? 0
                    }
                    return try await number.isMultiple(of: 2) ? database.readBriefly(count) : database.read(count)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts == [Int](repeating: 1, count: 40))
        try database.close()
        await #expect(throws: DatabaseError.self) { try await database.readBriefly { _ in } }
    }
}
