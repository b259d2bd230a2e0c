import Foundation
import MartletTesting
import Testing

/// Keys of OpenDKIM's tables in the commands that list, publish and check keys, with a real name server.
@Suite(.serialized, .enabled(if: Peer.present("nsd", "openssl"))) struct TableKeyTests {
    private static let selectors = ["right", "wrong", "gone"]

    /// A server whose signing table names three keys of `example.test`.
    private func server() async throws -> ServerUnderTest {
        let server = try ServerUnderTest()
        try await server.setUp()
        let folder = server.folder
        let tables = "\ndkim:\n  key_table: KeyTable\n  signing_table: refile:SigningTable\n"
        try folder.write(folder.text(of: "martlet.yaml") + tables, to: "martlet.yaml", mode: 0o600)
        for name in Self.selectors {
            let made = try await ProcessRunner.run([
                "openssl", "genpkey", "-algorithm", "ed25519", "-out", folder.file("\(name).private"),
            ])
            #expect(made.succeeded, "\(made)")
            chmod(folder.file("\(name).private"), 0o600)
        }
        try folder.write(
            Self.selectors.map { "\($0) example.test:\($0):./\($0).private\n" }.joined(), to: "KeyTable")
        try folder.write(
            "right@example.test right\nwrong@example.test wrong\n*@example.test gone\n", to: "SigningTable")
        return server
    }

    /// The findings on DKIM, `severity subject: message` each.
    private func findings(_ server: ServerUnderTest, _ zone: NSDPeer) async throws -> [String] {
        let result = try await server.command([
            "dns", "check", "example.test", "--address", "127.0.0.1", "--dns", "127.0.0.1:\(zone.port)",
            "--block-list", "none", "--outbound-host", "none", "--time-server", "none", "--json",
        ])
        let report = try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result)")
        let findings = try #require(report["findings"] as? [[String: Any]])
        return findings.filter { $0["check"] as? String == "dkim" }.map { finding in
            let fix = (finding["fix"] as? [String] ?? []).joined(separator: " ")
            return "\(finding["severity"] ?? "") \(finding["subject"] ?? ""): \(finding["message"] ?? "") | \(fix)"
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `records of table keys are printed and compared, and a bad key file is named by every command`() async throws {
        let server = try await server()
        let printed = try await server.succeed("dns", "records", "example.test", "--address", "127.0.0.1")
        func record(_ selector: String) throws -> Substring {
            try #require(printed.split(separator: "\n").first { $0.hasPrefix("\(selector)._domainkey.example.test. ") })
        }
        let another = try record("right").replacing("right._domainkey", with: "wrong._domainkey")
        let published = printed.replacing(try record("wrong"), with: another).replacing(try record("gone"), with: "")
        let zone = try await NSDPeer.start(records: published)
        let found = try await findings(server, zone)
        func expect(_ beginning: String, _ comment: Comment? = nil) {
            #expect(found.contains { $0.hasPrefix(beginning) }, "\(beginning) in \(found)")
        }
        #expect(found.count == 5, "\(found)")
        expect("ok right._domainkey.example.test: holds the ed25519-sha256 key")
        expect("error wrong._domainkey.example.test: is another key | change it to: \(try record("wrong"))")
        expect("error gone._domainkey.example.test: the key that signs is not published | \(try record("gone"))")
        // Keys of the database sign what comes from the host's own name.
        expect("ok rsa1._domainkey.example.test: ")
        try await names(server, zone)
        try await tests(server)
        await zone.stop()
    }

    /// A key file that others may read, with no server about.
    private func names(_ server: ServerUnderTest, _ zone: NSDPeer) async throws {
        let key = server.folder.file("right.private")
        let place = server.folder.file("KeyTable") + ":1"
        let whole = try await server.succeed("dkim", "list")
        #expect(whole.contains(place) && whole.contains("for right@example.test"), "\(whole)")
        chmod(key, 0o644)
        for command in [["dkim", "list"], ["dkim", "list", "--json"], ["dns", "records", "example.test"]] {
            let result = try await server.command(command)
            #expect(result.status == 78 && result.errors.contains("\(place): "), "\(result)")
            #expect(result.errors.contains("chmod 0600 ") && result.output.contains("rsa1._domainkey"), "\(result)")
        }
        let bad = try await findings(server, zone).filter { $0.contains("right") }
        #expect(bad.count == 1 && bad[0].hasPrefix("error \(place): ") && bad[0].contains("chmod 0600 "), "\(bad)")
        chmod(key, 0o600)
    }

    /// What signs the self-test's mail is a table's key; a file that goes bad while the server runs fails it.
    private func tests(_ server: ServerUnderTest) async throws {
        try await server.start()
        let good = try await server.command(["selftest"])
        #expect(good.succeeded && good.output.contains("selector gone passes"), "\(good)")
        #expect(good.output.contains("3 keys can be used"), "\(good)")
        try server.folder.write("no key", to: "gone.private", mode: 0o600)
        let bad = try await server.command(["selftest"])
        #expect(!bad.succeeded && bad.output.contains("KeyTable:3"), "\(bad)")
        #expect(bad.output.contains("selector gone passes"), "the last good one is in force: \(bad)")
        let list = try await server.command(["dkim", "list", "example.test"])
        #expect(list.status == 78 && list.output.contains("gone._domainkey"), "\(list)")
        #expect(try await server.stop() == 0)
    }
}
