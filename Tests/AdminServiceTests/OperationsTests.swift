import Directory
import FoundationEssentials
import Logging
import MailConfig
import MartletTesting
import NIOPosix
import Testing

@testable import AdminService

/// A data directory of its own for each test, removed afterwards.
struct TemporaryData: ~Copyable {
    let path: String
    let manifest: Manifest

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/martlet-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var manifest = Manifest()
        manifest.server.hostname = "mail.example.org"
        manifest.storage.dataDirectory = path
        self.manifest = manifest
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct OperationsTests {
    @Test func `a search of histories says what it can't look for`() async throws {
        let data = try TemporaryData()
        let operations = Operations(stores: try await Stores.open(data.manifest), author: "test")
        func problem(_ found: [String: String], from: String? = nil) async -> String {
            var query = TraceQuery(from: from)
            query.found = found
            guard case .failed(let error) = await operations.perform(.trace(query)) else { return "" }
            return error.description
        }
        #expect(await problem(["spf": "perhaps"]).contains("no check finds perhaps"))
        #expect(await problem(["spam": "pass"]).contains("there is no check called spam"))
        #expect(await problem(["spf": "pass"], from: "a@b.example").contains("one thing to look for is needed"))
        #expect(await problem([:]).contains("one thing to look for is needed"))
        #expect(await problem(["spf": "FAIL", "dkim": "pass"]).contains("no message fits"))
    }

    @Test func `a domain, its account and its aliases live and die`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        _ = try await operations.perform(
            .accountAdd(address: "me@example.org", password: "secret", name: "Me", quota: 1000)
        ).orThrow()
        _ = try await operations.perform(
            .aliasAdd(address: "info@example.org", targets: ["me@example.org"], sendAs: nil)
        ).orThrow()
        guard case .accounts(let accounts) = await operations.perform(.accountList),
            case .aliases(let aliases) = await operations.perform(.aliasList(domain: nil)),
            case .keys(let keys) = await operations.perform(.dkimList(domain: "example.org")),
            case .zone(let zone) = await operations.perform(
                .dnsRecords(domain: "example.org", addresses: ["198.51.100.1"]))
        else { Issue.record("a listing is missing"); return }
        #expect(accounts.map(\.address) == ["me@example.org"])
        #expect(accounts.first?.quota == 1000)
        #expect(aliases.map(\.address) == ["info@example.org", "postmaster@example.org"])
        #expect(keys.keys.map(\.algorithm) == ["rsa-sha256", "ed25519-sha256"])
        #expect(zone.text.contains("rsa1._domainkey.example.org. IN TXT ("))
        // What aliases point at can't go.
        guard case .failed(let inUse) = await operations.perform(.accountRemove(address: "me@example.org")) else {
            Issue.record("removed an account that is in use"); return
        }
        #expect(inUse.message.contains("info@example.org"))
        try stores.close()
    }

    @Test func `a domain is added to send only, and changes its kind`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        func refusal(_ request: AdminRequest) async -> AdminError? {
            if case .failed(let error) = await operations.perform(request) { error } else { nil }
        }
        // It needs nobody to read its postmaster's mail.
        let added = await operations.perform(.domainAdd(domain: "app.example", kind: .sendOnly, postmaster: nil))
        #expect(try added.text.contains("its mail is signed here, and its mailboxes are elsewhere"), "\(added)")
        let named = await refusal(.domainAdd(domain: "b.example", kind: .sendOnly, postmaster: "me@b.example"))
        #expect(named?.status == .usage)
        let account = await refusal(.accountAdd(address: "me@app.example", password: "p", name: nil, quota: nil))
        #expect(account?.status == .noHost && account?.message.contains("app.example only sends") == true)
        #expect(account?.remedy?.contains("martlet domain kind app.example hosted") == true)
        let catchAll = AdminRequest.aliasAdd(address: "@app.example", targets: ["a@b.example"], sendAs: nil)
        #expect(await refusal(catchAll)?.status == .noHost)
        let listed = await operations.perform(.domainList)
        #expect(try listed.text.contains("app.example  send-only  0"), "\(listed)")
        #expect(try await operations.perform(.dkimList(domain: "app.example")).text.contains("rsa1"))
        let check = await operations.perform(.directoryCheck)
        #expect(try check.text.contains("(1 domains (1 send-only), 0 accounts)"), "\(check)")

        let postmaster = "me@app.example"
        let hosted = await operations.perform(
            .domainKind(domain: "app.example", kind: .hosted, postmaster: postmaster))
        #expect(try hosted.text.contains("make the account of its postmaster now"), "\(hosted)")
        _ = try await operations.perform(.accountAdd(address: postmaster, password: "p", name: nil, quota: nil))
            .orThrow()
        let back = await refusal(.domainKind(domain: "app.example", kind: .sendOnly, postmaster: nil))
        #expect(back?.message.contains("still has accounts: me@app.example; remove them first") == true)
        try stores.close()
    }

    @Test(arguments: [
        (AdminRequest.accountPassword(address: "x@example.org", password: "p"), AdminService.ExitStatus.noUser),
        (.accountAdd(address: "x@example.org", password: "p", name: nil, quota: nil), .noHost),
        (.accountAdd(address: "nonsense", password: "p", name: nil, quota: nil), .data),
        (.domainAdd(domain: "example.org", postmaster: nil), .usage),
        (.domainRemove(domain: "example.org"), .noHost),
        (.queueShow(id: "no id"), .data),
        (.queueChange(.remove, QueueFilter(ids: ["0000000000001"])), .noInput),
        (.status, .unavailable),
        (.reload, .unavailable),
        (.selfTestBegin(address: nil, sinkPort: 1025), .unavailable),
    ])
    func `what can't be done says why with its exit status`(
        request: AdminRequest, status: AdminService.ExitStatus
    ) async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        guard case .failed(let error) = await Operations(stores: stores, author: "test").perform(request) else {
            Issue.record("it was done"); return
        }
        #expect(error.status == status)
        #expect(error.remedy != nil)
        try stores.close()
    }

    @Test func `who may send as what is said, listed and taken back`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "a@example.org")).orThrow()
        for name in ["a", "b"] {
            _ = try await operations.perform(
                .accountAdd(address: "\(name)@example.org", password: "secret", name: nil, quota: nil)
            ).orThrow()
        }
        let both = ["a@example.org", "b@example.org"]
        let steps: [(AdminRequest, [String])] = [
            (
                .aliasAdd(address: "team@example.org", targets: both, sendAs: ["members"]),
                ["team@example.org goes to a@example.org, b@example.org", "its members may send as team@example.org"]
            ),
            (
                .aliasAdd(address: "team@example.org", targets: both, sendAs: nil),
                ["team@example.org goes there already"]
            ),
            (
                .aliasAdd(address: "team@example.org", targets: both, sendAs: ["b@example.org"]),
                ["team@example.org goes to a@example.org, b@example.org", "b@example.org may send as team@example.org"]
            ),
            (
                .aliasSendAs(address: "team@example.org", who: ["members,a@example.org"]),
                ["its members, a@example.org may send as team@example.org"]
            ),
            (
                .aliasSendAs(address: "@example.org", who: ["b@example.org"]),
                ["b@example.org may send as @example.org"]
            ),
            (
                .accountAllowSender(address: "b@example.org", senders: ["a@example.org", "@far.example"]),
                [
                    "b@example.org may send as a@example.org",
                    "b@example.org may send as @far.example, which is not of this server",
                ]
            ),
            (
                .accountDenySender(address: "b@example.org", senders: ["a@example.org"]),
                ["b@example.org was granted a@example.org no longer"]
            ),
            (
                .aliasSendAs(address: "@example.org", who: ["nobody"]),
                ["nobody has been granted to send as @example.org"]
            ),
        ]
        for (request, lines) in steps { #expect(try await operations.perform(request).orThrow().lines == lines) }
        guard case .accounts(let accounts) = await operations.perform(.accountList),
            case .aliases(let aliases) = await operations.perform(.aliasList(domain: nil))
        else { Issue.record("a listing is missing"); return }
        #expect(accounts.map(\.senders) == [["team@example.org"], ["@far.example"]])
        #expect(aliases.map(\.senders) == [[], ["members", "a@example.org"]])
        for (request, status) in [
            (AdminRequest.aliasSendAs(address: "a@example.org", who: ["members"]), AdminService.ExitStatus.data),
            (.aliasSendAs(address: "none@example.org", who: ["members"]), .noUser),
            (.aliasSendAs(address: "team@example.org", who: ["nobody", "a@example.org"]), .usage),
            (.aliasSendAs(address: "@example.org", who: ["members"]), .data),
            (.aliasAdd(address: "@example.org", targets: ["a@example.org"], sendAs: ["members"]), .usage),
            (.accountDenySender(address: "b@example.org", senders: ["a@example.org"]), .noUser),
            (.accountAllowSender(address: "b@example.org", senders: ["nonsense"]), .data),
        ] {
            guard case .failed(let error) = await operations.perform(request) else {
                Issue.record("it was done: \(request)")
                continue
            }
            #expect(error.status == status, "\(request)")
        }
        try stores.close()
    }

    @Test func `a data directory has one owner at a time`() throws {
        let data = try TemporaryData()
        let first = try DataDirectoryLock(directory: data.path, role: "first")
        #expect(throws: DataDirectoryLock.Held.self) { try DataDirectoryLock(directory: data.path, role: "second") }
        first.release()
        #expect(throws: Never.self) { try DataDirectoryLock(directory: data.path, role: "third") }
    }

    @Test func `the control socket answers, and only its owner may use it`() async throws {
        let data = try TemporaryData()
        let path = data.path + "/control.sock"
        let group = MultiThreadedEventLoopGroup.singleton
        let backend = LogBackend(writer: try LogWriter(appendingTo: "/dev/null"), format: .text, level: .error)
        #expect(throws: ControlClient.Unreachable.notRunning) { _ = try ControlClient(path: path) }
        let server = try await ControlServer(path: path, mode: 0o600, owner: nil, group: group, backend: backend) {
            .done(lines: ["\($0)"])
        }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect("\(mode ?? 0)" == "\(0o600)")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let answers = try await blocking {
                let client = try ControlClient(path: path, timeout: 20)
                return [try client.perform(.status).lines, try client.perform(.queueFlush).lines]
            }
            #expect(answers == [["status"], ["queueFlush"]])
            tasks.cancelAll()
        }
    }

    private static func server(_ path: String) async throws -> ControlServer {
        let backend = LogBackend(writer: try LogWriter(appendingTo: "/dev/null"), format: .text, level: .error)
        let group = MultiThreadedEventLoopGroup.singleton
        return try await ControlServer(path: path, mode: 0o600, owner: nil, group: group, backend: backend) { _ in
            .done(lines: [])
        }
    }

    /// NIO ends the process when a channel is dropped that nobody ran, as of an operator who comes in this moment.
    @Test func `operators may come while the control socket closes`() async throws {
        let data = try TemporaryData()
        let path = data.path + "/control.sock"
        for _ in 0..<30 {
            let server = try await Self.server(path)
            let running = Task { try? await server.run() }
            await withDiscardingTaskGroup { tasks in
                for number in 0..<16 {
                    tasks.addTask {
                        if number == 8 { running.cancel() }
                        // Whether it still got in is chance.
                        try? await blocking { _ = try ControlClient(path: path, timeout: 20).perform(.status) }
                    }
                }
            }
            await running.value
        }
    }

    @Test func `a control socket that is opened and never served is closed`() async throws {
        let data = try TemporaryData()
        let path = data.path + "/control.sock"
        _ = try await Self.server(path)
        try await eventually(within: .seconds(60), "nobody listens") {
            do {
                _ = try ControlClient(path: path)
                return false
            } catch ControlClient.Unreachable.notRunning { return true }
        }
    }
}

@Suite struct LogLineTests {
    @Test func `lines of a full disk or a stuck reader don't stop anybody`() throws {
        let writer = LogWriter(descriptor: -1)
        for _ in 0..<1000 { writer.write("lost") }
        writer.flush()
    }

    @Test func `lines are appended whole`() throws {
        let data = try TemporaryData()
        let path = data.path + "/log"
        let backend = LogBackend(writer: try LogWriter(appendingTo: path), format: .json, level: .info)
        let logger = backend.logger("test")
        logger.debug("not shown")
        logger.info("hello", metadata: ["b": "2\n", "a": "1"])
        let text = String(decoding: try FileBytes.read(path, limit: 4096), as: UTF8.self)
        #expect(text.hasSuffix("\"logger\":\"test\",\"message\":\"hello\",\"a\":\"1\",\"b\":\"2\\n\"}\n"))
        #expect(text.split(separator: "\n").count == 1)
    }
}

extension AdminResponse {
    fileprivate var text: String { get throws { try output(json: false) } }
}
