import Foundation
import Testing

@testable import MailConfig

@Suite struct SchemaTests {
    /// What a default is written as is read back as the same default, so it is in its own range.
    @Test(arguments: Schema.settings.map(\.path))
    func defaultsAreGoodValues(path: String) throws {
        let setting = try #require(Schema.byPath[path])
        #expect(!setting.doc.isEmpty)
        guard !setting.isRequired, let value = setting.render(Manifest()) else { return }
        let words = path.split(separator: ".")
        var text = ""
        for (depth, word) in words.dropLast().enumerated() {
            text += String(repeating: "  ", count: depth) + "\(word):\n"
        }
        text += YAMLText.entry(setting.key, value, indent: words.count - 1, comment: nil)
        let environment = ["MARTLET_SERVER_HOSTNAME": "mail.example.org"]
        let loaded = try ManifestLoader.load(text: text, file: "m.yaml", environment: environment).get()
        var expected = Manifest()
        expected.server.hostname = "mail.example.org"
        #expect(loaded.manifest == expected)
    }

    @Test func everySectionIsExplained() {
        let explained = Set(Schema.sections.map(\.path))
        let used = Set(Schema.settings.map(\.section).filter { !$0.isEmpty })
        #expect(used.subtracting(explained).isEmpty)
    }

    /// `RECORD_SNAPSHOTS=1` writes the page, and fails.
    @Test func theReferencePageIsUpToDate() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/configuration.md")
        let text = ConfigReference.render()
        if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
            try text.write(to: page, atomically: true, encoding: .utf8)
            Issue.record("recorded docs/configuration.md")
        }
        #expect(try String(contentsOf: page, encoding: .utf8) == text)
        for setting in Schema.settings {
            #expect(text.contains("### `\(setting.path)`"))
            #expect(text.contains("`\(setting.environmentName)`"))
        }
    }
}

@Suite struct ManifestTextTests {
    @Test func whatIsShownLoadsBack() throws {
        let text = """
            server: {hostname: mail.example.org, dns: {hosts: {a.example.org: ["::1", 192.0.2.1]}, forwarders: ["::1"]}}
            outbound: {smarthost: {host: h.example.net, username: 'a"b\\c: #', password_file: "my file"}}
            tls: {certificates: [{chain: a b, key: "c,d"}]}
            limits: {sessions: unlimited}
            """
        let loaded = try ManifestLoader.load(text: text, file: "/m/martlet.yaml").get()
        let shown = ManifestText.render(loaded)
        let again = try ManifestLoader.load(text: shown, file: "/other/martlet.yaml").get()
        #expect(again.manifest == loaded.manifest)
        #expect(shown.contains("hostname: mail.example.org  # /m/martlet.yaml:1\n"))
        #expect(shown.contains("node: 0  # default\n"))
        #expect(shown.contains("# user: not set: stay\n"))
        let short = ManifestText.render(loaded, includingDefaults: false)
        #expect(!short.contains("default"))
        #expect(try ManifestLoader.load(text: short, file: "/m/martlet.yaml").get().manifest == loaded.manifest)
    }

    @Test func allDefaultsShownLoadBack() throws {
        let text = "server: {hostname: mail.example.org}\n"
        let loaded = try ManifestLoader.load(text: text, file: "martlet.yaml").get()
        let again = try ManifestLoader.load(text: ManifestText.render(loaded), file: "martlet.yaml").get()
        #expect(again.manifest == loaded.manifest)
    }

    @Test func onlyThePathOfASecretIsShown() throws {
        let text =
            "server: {hostname: a.b}\noutbound: {smarthost: {host: h.c, username: u, password_file: /run/secret}}\n"
        let loaded = try ManifestLoader.load(text: text, file: "martlet.yaml").get()
        let line = "password_file: /run/secret  # martlet.yaml:2 (the file's content is never shown)\n"
        #expect(ManifestText.render(loaded).contains(line))
    }
}

@Suite struct ManifestTemplateTests {
    @Test(arguments: [0, 10000, ManifestTemplate.largestPortOffset])
    func loadsBackWithoutADiagnostic(offset: Int) throws {
        let text = ManifestTemplate.render(
            hostname: "mail.example.org", dataDirectory: "data", listenAddress: "127.0.0.1", portOffset: offset
        )
        let loaded = try ManifestLoader.load(text: text, file: "/demo/martlet.yaml").get()
        var expected = Manifest()
        expected.server.hostname = "mail.example.org"
        expected.storage.dataDirectory = "/demo/data"
        expected.listeners = Listener.standard(address: "127.0.0.1", portOffset: offset)
        #expect(loaded.manifest == expected)
        #expect(loaded.notes.isEmpty)
        #expect(expected.listeners.map(\.port).max() ?? 0 <= 65535)
    }

    @Test func optionsAreWritten() throws {
        let text = ManifestTemplate.render(
            hostname: "mail.example.org", dataDirectory: "/var/my mail", listenAddress: "::1", user: "martlet",
            forwarders: ["127.0.0.1@5353", "::1@53"]
        )
        let manifest = try ManifestLoader.load(text: text, file: "martlet.yaml").get().manifest
        #expect(manifest.server.user == "martlet")
        #expect(manifest.storage.dataDirectory == "/var/my mail")
        #expect(manifest.server.dns.forwarders.map(\.description) == ["127.0.0.1@5353", "::1@53"])
        #expect(manifest.listeners.allSatisfy { $0.address == "::1" })
    }
}
