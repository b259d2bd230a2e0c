import Foundation
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import Synchronization
import Testing

@testable import MailTables

/// A folder with tables, a clock that is moved by hand, and everything that was said.
final class TableFixture: Sendable {
    let folder: TemporaryFolder
    let clock = ManualClock()
    private let events = Mutex<[TableEvent]>([])

    init() throws { folder = try TemporaryFolder() }

    var said: [TableEvent] { events.withLock { $0 } }

    var failures: [String] {
        said.compactMap { event in
            if case .failed(let diagnostic) = event { return "\(diagnostic.place): \(diagnostic.message)" }
            return nil
        }
    }

    func note(_ event: TableEvent) { events.withLock { $0.append(event) } }

    /// A file that was written a minute ago by the clock of the test.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let path = try folder.write(text, to: name)
        try age(path)
        return path
    }

    func age(_ path: String, seconds: Double = 60) throws {
        let now = Double(clock.now().microseconds) / 1_000_000
        let time = Date(timeIntervalSince1970: now - seconds)
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
    }

    func load(_ names: String...) throws -> TableSet {
        let sources = try names.map { try TableSource.parse($0, relativeTo: folder.path) }
        return try TableSet([(.virtual, sources)], clock: clock, report: { [weak self] in self?.note($0) })
    }

    /// Long enough that files are looked at again.
    func wait() { clock.advance(by: .seconds(1)) }
}

extension TableStore {
    func value(_ key: String, isWhole: Bool = true) async throws -> String? {
        switch await answer(.virtual, key: key, isWhole: isWhole) {
        case .table(let answer): return answer?.value
        case let other: throw TableFailure("\(other)")
        }
    }
}

@Suite struct FileTableTests {
    let fixture: TableFixture

    init() throws { fixture = try TableFixture() }

    @Test func aTableThatChangesIsReadAgain() async throws {
        let path = try fixture.write("a 1\n", to: "t")
        let store = TableStore(try fixture.load("hash:t"))
        #expect(try await store.value("A") == "1")
        try fixture.write("a 2\nb 3\n", to: "t")
        #expect(try await store.value("a") == "1", "looked at too soon")
        fixture.wait()
        #expect(try await store.value("b") == "3")
        #expect(fixture.said == [.readAgain(path: path)])
        #expect(await store.answer(.generic, key: "a", isWhole: true) == .table(nil))
    }

    @Test func aFileThatIsBeingWrittenIsReadALittleLater() async throws {
        let path = try fixture.write("a 1\n", to: "t")
        let store = TableStore(try fixture.load("hash:t"))
        try fixture.write("a 2 and more\n", to: "t")
        fixture.wait()
        try fixture.age(path, seconds: 0.1)
        #expect(try await store.value("a") == "1")
        fixture.clock.advance(by: .milliseconds(600))
        #expect(try await store.value("a") == "2 and more")
    }

    @Test func aBadLineIsSaidOnceAndTheLastGoodTableStays() async throws {
        let path = try fixture.write("a 1\nb 2\n", to: "t")
        let store = TableStore(try fixture.load("hash:t"))
        try fixture.write("a 3\nrubbish\n", to: "t")
        for _ in 0..<3 {
            fixture.wait()
            #expect(try await store.value("a") == "1")
        }
        #expect(fixture.failures == ["\(path):2: has the key `rubbish` and no value"])
        try fixture.write("a 4\n", to: "t")
        fixture.wait()
        #expect(try await store.value("a") == "4")
        #expect(fixture.said.last == .readAgain(path: path))
    }

    @Test(arguments: ["removed", "directory", "empty", "truncated", "unreadable kind"])
    func aFileThatGoesBadIsSaidOnceAndTheLastGoodTableStays(_ how: String) async throws {
        let path = try fixture.write("a 1\nb 2\n", to: "t")
        let store = TableStore(try fixture.load("hash:t"))
        #expect(try await store.value("b") == "2")
        switch how {
        case "empty": try fixture.write("", to: "t")
        case "truncated": try fixture.write("a 1\nb", to: "t")
        default: try FileManager.default.removeItem(atPath: path)
        }
        if how == "directory" { try fixture.folder.makeFolder("t") }
        if how == "unreadable kind" { #expect(mkfifo(path, 0o600) == 0) }
        for _ in 0..<3 {
            fixture.wait()
            #expect(try await store.value("b") == "2")
        }
        #expect(fixture.failures.count == 1)
        #expect(fixture.failures.first?.hasPrefix(path) == true)
        try? FileManager.default.removeItem(atPath: path)
        try fixture.write("b 5\n", to: "t")
        fixture.wait()
        #expect(try await store.value("b") == "5")
    }

    @Test func aClockThatIsSetBackKeepsNothingFromBeingRead() async throws {
        try fixture.write("a 1\n", to: "t")
        let store = TableStore(try fixture.load("hash:t"))
        fixture.clock.advance(by: .seconds(-3600))
        try fixture.write("a 2 2\n", to: "t")
        #expect(try await store.value("a") == "2 2")
    }

    @Test func atTheStartABadTableIsAnError() throws {
        try fixture.write("a 1\nrubbish\n", to: "t")
        try fixture.folder.makeFolder("d")
        let error = #expect(throws: TableErrors.self) { try fixture.load("hash:t", "hash:d", "hash:none") }
        let places = error?.diagnostics.map(\.place) ?? []
        #expect(places == [fixture.folder.file("t") + ":2", fixture.folder.file("d"), fixture.folder.file("none")])
    }

    @Test func onlyACompiledFormIsRefusedWithTheWayOut() throws {
        try fixture.write("\u{0}compiled", to: "t.db")
        let error = #expect(throws: TableErrors.self) { try fixture.load("hash:t") }
        #expect(error?.diagnostics.first?.message.contains("only the compiled form") == true)
        #expect(error?.diagnostics.first?.remedy.contains("postmap -s") == true)
        let named = #expect(throws: TableErrors.self) { try fixture.load("hash:t.db") }
        #expect(named?.diagnostics.first?.message == "is a compiled table")
    }

    @Test func aCompiledFormOfAnotherTextIsRefused() async throws {
        try fixture.write("key value\n", to: "t")
        let compiled = try fixture.write("\u{0}other\u{0}value", to: "t.db")
        try fixture.age(compiled, seconds: 1)
        let error = #expect(throws: TableErrors.self) { try fixture.load("hash:t") }
        #expect(error?.diagnostics.first?.message.contains("made from another text") == true)
        try fixture.write("\u{0}\u{0}key\u{0}value", to: "t.db")
        try fixture.age(compiled, seconds: 1)
        #expect(try await TableStore(try fixture.load("hash:t")).value("key") == "value")
    }

    @Test func tablesAreAskedInOrderAndJoined() async throws {
        try fixture.write("a 1\n", to: "one")
        try fixture.write("a 2\nb a\n", to: "two")
        let store = TableStore(try fixture.load("hash:one", "hash:two"))
        #expect(try await store.value("a") == "1")
        #expect(try await store.value("b") == "a")
        let union = TableStore(try fixture.load("unionmap:{hash:one, hash:two, static:x}"))
        #expect(try await union.value("a") == "1,2,x")
        let pipe = TableStore(try fixture.load("pipemap:{hash:two, hash:one}"))
        #expect(try await pipe.value("b") == "1")
        #expect(try await pipe.value("a") == nil)
    }

    @Test func aPatternOverItsLimitsIsNoAnswer() async throws {
        try fixture.write("/^(a+)+$/ x\n", to: "p")
        let store = TableStore(try fixture.load("pcre:p"))
        guard
            case .unavailable = await store.answer(
                .virtual, key: String(repeating: "a", count: 64) + "!", isWhole: true)
        else { return #expect(Bool(false)) }
    }

    @Test func whereASenderWouldChooseANextHopGroupsAreRefused() throws {
        try fixture.write("/(.*)/ smtp:[$1]\n", to: "p")
        let source = try TableSource.parse("pcre:p", relativeTo: fixture.folder.path)
        #expect(throws: TableErrors.self) { try TableSet([(.transport, [source])]) }
        #expect(throws: Never.self) { try TableSet([(.virtual, [source])]) }
    }
}
