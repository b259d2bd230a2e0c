import Blobs
import Foundation
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct BlobStoreTests {
    private func keep(_ state: StoreFixture, _ content: BlobContent, references: Int = 1) async throws -> StagedBlob {
        let blob = try await state.blobs.stage(content)
        let now = state.clock.now()
        try await state.database.write(files: [blob]) { writer in
            try BlobRows.insert(writer, blob, references: references, now: now)
        }
        return blob
    }

    @Test func `a batch writes, renames, syncs once`() async throws {
        let state = try StoreFixture()
        let blobs = [
            try await state.blobs.stage(.bytes([1])), try await state.blobs.stage(.bytes([2, 3])),
            try await state.blobs.stage(.bytes([])),
        ]
        state.fileSystem.reset()
        let now = state.clock.now()
        try await state.database.write(files: blobs) { writer in
            for blob in blobs { try BlobRows.insert(writer, blob, references: 1, now: now) }
        }
        let write = ["create", "write", "close"]
        #expect(state.fileSystem.calls == write + write + write + ["rename", "rename", "rename", "syncFileSystem"])
        state.fileSystem.setFileSystemSync(supported: false)
        state.fileSystem.reset()
        _ = try await keep(state, .bytes([4]))
        // The file, and its two folders and the root.
        #expect(state.fileSystem.calls.suffix(5) == ["syncFileSystem", "sync", "sync", "sync", "sync"])
    }

    @Test func `every call that fails leaves the blob whole or absent`() async throws {
        for syncsWhole in [true, false] {
            let state = try StoreFixture()
            state.fileSystem.setFileSystemSync(supported: syncsWhole)
            var kept: [StagedBlob] = []
            for call in 0..<24 {
                state.clock.advance(by: .seconds(3600))  // a folder of its own
                state.fileSystem.reset(failing: call)
                let spool = try state.blobs.makeSpool()
                try spool.append([UInt8](repeating: 7, count: 1000))
                let blob = try? await keep(state, .joined(prefix: Array("head".utf8), spool: spool))
                state.fileSystem.reset()
                if let blob { kept.append(blob) }
                #expect(try await state.number("SELECT COUNT(*) FROM blob") == Int64(kept.count))
            }
            #expect(kept.count > 8)
            let finals = state.blobFiles.filter { !$0.hasPrefix("incoming") }
            #expect(finals.count == kept.count)
            // Opened again, nothing temporary remains and everything acknowledged is whole.
            let again = try BlobStore(root: state.blobs.root, ids: state.ids)
            #expect(TemporaryFolder.files(below: again.root).count == kept.count)
            for blob in kept {
                let bytes = try again.open(blob.id, size: blob.size).read(0..<blob.size)
                #expect(bytes == Array("head".utf8) + [UInt8](repeating: 7, count: 1000))
            }
        }
    }

    @Test func `a spool is joined behind its prefix and hashed as one`() async throws {
        let state = try StoreFixture()
        let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let spool = try state.blobs.makeSpool()
        for start in stride(from: 0, to: body.count, by: 65_536) {
            try spool.append(Array(body[start..<min(body.count, start + 65_536)]))
        }
        let prefix = Array("X: y\r\n".utf8)
        let content = BlobContent.joined(prefix: prefix, spool: spool).prepending([65])
        let blob = try await keep(state, content)
        let plain = try await state.blobs.stage(.bytes([65] + prefix + body))
        #expect(blob.sha256 == plain.sha256)
        #expect(blob.size == plain.size)
        let reader = try state.blobs.open(blob.id, size: blob.size)
        #expect(try reader.read(0..<blob.size) == [65] + prefix + body)
        for range in [0..<3, 5..<9, 6..<7, 7..<8, 699_000..<900_000, 900_000..<900_001, 3..<3] {
            #expect(try content.read(range) == reader.read(range))
        }
    }

    @Test func `temporaries of a crash are removed at opening`() throws {
        let state = try StoreFixture()
        let left = state.blobs.root + "/incoming/left"
        _ = FileManager.default.createFile(atPath: left, contents: Data([1]))
        _ = try BlobStore(root: state.blobs.root, ids: state.ids)
        #expect(!FileManager.default.fileExists(atPath: left))
    }

    @Test func `folders of more files than are read at once are read to their end`() throws {
        let state = try StoreFixture()
        for number in 0..<2000 {
            let name = String(repeating: "0", count: 28) + String(4096 + number, radix: 16)
            _ = FileManager.default.createFile(atPath: "\(state.blobs.root)/incoming/\(name)", contents: nil)
        }
        _ = try BlobStore(root: state.blobs.root, ids: state.ids)
        #expect(state.blobFiles.isEmpty)
    }

    @Test func `names read back as they were written`() async throws {
        let state = try StoreFixture()
        let blob = try await state.blobs.stage(.bytes([1]))
        #expect(blob.id.description.utf8.count == 32)
        #expect(BlobID(fileName: blob.id.description) == blob.id)
        for name in ["", "x", String(repeating: "g", count: 32), String(repeating: "0", count: 33)] {
            #expect(BlobID(fileName: name) == nil)
        }
    }

    @Test func `the sweep waits an hour after the last reference`() async throws {
        let state = try StoreFixture()
        let sweep = BlobSweep(store: state.blobs, database: state.database)
        let blob = try await keep(state, .bytes([1]), references: 2)
        for _ in 0..<2 {
            state.clock.advance(by: .seconds(7200))
            #expect(try await sweep.removeUnreferenced(now: state.clock.now()) == 0)
            let now = state.clock.now()
            try await state.database.write { try BlobRows.release($0, blob.id.key, now: now) }
        }
        #expect(try await sweep.removeUnreferenced(now: state.clock.now().adding(.seconds(3600))) == 0)
        // Taken up again within the hour, it stays.
        try await state.database.write { try BlobRows.retain($0, blob.id.key) }
        state.clock.advance(by: .seconds(4000))
        #expect(try await sweep.removeUnreferenced(now: state.clock.now()) == 0)
        let now = state.clock.now()
        try await state.database.write { try BlobRows.release($0, blob.id.key, now: now) }
        await #expect(throws: DatabaseError.self) {
            try await state.database.write { try BlobRows.release($0, blob.id.key, now: now) }
        }
        #expect(try await sweep.removeUnreferenced(now: now.adding(.seconds(3601))) == 1)
        #expect(state.blobFiles.isEmpty)
        await #expect(throws: DatabaseError.self) {
            try await state.database.write { try BlobRows.retain($0, blob.id.key) }
        }
    }

    @Test func `orphans go once they are old, and nothing else does`() async throws {
        let state = try StoreFixture()
        let sweep = BlobSweep(store: state.blobs, database: state.database)
        let kept = try await keep(state, .bytes([1]))
        let orphan = try await state.blobs.stage(.bytes([2]))
        try orphan.writeTemporary()
        try orphan.publish()
        _ = FileManager.default.createFile(atPath: state.blobs.root + "/notes.txt", contents: Data())
        let now = SystemClock().now()
        #expect(try await sweep.removeOrphans(now: now) == 0)
        #expect(try await sweep.removeOrphans(now: now.adding(.seconds(4000))) == 1)
        #expect(try state.blobs.open(kept.id, size: 1).read(0..<1) == [1])
        #expect(throws: FileError.self) { _ = try state.blobs.open(orphan.id, size: 1) }
    }

    @Test func `a reader fills what it is given`() async throws {
        let state = try StoreFixture()
        let blob = try await keep(state, .bytes(Array(0..<100)))
        let reader = try state.blobs.open(blob.id, size: 100)
        var space = [UInt8](repeating: 255, count: 50)
        let end = try space.withUnsafeMutableBytes { try reader.read(at: 70, into: $0) }
        #expect(end == 30)
        #expect(space == Array(70..<100) + [UInt8](repeating: 255, count: 20))
        #expect(try space.withUnsafeMutableBytes { try reader.read(at: 10, into: $0) } == 50)
        #expect(space == Array(10..<60))
        #expect(try space.withUnsafeMutableBytes { try reader.read(at: 100, into: $0) } == 0)
        #expect(try space.withUnsafeMutableBytes { try reader.read(at: 101, into: $0) } == 0)
    }

    @Test(arguments: [
        (Int64(1), UInt64(0xAB), "000/000/000000000000000100000000000000ab"),
        (Int64.max, UInt64.max, "1ff/fff/7fffffffffffffffffffffffffffffff"),
        (Int64(-1), UInt64(0), "3ff/fff/ffffffffffffffff0000000000000000"),
    ])
    func `a name tells its folders`(_ key: Int64, _ random: UInt64, _ place: String) throws {
        let state = try StoreFixture()
        let id = BlobID(key: BlobKey(rawValue: key), random: random)
        #expect(state.blobs.path(of: id) == "\(state.blobs.root)/\(place)")
        #expect(id.description == place.suffix(32))
        #expect(BlobID(fileName: id.description) == id)
    }
}
