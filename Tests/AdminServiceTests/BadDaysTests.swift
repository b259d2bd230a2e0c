import Foundation
import Glibc
import MartletTesting
import Testing

/// What happens to the machine, not to the mail: a clear answer, a refusal that is temporary, and recovery without help.
@Suite(.serialized) struct BadDaysTests {
    // MARK: The disk

    @Test(.enabled(if: SmallDisk.isPossible)) func `a full disk puts mail off until there is room`() async throws {
        let server = try ServerUnderTest()
        let disk = try await SmallDisk(at: server.data, megabytes: 8)
        try await server.setUp()
        try await server.start()
        #expect(try await deliver(to: server) == "250")
        try disk.fill()
        let small = try await deliver(to: server)
        #expect(small.hasPrefix("452 4.3.1"), "\(small)\n\(server.log)")
        // Over what is kept in memory: the temporary can't be written.
        let large = try await deliver(to: server, octets: 600_000)
        #expect(large.hasPrefix("452 4.3.1"), "\(large)")
        try await expectError("make room on the disk", in: server)
        try disk.empty()
        #expect(try await deliver(to: server) == "250")
        #expect(try await deliver(to: server, octets: 600_000) == "250")
        #expect(try await server.stop() == 0)
        try await disk.remove()
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a read-only disk is named at the start`() async throws {
        let server = try ServerUnderTest()
        let disk = try await SmallDisk(at: server.data, megabytes: 32)
        try await server.setUp()
        try await disk.remount("ro")
        for words in [["serve"], ["account", "list"]] {
            let result = try await run(words, of: server)
            #expect(result.status == 74, "\(result)")
            #expect(result.errors.contains("Read-only file system") && result.errors.contains("mount"), "\(result)")
        }
        try await disk.remount("rw")
        try await server.start()
        #expect(try await deliver(to: server) == "250")
        #expect(try await server.stop() == 0)
        try await disk.remove()
    }

    // MARK: The database

    @Test func `a locked database puts mail off until it is free`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try await server.start()
        let lock = try await DatabaseLock(of: server)
        #expect(try await deliver(to: server).hasPrefix("451 4.3.0"))
        try await expectError("locked by another process", in: server)
        await lock.release()
        #expect(try await deliver(to: server) == "250")
        #expect(try await server.stop() == 0)
    }

    @Test func `a database that is locked at the start is named`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let lock = try await DatabaseLock(of: server)
        let result = try await run(["serve"], of: server)
        await lock.release()
        #expect(result.status == 75, "\(result)")
        #expect(result.errors.contains("martlet.db") && result.errors.contains("end that process"), "\(result)")
        try await server.start()
        #expect(try await server.stop() == 0)
    }

    // MARK: Keys

    @Test(arguments: ["/nowhere", "rubbish"]) func `a key that can't be read is named`(key: String) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let path = key == "rubbish" ? try server.folder.write("rubbish\n", to: "rubbish.key") : key
        let chain = "\(server.data)/tls/self-signed.crt"
        let result = try await run(
            ["serve"], of: server, environment: ["MARTLET_TLS_CERTIFICATES": "chain=\(chain);key=\(path)"])
        #expect(result.status == 78, "\(result)")
        #expect(result.errors.contains(path) && result.errors.contains("correct tls.certificates"), "\(result)")
    }

    @Test func `a broken signing key holds mail back, and it leaves once the key is whole`() async throws {
        let server = try ServerUnderTest(environment: Self.noWayOut)
        try await server.setUp()
        let database = "\(server.data)/martlet.db"
        try await sqlite(database, "UPDATE dkim_key SET private_key = 'x' || private_key WHERE selector = 'ed1'")
        try await server.start()
        #expect(try await submit(to: server) == "250")
        try await expectError("the DKIM key ed1 of example.test can't be used", in: server)
        try await eventually(within: .seconds(10), "it is deferred") { server.log.contains("mail deferred") }
        let list = try await run(["dkim", "list"], of: server)
        #expect(list.status == 65 && list.errors.contains("ed1"), "\(list)")
        try await sqlite(database, "UPDATE dkim_key SET private_key = substr(private_key, 2) WHERE selector = 'ed1'")
        try await server.succeed("reload")
        try await server.succeed("queue", "flush")
        // Now it is the smarthost that does not answer.
        try await eventually(within: .seconds(10), "it is tried") { server.log.contains("Connection refused") }
        #expect(try await server.stop() == 0)
    }

    // MARK: Message files

    @Test func `lost and cut messages are told, and the others are read`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try await server.start()
        for _ in 0..<3 { #expect(try await deliver(to: server) == "250") }
        let files = TemporaryFolder.files(below: "\(server.data)/blobs").sorted()
        let (lost, cut) = try (#require(files.first), #require(files.dropFirst().first))
        try FileManager.default.removeItem(atPath: "\(server.data)/blobs/\(lost)")
        #expect(truncate("\(server.data)/blobs/\(cut)", 10) == 0)
        let read = try await python(Self.readAll, server)
        #expect(
            read.output.split(separator: "\n") == [
                "imap 1 NO [CORRUPTION]", "imap 2 NO [CORRUPTION]", "imap 3 OK", "pop3 1 -ERR [SYS/TEMP]",
                "pop3 2 -ERR [SYS/TEMP]", "pop3 3 +OK",
            ], "\(read)")
        try await expectError("No such file or directory (restore the file from a backup)", in: server)
        try await expectError("shorter than the database says", in: server)
        #expect(try await deliver(to: server) == "250")
        #expect(try await server.stop() == 0)
    }

    @Test func `a queued message whose file is gone waits for it`() async throws {
        let server = try ServerUnderTest(environment: Self.noWayOut)
        try await server.setUp()
        try await server.start(["MARTLET_QUEUE_MINIMUM_BACKOFF": "1s"])
        #expect(try await submit(to: server) == "250")
        try await eventually(within: .seconds(10), "it is deferred") { server.log.contains("mail deferred") }
        let file = try #require(TemporaryFolder.files(below: "\(server.data)/blobs").first)
        try FileManager.default.moveItem(atPath: "\(server.data)/blobs/\(file)", toPath: server.folder.file("kept"))
        try await server.succeed("queue", "flush")
        try await expectError("restore the file from a backup", in: server)
        let refusals = server.log.components(separatedBy: "Connection refused").count
        try FileManager.default.moveItem(atPath: server.folder.file("kept"), toPath: "\(server.data)/blobs/\(file)")
        // Without help: the next attempt finds it.
        try await eventually(within: .seconds(90), "it is tried again") {
            server.log.components(separatedBy: "Connection refused").count > refusals
        }
        #expect(try await server.stop() == 0)
    }

    // MARK: The directory and the manifest

    @Test func `a domain without a postmaster keeps the server from starting`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        #expect(try await server.succeed("config", "check").contains("no errors (1 domains, 2 accounts)"))
        try await sqlite("\(server.data)/martlet.db", "DELETE FROM alias")
        for words in [["config", "check"], ["serve"]] {
            let result = try await run(words, of: server)
            #expect(result.status == 78, "\(result)")
            #expect(result.errors.contains("the domain example.test has no postmaster"), "\(result)")
            #expect(result.errors.contains("martlet alias add postmaster@example.test ADDRESS"), "\(result)")
        }
        try await server.succeed("alias", "add", "postmaster@example.test", ServerUnderTest.account)
        try await server.start()
        #expect(try await server.succeed("config", "check").contains("no errors"))
        #expect(try await server.stop() == 0)
    }

    @Test func `a reload reaches the next session of every protocol`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try await server.start()
        #expect(try await python(Self.limits, server).output == "50000000 open open\n")
        let text = server.folder.text(of: "martlet.yaml")
        let changed = text.replacingOccurrences(of: "message_size: 50MB", with: "message_size: 1MB\n  errors: 1")
        #expect(changed != text)
        try server.folder.write(
            changed + "\nmail: {recipient_delimiter: \"-\"}\nqueue: {minimum_backoff: 7m}\n", to: "martlet.yaml")
        let told = try await server.succeed("reload")
        #expect(told.contains("limits.errors: 20 → 1\n") && told.contains("queue.minimum_backoff: 5m → 7m\n"))
        #expect(!told.contains("next start"))
        #expect(try await python(Self.limits, server).output == "1000000 closed closed\n")
        #expect(try await deliver(to: server, recipient: "alice-tag@example.test") == "250")
        #expect(try await deliver(to: server, recipient: "alice+tag@example.test").hasPrefix("550 5.1.1"))
        #expect(try await server.stop() == 0)
    }
}

// MARK: - What they need

extension BadDaysTests {
    /// A smarthost that nobody is.
    private static let noWayOut = [
        "MARTLET_OUTBOUND_SMARTHOST_HOST": "127.0.0.1", "MARTLET_OUTBOUND_SMARTHOST_PORT": "1",
        "MARTLET_OUTBOUND_SMARTHOST_TLS": "none",
    ]

    private static let send = """
        import smtplib, ssl, sys
        port, sender, recipient, octets, password = int(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4]), sys.argv[5]
        try:
            client = smtplib.SMTP("127.0.0.1", port, timeout=60)
            if password:
                client.starttls(context=ssl._create_unverified_context())
                client.login(sender, password)
            client.sendmail(sender, [recipient], "Subject: hello\\r\\n\\r\\n" + ("x" * 70 + "\\r\\n") * (octets // 72))
            print(250, end="")
        except smtplib.SMTPRecipientsRefused as error:
            print(*[f"{code} {text.decode()}" for code, text in error.recipients.values()], end="")
        except smtplib.SMTPResponseException as error:
            print(error.smtp_code, error.smtp_error.decode(), end="")
        """

    private static let readAll = """
        import imaplib, poplib, ssl, sys
        offset, login, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
        tls = ssl._create_unverified_context()
        imap = imaplib.IMAP4_SSL("127.0.0.1", 993 + offset, ssl_context=tls)
        imap.login(login, password)
        imap.select()
        for number in "123":
            status, data = imap.fetch(number, "(BODY.PEEK[])")
            print("imap", number, status, *[data[0].decode().split()[0]] if status == "NO" else [])
        pop3 = poplib.POP3_SSL("127.0.0.1", 995 + offset, context=tls)
        pop3.user(login)
        pop3.pass_(password)
        for number in "123":
            try:
                print("pop3", number, pop3.retr(number)[0].decode().split()[0])
            except poplib.error_proto as error:
                print("pop3", number, *error.args[0].decode().split()[:2])
        """

    /// What SIZE is offered, and whether one piece of nonsense closes IMAP and POP3 sessions.
    private static let limits = """
        import smtplib, socket, sys
        offset = int(sys.argv[1])
        client = smtplib.SMTP("127.0.0.1", 25 + offset, timeout=20)
        client.ehlo()
        words = [client.esmtp_features["size"]]
        for port in (143, 110):
            plain = socket.create_connection(("127.0.0.1", port + offset), timeout=20).makefile("rwb")
            plain.readline()
            plain.write(b"rubbish rubbish\\r\\n")
            plain.flush()
            plain.readline()
            plain.write(b"z NOOP\\r\\n" if port == 143 else b"CAPA\\r\\n")
            plain.flush()
            answer = plain.readline()
            words.append("closed" if answer == b"" or b"BYE" in answer else "open")
        print(*words)
        """

    private func deliver(
        to server: ServerUnderTest,
        recipient: String = ServerUnderTest.account,
        octets: Int = 1000
    ) async throws -> String {
        try await ProcessRunner.run([
            try Peer.require("python3"), "-c", Self.send, "\(server.port(25))", "x@elsewhere.test", recipient,
            "\(octets)", "",
        ]).text
    }

    private func submit(to server: ServerUnderTest) async throws -> String {
        try await ProcessRunner.run([
            try Peer.require("python3"), "-c", Self.send, "\(server.port(587))", ServerUnderTest.account,
            "x@elsewhere.test", "1000", ServerUnderTest.password,
        ]).text
    }

    private func python(_ script: String, _ server: ServerUnderTest) async throws -> ProcessResult {
        try await ProcessRunner.run([
            try Peer.require("python3"), "-c", script, "\(server.offset)", ServerUnderTest.account,
            ServerUnderTest.password,
        ])
    }

    private func run(
        _ words: [String],
        of server: ServerUnderTest,
        environment: [String: String] = [:]
    ) async throws -> ProcessResult {
        try await ProcessRunner.run(
            [try ServerUnderTest.binary()] + words + ["--config", server.config], environment: environment)
    }

    private func sqlite(_ path: String, _ statement: String) async throws {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
        let result = try await ProcessRunner.run([try Peer.require("python3"), "-c", script, path, statement])
        guard result.succeeded else { throw ProcessFailure("\(result)") }
    }

    private func expectError(_ text: String, in server: ServerUnderTest) async throws {
        try await eventually(within: .seconds(10), "an error line with: \(text)\n\(server.log)") {
            server.log.split(separator: "\n").contains { $0.contains(" error ") && $0.contains(text) }
        }
    }
}

/// Another process that holds the database.
private struct DatabaseLock {
    private let process: ChildProcess

    init(of server: ServerUnderTest) async throws {
        let flag = server.folder.file("locked-\(UUID().uuidString)")
        let script = """
            import sqlite3, sys, time
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("BEGIN EXCLUSIVE")
            open(sys.argv[2], "w").close()
            time.sleep(600)
            """
        process = try ChildProcess.start(
            [try Peer.require("python3"), "-c", script, "\(server.data)/martlet.db", flag])
        try await eventually(within: .seconds(10), "the database is locked") {
            FileManager.default.fileExists(atPath: flag)
        }
    }

    func release() async {
        process.signal(SIGKILL)
        _ = await process.waitForExit(.seconds(10))
    }
}

/// A file system of a few megabytes in memory; needs root.
private struct SmallDisk {
    static let isPossible = geteuid() == 0 && Peer.path(of: "mount") != nil

    private let folder: String
    private var filler: String { "\(folder)/filler" }

    init(at folder: String, megabytes: Int) async throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await Self.command("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "tmpfs", folder)
    }

    /// Leaves not an octet.
    func fill() throws {
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw ProcessFailure("\(filler) can't be made") }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
    }

    func empty() throws { try FileManager.default.removeItem(atPath: filler) }

    func remount(_ mode: String) async throws { try await Self.command("mount", "-o", "remount,\(mode)", folder) }

    func remove() async throws { try await Self.command("umount", "-l", folder) }

    private static func command(_ words: String...) async throws {
        let result = try await ProcessRunner.run(words)
        guard result.succeeded else { throw ProcessFailure("\(words): \(result)") }
    }
}
