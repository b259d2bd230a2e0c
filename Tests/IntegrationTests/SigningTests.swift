import Foundation
import MartletTesting
import Testing

/// Mail as it leaves: whose key signs it, by the directory, the domain above and OpenDKIM's tables; dkimpy verifies it.
@Suite("Signing", .enabled(if: Peer.present("python3", "opendkim-genkey", "openssl")))
struct SigningTests {
    private static let fixtures = Peer.fixtures.appending(path: "Rewriting").path

    private func manifest(_ sink: Int, _ server: ServerUnderTest) -> String {
        """

        relay:
          networks: ["127.0.0.0/8"]
        rewrite:
          generic: ["inline:{ root@inside.test=web@example.test }"]
        routing:
          routes:
            - {name: sink, kind: smarthost, hosts: ["[127.0.0.1]:\(sink)"], tls: none}
          rules:
            - {route: sink}
        dkim:
          subdomains: parent
          canonicalization: relaxed/simple
          expire: 1d
          key_table: KeyTable
          signing_table: refile:SigningTable

        """
    }

    /// The record of a key, from its private half.
    private func record(_ key: String) async throws -> String {
        let result = try await ProcessRunner.run(["openssl", "pkey", "-in", key, "-pubout"])
        return "v=DKIM1; k=rsa; p="
            + result.output.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
    }

    private func records(_ server: ServerUnderTest) async throws -> [String: String] {
        struct Key: Decodable {
            var recordName: String
            var recordText: String
        }
        let text = try await server.succeed("dkim", "list", "--json")
        let keys = try JSONDecoder().decode([Key].self, from: Data(text.utf8))
        return Dictionary(keys.map { (String($0.recordName.dropLast()), $0.recordText) }) { first, _ in first }
    }

    @Test("Directory, domain above, tables, rewritten authors and imported keys sign", .timeLimit(.minutes(3)))
    func signs() async throws {
        let port = Peer.freePorts(1)[0]
        let server = try ServerUnderTest()
        try await server.setUp()
        let folder = server.folder
        try folder.write(folder.text(of: "martlet.yaml") + manifest(port, server), to: "martlet.yaml", mode: 0o600)
        for (selector, domain) in [("mail", "example.net"), ("boss", "example.test"), ("old", "example.test")] {
            let made = try await ProcessRunner.run([
                "opendkim-genkey", "-b", "2048", "-d", domain, "-s", selector, "-D", folder.path,
            ])
            #expect(made.succeeded, "\(made)")
        }
        try folder.write(
            "mail._domainkey.example.net example.net:mail:./mail.private\nboss example.test:boss:./boss.private\n",
            to: "KeyTable")
        try folder.write("*@*.example.net mail._domainkey.example.net\nboss@example.test boss:%\n", to: "SigningTable")
        var records = try await records(server)
        for (selector, domain) in [("mail", "example.net"), ("boss", "example.test"), ("old", "example.test")] {
            records["\(selector)._domainkey.\(domain)"] = try await record(folder.file("\(selector).private"))
        }
        try await server.start()
        let imported = try await server.succeed("dkim", "import", folder.file("old.private"))
        #expect(imported.contains("imported the rsa key old of example.test"))
        #expect(try await server.succeed("dkim", "import", folder.file("old.private")).contains("already"))
        let sink = try ChildProcess.start(
            ["/usr/bin/python3", "\(Self.fixtures)/sink.py", "\(port)", folder.file("sink")], folder: folder.path)
        defer { sink.signal(SIGTERM) }
        let cases = [
            ["own", "al@example.test", "Hello\n"],
            ["dots", "al@example.test", ".\n..\n.x\n\n\n"],
            ["eight bits", "\u{c4}l <al@example.test>", "gr\u{fc}\u{df}e  \t\n\u{20ac}\n"],
            ["no end", "al@example.test", "Hello"],
            ["empty", "al@example.test", ""],
            ["below", "al@news.example.test", "Hello\n"],
            ["table", "al@a.example.net", "Hello\n"],
            ["boss", "Boss <boss@example.test>", "Hello\n"],
            ["foreign", "al@example.com", "Hello\n"],
            ["rewritten", "root@inside.test", "Hello\n"],
        ]
        try JSONEncoder().encode(cases).write(to: URL(filePath: folder.file("cases.json")))
        try JSONEncoder().encode(records).write(to: URL(filePath: folder.file("keys.json")))
        let result = try await Peer.python(
            "signing_cases",
            ["\(server.port(25))", folder.file("sink"), folder.file("keys.json"), folder.file("cases.json")],
            timeout: .seconds(90))
        #expect(result.succeeded, "\(result)\n\(server.log.suffix(3000))")
        let found = try JSONDecoder().decode([String: [[String]]].self, from: Data(result.output.utf8))
        func org(_ selector: String) -> [String] { ["example.test", selector, "", "relaxed/simple x", "True"] }
        let own = [org("rsa1"), org("ed1"), org("old")]
        for name in ["own", "dots", "eight bits", "no end", "empty", "below", "rewritten"] {
            #expect(found[name] == own, "\(name)")
        }
        #expect(found["table"] == [["example.net", "mail", "", "relaxed/simple x", "True"]])
        #expect(found["boss"] == [["example.test", "boss", "@example.test", "relaxed/simple x", "True"]])
        #expect(found["foreign"] == [])
        try await explains(server)
        try await survives(server)
        #expect(try await server.stop() == 0)
    }

    private func explains(_ server: ServerUnderTest) async throws {
        func explained(_ author: String) async throws -> String {
            try await server.succeed(
                "explain", "--from", "al@example.test", "--to", "x@remote.test", "--client", "127.0.0.1",
                "--header-from", author)
        }
        let table = server.folder.file("")
        let boss = try await explained("boss@example.test")
        #expect(
            boss.contains(
                "signing/table: From: boss@example.test → boss: d=example.test, s=boss [\(table)SigningTable:2]"))
        #expect(boss.contains("signing/dkim: d=example.test → s=boss [\(table)KeyTable:2]"))
        let below = try await explained("x@a.b.example.test")
        #expect(below.contains("From: x@a.b.example.test → d=example.test (with the keys of example.test) [directory]"))
        let rewritten = try await explained("root@inside.test")
        #expect(rewritten.contains("signing/rewritten-from: From: root@inside.test → From: web@example.test"))
        #expect(rewritten.contains("signing/dkim: d=example.test → s=rsa1, s=ed1, s=old [directory]"))
    }

    /// What goes bad at a reload leaves what was there in force; what is exported is what was imported.
    private func survives(_ server: ServerUnderTest) async throws {
        let folder = server.folder
        let key = folder.file("mail.private")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
        let reload = try await server.command(["reload"])
        #expect(!reload.succeeded && reload.errors.contains("chmod 0600"), "\(reload)")
        let check = try await server.command(["config", "check"])
        #expect(!check.succeeded && "\(check)".contains("private key that others may read"), "\(check)")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        _ = try await server.succeed("reload")
        let exported = folder.file("exported.private")
        _ = try await server.succeed("dkim", "export", "example.test", "old", "--output", exported)
        let mode = try FileManager.default.attributesOfItem(atPath: exported)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try await record(exported) == record(folder.file("old.private")))
        let again = try await server.command(["dkim", "export", "example.test", "old", "--output", exported])
        #expect(!again.succeeded, "it is there already")
        let published = try await server.succeed("dkim", "export", "example.test", "old", "--public")
        #expect(published.hasPrefix("old._domainkey.example.test. IN TXT ("))
    }
}
