import Foundation
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import Testing

@testable import MailTables

/// OpenDKIM's tables with keys, in a folder.
private struct KeyRoom {
    let fixture: TableFixture
    let manifest: Manifest
    static let key = try? DKIMSigningKey.generate(.ed25519SHA256)

    init() throws {
        fixture = try TableFixture()
        var manifest = Manifest()
        manifest.dkim.keyTable = .init(path: fixture.folder.file("KeyTable"), hasPatterns: false)
        manifest.dkim.signingTable = .init(path: fixture.folder.file("SigningTable"), hasPatterns: true)
        self.manifest = manifest
        try write("one", Self.key?.pem ?? "", mode: 0o600)
        try fixture.write("k1 example.org:s1:./one\n", to: "KeyTable")
        try fixture.write("*@example.org k1\n", to: "SigningTable")
    }

    func write(_ name: String, _ text: String, mode: Int) throws {
        let path = try fixture.write(text, to: name)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    func open() throws -> SigningTableFiles {
        try #require(try SigningTableFiles(manifest, clock: fixture.clock, report: { fixture.note($0) }))
    }

    /// What the tables have for a sender.
    func record(_ files: SigningTableFiles, _ sender: String = "al@example.org") throws -> String? {
        let set = files.current()
        let match = set.tables.matches(try #require(EmailAddress(sender))).first
        return try match?.key.flatMap { try set.key($0)?.publicRecord }
    }

    var problems: [String] {
        do throws(TableErrors) {
            _ = try SigningTableFiles(manifest, clock: fixture.clock)
            return []
        } catch {
            return error.diagnostics.map { "\($0.message) | \($0.remedy)" }
        }
    }
}

@Suite("OpenDKIM's tables in files")
struct SigningTableFilesTests {
    @Test("Keys are read once, and again when they change")
    func readAgain() throws {
        let room = try KeyRoom()
        let files = try room.open()
        #expect(try room.record(files) == KeyRoom.key?.publicRecord)
        let next = try DKIMSigningKey.generate(.ed25519SHA256)
        try room.write("one", next.pem, mode: 0o640)
        #expect(try room.record(files) == KeyRoom.key?.publicRecord, "not before it is time to look")
        room.fixture.wait()
        #expect(try room.record(files) == next.publicRecord)
        try room.fixture.write("*@example.com k1\n", to: "SigningTable")
        room.fixture.wait()
        #expect(try room.record(files) == nil)
        #expect(try room.record(files, "x@example.com") == next.publicRecord)
        #expect(room.fixture.failures == [])
    }

    @Test("A file that goes bad leaves all as it was, says so once, and is taken when it is good again")
    func bad() throws {
        let room = try KeyRoom()
        let files = try room.open()
        let known = KeyRoom.key?.publicRecord
        func check(_ message: String) throws {
            let before = room.fixture.failures.count
            for _ in 0..<3 {
                room.fixture.wait()
                #expect(try room.record(files) == known)
            }
            let said = room.fixture.failures.dropFirst(before)
            #expect(said.count == 1 && said.first?.contains(message) == true, "\(said)")
        }
        try room.write("one", "no key", mode: 0o600)
        try check("one can't be used: the key is not in PEM form")
        try room.write("one", KeyRoom.key?.pem ?? "", mode: 0o644)
        try check("one is a private key that others may read or change (mode 0644)")
        try FileManager.default.removeItem(atPath: room.fixture.folder.file("one"))
        try check("one there is no such file")
        try room.write("one", KeyRoom.key?.pem ?? "", mode: 0o600)
        room.fixture.wait()
        _ = files.current()
        try room.fixture.write("", to: "SigningTable")
        try check("the file is empty now")
        try room.fixture.write("*@example.org other\n", to: "SigningTable")
        try check("names the key `other`")
        // The key table is mended after the signing table: both are taken then.
        try room.fixture.write("other example.org:s2:./two\n", to: "KeyTable")
        try check("two there is no such file")
        let two = try DKIMSigningKey.generate(.ed25519SHA256)
        try room.write("two", two.pem, mode: 0o600)
        room.fixture.wait()
        #expect(try room.record(files) == two.publicRecord)
        try FileManager.default.removeItem(atPath: room.fixture.folder.file("KeyTable"))
        room.fixture.wait()
        #expect(try room.record(files) == two.publicRecord)
    }

    @Test("What others may read or change is refused, with the line that mends it")
    func unsafe() throws {
        let room = try KeyRoom()
        let path = room.fixture.folder.file("one")
        #expect(room.problems == [])
        for (mode, wanted) in [(0o644, "0600"), (0o604, "0600"), (0o660, "0640"), (0o622, "0600"), (0o777, "0600")] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            let problem = try #require(room.problems.first)
            #expect(problem.hasSuffix("| chmod \(wanted) \(room.fixture.folder.path)/./one"), "\(problem)")
        }
        for mode in [0o600, 0o640, 0o400, 0o440] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            #expect(room.problems == [])
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: room.fixture.folder.path)
        #expect(room.problems.first?.contains("in a folder that everybody may write to") == true)
    }

    @Test("A key that is a folder, a pipe, huge, encrypted or of another kind is refused, and never waited for")
    func hostile() throws {
        let room = try KeyRoom()
        let path = room.fixture.folder.file("one")
        let texts = [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIC\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            String(repeating: "x", count: 70_000), "",
        ]
        for text in texts {
            try room.write("one", text, mode: 0o600)
            #expect(room.problems.count == 1, "\(text.prefix(30))")
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(room.problems.first?.contains("is not a regular file") == true)
        unlink(path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(room.problems.first?.contains("is a directory") == true)
    }

    @Test("Keys of any domain are read when they are asked for")
    func anyDomain() throws {
        let room = try KeyRoom()
        try room.fixture.write("any %:mail:./%.private\n", to: "KeyTable")
        try room.fixture.write("* any\n", to: "SigningTable")
        let files = try room.open()
        #expect(try room.record(files) == nil, "a domain without a key is not signed for")
        try room.write("example.org.private", KeyRoom.key?.pem ?? "", mode: 0o600)
        #expect(try room.record(files) == KeyRoom.key?.publicRecord)
        try room.write("example.org.private", "broken", mode: 0o600)
        #expect(try room.record(files) == KeyRoom.key?.publicRecord, "the last good one")
        try room.write("example.net.private", "broken", mode: 0o600)
        #expect(throws: TableFailure.self) { try room.record(files, "x@example.net") }
    }

    @Test("A key may stand in the table itself")
    func inPlace() throws {
        let room = try KeyRoom()
        let pem = KeyRoom.key?.pem ?? ""
        let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
        try room.fixture.write("k1 example.org:s1:\(base64)\n", to: "KeyTable")
        #expect(try room.record(try room.open()) == KeyRoom.key?.publicRecord)
    }

    @Test(
        "Who looks is told what is in force and everything that is wrong with the files, whether a server runs or not")
    func examined() throws {
        let room = try KeyRoom()
        let files = try room.open()
        let domain = try #require(DomainName("example.org"))
        func look(_ examination: SigningExamination?) throws -> (record: String?, problem: String?) {
            let keys = try #require(examination?.tables).keys(of: domain, multiple: false).keys
            let found = try #require(examination).look(at: try #require(keys.first).key)
            return (found.key?.publicRecord, found.problem.map { "\($0.place): \($0.message) | \($0.remedy)" })
        }
        let known = KeyRoom.key?.publicRecord
        #expect(try look(files.examine()) == (known, nil))
        #expect(files.examine().problems == [])
        try FileManager.default.removeItem(atPath: room.fixture.folder.file("one"))
        let place = room.fixture.folder.file("KeyTable") + ":1: "
        let file = "\(room.fixture.folder.path)/./one"
        let problem = "\(place)\(file) there is no such file | put the key there, or correct or remove the line"
        #expect(try look(files.examine()) == (known, problem), "the last good one is in force")
        #expect(try look(SigningTableFiles.examine(room.manifest)) == (nil, problem))
        try room.fixture.write("k1 example.org:s1:./two\nbad\n", to: "KeyTable")
        try room.write("two", KeyRoom.key?.pem ?? "", mode: 0o600)
        let fresh = try #require(SigningTableFiles.examine(room.manifest))
        #expect(fresh.problems.map(\.message) == ["has `bad` and nothing else"])
        #expect(try look(fresh) == (known, nil), "what can be read is shown")
        try FileManager.default.removeItem(atPath: room.fixture.folder.file("SigningTable"))
        let gone = try #require(SigningTableFiles.examine(room.manifest))
        #expect(gone.tables == nil && gone.problems.count == 1)
        #expect(SigningTableFiles.examine(Manifest()) == nil)
        #expect(room.fixture.failures == [], "it is nobody's mail")
    }

    @Test("A key of any domain is looked at in its file; without one there is nothing wrong")
    func examinedForAnyDomain() throws {
        let room = try KeyRoom()
        try room.fixture.write("any %:mail:./%.private\n", to: "KeyTable")
        try room.fixture.write("* any\n", to: "SigningTable")
        let files = try room.open()
        let domain = try #require(DomainName("example.org"))
        let key = try #require(files.examine().tables?.keys(of: domain, multiple: false).keys.first).key
        let absent = files.examine().look(at: key)
        #expect(absent.key == nil && absent.problem == nil)
        try room.write("example.org.private", "broken", mode: 0o600)
        let broken = files.examine().look(at: key)
        #expect(broken.key == nil && broken.problem?.line == 1)
        #expect(broken.problem?.message.contains("example.org.private can't be used") == true)
        try room.write("example.org.private", KeyRoom.key?.pem ?? "", mode: 0o600)
        #expect(files.examine().look(at: key).key?.publicRecord == KeyRoom.key?.publicRecord)
    }
}
