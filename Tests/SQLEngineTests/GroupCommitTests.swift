import MartletTesting
import SQLEngine
import Testing

@Suite struct GroupCommitTests {
    struct Own: Error {}

    @Test func `units that gather share a batch`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await database.write { _ in gate.hold() } }
            await gate.waitUntilHeld()
            for number in 0..<200 { group.addTask { try await database.add("note \(number)") } }
            // The writer is held, so every unit that is enqueued by now is in one batch; those that come later add a few.
            group.addTask {
                while database.waitingUnits < 200 { await Task.yield() }
                gate.open()
            }
            try await group.waitForAll()
        }
        #expect(try await database.bodies().count == 200)
        #expect(database.statistics.units == 201)
        #expect(database.statistics.batches == 2)
    }

    @Test func `a unit that fails leaves its batch alone`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let gate = Gate()
        let outcomes = try await withThrowingTaskGroup(of: (String, (any Error)?).self) { group in
            group.addTask {
                try await database.write { _ in gate.hold() }
                return ("gate", nil)
            }
            await gate.waitUntilHeld()
            for body in ["a", "forbidden", "b", "throws", "c"] {
                group.addTask {
                    do {
                        try await database.write { writer in
                            try writer.execute(Notes.insert, "\(body) first")
                            if body == "throws" { throw Own() }
                            try writer.execute(Notes.insert, body)
                        }
                        return (body, nil)
                    } catch {
                        return (body, error)
                    }
                }
            }
            while database.waitingUnits < 5 { await Task.yield() }
            gate.open()
            return try await group.reduce(into: [String: (any Error)?]()) { $0[$1.0] = .some($1.1) }
        }
        #expect(try await database.bodies() == ["a", "a first", "b", "b first", "c", "c first"])
        #expect(outcomes["throws"].flatMap { $0 } is Own)
        guard case .constraint(let text)? = outcomes["forbidden"].flatMap({ $0 }) as? DatabaseError else {
            Issue.record("not a constraint error: \(String(describing: outcomes["forbidden"]))")
            return
        }
        #expect(text.contains("CHECK"))
    }

    @Test func `a unique constraint is a constraint error and the writer goes on`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        try await database.add("one")
        await #expect(throws: DatabaseError.constraint("UNIQUE constraint failed: note.body")) {
            try await database.add("one")
        }
        try await database.add("two")
        #expect(try await database.bodies() == ["one", "two"])
    }

    @Test func `a lost transaction runs its units one by one`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let gate = Gate()
        let runs = CallLog()
        let failed = try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                try await database.write { _ in gate.hold() }
                return nil
            }
            await gate.waitUntilHeld()
            for body in ["a", "loses", "b"] {
                group.addTask {
                    do {
                        try await database.write { writer in
                            runs.add(body)
                            try writer.execute(Notes.insert, body)
                            // What SQLite does by itself when the disk is full.
                            if body == "loses" { try writer.execute(SQLStatement(text: "ROLLBACK")) }
                            // Must not commit by itself, outside of any transaction.
                            try writer.execute(Notes.insert, "\(body) second")
                        }
                        return nil
                    } catch {
                        return body
                    }
                }
            }
            while database.waitingUnits < 3 { await Task.yield() }
            gate.open()
            return try await group.reduce(into: Set<String>()) { if let body = $1 { $0.insert(body) } }
        }
        #expect(failed == ["loses"])
        #expect(try await database.bodies() == ["a", "a second", "b", "b second"])
        #expect(runs.calls.count { $0 == "loses" } == 2)
    }

    @Test func `a full file fails what doesn't fit and keeps what does`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        try await database.add("before")
        let pages = try await database.read {
            try $0.first(SQLStatement(text: "PRAGMA page_count")) { $0.int64(0) } ?? 0
        }
        try await database.write { writer in
            try writer.execute(SQLStatement(text: "PRAGMA max_page_count = \(pages + 2)"))
        }
        await #expect(throws: DatabaseError.full("database or disk is full")) {
            try await database.add(String(repeating: "x", count: 100_000))
        }
        try await database.add("after")
        #expect(try await database.bodies() == ["after", "before"])
    }

    @Test func `bulk work is not kept out for ever`() async throws {
        let folder = try TemporaryFolder()
        let database = try Notes.open(folder)
        let gate = Gate()
        let order = CallLog()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await database.write { _ in gate.hold() } }
            await gate.waitUntilHeld()
            group.addTask { try await database.write(.bulk) { _ in order.add("bulk") } }
            while database.waitingUnits < 1 { await Task.yield() }
            for _ in 0..<2000 {
                group.addTask { try await database.write { _ in order.add("mail") } }
            }
            while database.waitingUnits < 2001 { await Task.yield() }
            gate.open()
            try await group.waitForAll()
        }
        let place = try #require(order.calls.firstIndex(of: "bulk"))
        #expect(place > 0)
        #expect(place < 1500)
    }

    @Test func `files are written, published, synced once, then committed`() async throws {
        let folder = try TemporaryFolder()
        let log = CallLog()
        let database = try Notes.open(folder, syncing: log)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await database.write { _ in gate.hold() } }
            await gate.waitUntilHeld()
            for (waiting, name) in ["a", "b", "c"].enumerated() {
                group.addTask {
                    try await database.write(files: [RecordedFile(name, log)]) { _ in log.add("commit \(name)") }
                }
                while database.waitingUnits < waiting + 1 { await Task.yield() }
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(
            log.calls == [
                "write a", "write b", "write c", "publish a", "publish b", "publish c", "sync 3", "commit a",
                "commit b",
                "commit c",
            ])
    }

    @Test(arguments: [RecordedFile.Failure.write, .publish])
    func `a file that fails takes only its unit with it`(_ failure: RecordedFile.Failure) async throws {
        let folder = try TemporaryFolder()
        let log = CallLog()
        let database = try Notes.open(folder, syncing: log)
        await #expect(throws: failure) {
            try await database.write(files: [RecordedFile("x", log, failing: failure)]) { writer in
                try writer.execute(Notes.insert, "x")
            }
        }
        #expect(log.calls.last == "discard x")
        #expect(try await database.bodies().isEmpty)
    }

    @Test func `a sync that fails acknowledges nothing and runs no body`() async throws {
        let folder = try TemporaryFolder()
        let log = CallLog()
        let database = try Notes.open(folder, syncing: log)
        log.failSync()
        await #expect(throws: RecordedFile.Failure.sync) {
            try await database.write(files: [RecordedFile("x", log)]) { writer in
                try writer.execute(Notes.insert, "x")
            }
        }
        #expect(log.calls == ["write x", "publish x", "sync 1", "discard x"])
        #expect(try await database.bodies().isEmpty)
    }

    @Test func `a unit that fails in SQL gives its files back`() async throws {
        let folder = try TemporaryFolder()
        let log = CallLog()
        let database = try Notes.open(folder, syncing: log)
        await #expect(throws: Own.self) {
            try await database.write(files: [RecordedFile("x", log)]) { _ in throw Own() }
        }
        #expect(log.calls.last == "discard x")
    }
}
