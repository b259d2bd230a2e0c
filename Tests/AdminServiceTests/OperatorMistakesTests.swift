import Directory
import FoundationEssentials
import Glibc
import Logging
import MailConfig
import NIOPosix
import Testing

@testable import AdminService

@Suite struct OperatorMistakesTests {
    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    @Test(arguments: [
        ("\u{FEFF}secret\r\nsecond", "secret"), ("pa ss\"\\ö€𝄞", "pa ss\"\\ö€𝄞"),
        ("  blanks stay  \n", "  blanks stay  "),
    ])
    func `a password is the first line of its file`(text: String, password: String) throws {
        let data = try TemporaryData()
        let file = data.path + "/password"
        try write(Array(text.utf8), to: file)
        #expect(try PasswordSource.file(file).read().password == password)
    }

    @Test(
        arguments: [[], [0x0A], [0x61, 0xFF, 0x0A], [0x61, 0, 0x62], [UInt8](repeating: 0x61, count: 1025)] as [[UInt8]]
    )
    func `what nobody could type again is no password`(bytes: [UInt8]) throws {
        let data = try TemporaryData()
        let file = data.path + "/password"
        try write(bytes, to: file)
        let error = #expect(throws: AdminError.self) { try PasswordSource.file(file).read() }
        #expect(error?.status == .data)
    }

    @Test func `folders on the way can be passed by the server's user, the last has its mode`() throws {
        let data = try TemporaryData()
        let old = umask(0o077)
        defer { umask(old) }
        try FileBytes.makeDirectory(data.path + "/a/b", mode: 0o700)
        var info = stat()
        #expect(stat(data.path + "/a", &info) == 0 && info.st_mode & 0o777 == 0o755)
        #expect(stat(data.path + "/a/b", &info) == 0 && info.st_mode & 0o777 == 0o700)
        try write([], to: data.path + "/file")
        #expect(throws: AdminError.self) { try FileBytes.makeDirectory(data.path + "/file", mode: 0o700) }
    }

    @Test func `a quickstart that can't be leaves nothing behind`() async throws {
        let data = try TemporaryData()
        var options = Quickstart.Options(address: "me@example.org")
        options.configFile = data.path + "/etc/martlet.yaml"
        options.dataDirectory = data.path + "/data"
        options.passwordFile = data.path + "/no-such-file"
        await #expect(throws: AdminError.self) { try await Quickstart(options).run() }
        options.passwordFile = nil
        options.dataDirectory = "/dev/null"
        await #expect(throws: AdminError.self) { try await Quickstart(options).run() }
        #expect(!FileBytes.exists(data.path + "/etc") && !FileBytes.exists(data.path + "/data"))
    }

    @Test(arguments: ["*", "any"])
    func `every address is a star or the manifest's word`(listen: String) async throws {
        let data = try TemporaryData()
        var options = Quickstart.Options(address: "me@example.org")
        options.configFile = data.path + "/martlet.yaml"
        options.dataDirectory = data.path
        options.listenAddress = listen
        let outcome = try await Quickstart(options).run()
        #expect(outcome.loaded.manifest.listeners.allSatisfy { $0.address == Listener.anyAddress })
        // The manifest is kept from now on: what is wrong in itself is refused all the same.
        options.listenAddress = "nowhere"
        await #expect(throws: AdminError.self) { try await Quickstart(options).run() }
    }

    @Test func `a file that is no socket is not removed for the control socket`() async throws {
        let data = try TemporaryData()
        let file = data.path + "/precious"
        try write([0x78], to: file)
        let error = await #expect(throws: AdminError.self) {
            _ = try await ControlServer(
                path: file, mode: 0o600, owner: nil, group: MultiThreadedEventLoopGroup.singleton,
                backend: LogBackend(writer: LogWriter(descriptor: STDERR_FILENO), format: .text, level: .error)
            ) { _ in .done(lines: []) }
        }
        #expect(error?.status == .config)
        #expect(try Data(contentsOf: URL(filePath: file)).count == 1)
    }

    @Test func `names, selectors and domains that can't be shown or published are refused`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        let wrong: [AdminRequest] = [
            .domainAdd(domain: "192.0.2.1", postmaster: "me@example.org"),
            .accountAdd(address: "x@example.org", password: "p", name: "two\nlines", quota: nil),
            .accountAdd(
                address: "x@example.org", password: "p", name: String(repeating: "n", count: 257), quota: nil),
            .dkimAdd(domain: "example.org", selector: "ü", algorithms: ["ed25519"]),
            .dkimAdd(domain: "example.org", selector: "a_b", algorithms: ["ed25519"]),
            .dkimAdd(domain: "example.org", selector: "a b", algorithms: ["ed25519"]),
        ]
        for request in wrong {
            guard case .failed(let error) = await operations.perform(request) else {
                Issue.record("it was done: \(request)"); continue
            }
            #expect(error.status == .data)
        }
        _ = try await operations.perform(.dkimAdd(domain: "example.org", selector: "S1", algorithms: ["ed25519"]))
            .orThrow()
        guard case .keys(let keys) = await operations.perform(.dkimRecord(domain: "example.org", selector: "S1")) else {
            Issue.record("no record"); return
        }
        #expect(keys.keys.map(\.recordName) == ["s1._domainkey.example.org."])
        try stores.close()
    }

    @Test func `certificates that end or are for other names are spoken of`() throws {
        func certificate(_ names: [String], ends: Int64) -> ServerCertificates.Validity {
            ServerCertificates.Validity(names: names, end: ends)
        }
        let day: Int64 = 86_400
        let good = certificate(["mail.example.org"], ends: 1000 * day)
        func remarks(_ certificates: [ServerCertificates.Validity]) -> [String] {
            ServerCertificates.remarks(on: certificates, hostname: "mail.example.org", now: 900 * day)
        }
        #expect(remarks([good]).isEmpty)
        #expect(remarks([certificate(["*.example.org"], ends: 1000 * day)]).isEmpty)
        #expect(
            remarks([good, certificate(["x.example"], ends: 897 * day)]).first?.hasSuffix("expired 3 days ago") == true)
        #expect(remarks([good, certificate(["x.example"], ends: 907 * day)]).first?.hasSuffix("in 7 days") == true)
        #expect(remarks([certificate(["x.example"], ends: 1000 * day)]).first?.contains("mail.example.org") == true)
    }

    @Test func `lines that had no room are counted and leave no half lines`() throws {
        let data = try TemporaryData()
        let path = data.path + "/log"
        let writer = try LogWriter(appendingTo: path)
        writer.write("first")
        let full = LogWriter(descriptor: open("/dev/full", O_WRONLY))
        for _ in 0..<3 { full.write("lost") }
        #expect(full.droppedLines == 3)
        writer.noteLoss(of: 2, torn: true)
        writer.write("{\"message\":\"second\"}")
        writer.write("third")
        let lines = try String(contentsOf: URL(filePath: path), encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 6)
        #expect(lines.first == "first" && lines[1].isEmpty)
        #expect(lines[2].hasPrefix("{\"message\":\"2 log lines were dropped"))
        #expect(lines[3] == "{\"message\":\"second\"}" && lines[4] == "third")
    }

    @Test func `a person may be called like a self-test`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        for address in ["me@example.org", "selftest-me@example.org"] {
            let request = AdminRequest.accountAdd(
                address: address, password: "p", name: "Martlet self-test", quota: nil)
            _ = try await operations.perform(request).orThrow()
        }
        try await operations.selfTestRecover()
        #expect(stores.directory.snapshot.accounts.count == 2)
        try stores.close()
    }

    @Test func `commands at the same time wait for each other`() async throws {
        let data = try TemporaryData()
        let text = "server: {hostname: mail.example.org}\nstorage: {data_directory: \(data.path)}\n"
        let loaded = try ManifestFile.parse(text, path: data.path + "/martlet.yaml")
        _ = try await CommandContext(loaded: loaded).perform(
            .domainAdd(domain: "example.org", postmaster: "me@example.org"))
        try await withThrowingTaskGroup { group in
            for number in 0..<4 {
                group.addTask {
                    let request = AdminRequest.aliasAdd(
                        address: "a\(number)@example.org", targets: ["x@example.net"], sendAs: nil)
                    _ = try await CommandContext(loaded: loaded, patience: .seconds(300)).perform(request)
                }
            }
            try await group.waitForAll()
        }
        guard case .aliases(let aliases) = try await CommandContext(loaded: loaded).perform(.aliasList(domain: nil))
        else { Issue.record("no list"); return }
        #expect(aliases.count == 5)
    }

    @Test(.enabled(if: Privileges.isRoot))
    func `root does not find the manifest of somebody else`() throws {
        let data = try TemporaryData()
        let file = data.path + "/martlet.yaml"
        try write([], to: file)
        try ManifestFile.requireOwn(file)
        try #require(chown(file, try ServerUser(named: "nobody").userID, 0) == 0)
        let error = #expect(throws: AdminError.self) { try ManifestFile.requireOwn(file) }
        #expect(error?.status == .noPermission)
    }

    @Test(.enabled(if: Privileges.isRoot))
    func `a file with a second name is not given away`() throws {
        let data = try TemporaryData()
        let nobody = try ServerUser(named: "nobody")
        try FileBytes.makeDirectory(data.path + "/data/inner", mode: 0o700)
        try write([0x78], to: data.path + "/data/inner/own")
        try Privileges.giveTree(data.path + "/data", to: nobody)
        var info = stat()
        #expect(stat(data.path + "/data/inner/own", &info) == 0 && info.st_uid == nobody.userID)
        try write([0x78], to: data.path + "/roots")
        try #require(symlink(data.path + "/roots", data.path + "/data/inner/symbolic") == 0)
        try Privileges.giveTree(data.path + "/data", to: nobody)
        #expect(stat(data.path + "/roots", &info) == 0 && info.st_uid == 0)
        try #require(link(data.path + "/roots", data.path + "/data/inner/hard") == 0)
        #expect(throws: AdminError.self) { try Privileges.giveTree(data.path + "/data", to: nobody) }
        #expect(stat(data.path + "/roots", &info) == 0 && info.st_uid == 0)
    }
}
