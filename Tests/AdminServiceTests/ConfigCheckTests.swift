import Foundation
import MartletTesting
import Testing

@testable import AdminService

@Suite struct ConfigShowTests {
    @Test func `what is not set has no value for a program`() throws {
        let loaded = try ManifestFile.parse("server: {hostname: mail.example.org}\n", path: "/etc/martlet.yaml")
        let shown = ShownSetting.all(loaded)
        #expect(shown.first { $0.path == "server.user" }?.value == nil)
        #expect(shown.first { $0.path == "server.hostname" }?.value == "mail.example.org")
        #expect(shown.first { $0.path == "dkim.expire" }?.value == "unlimited")
        #expect(shown.first { $0.path == "limits.recipients" }?.value == "1000")
    }
}

@Suite struct ConfigCheckTests {
    private func check(_ tail: String) async throws -> String {
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/martlet.yaml"
        let text = "server: {hostname: mail.example.org}\nstorage: {data_directory: \(folder.path)/data}\n" + tail
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return try await ConfigCommands.check(file)
    }

    @Test func aSoundManifestHasNoErrors() async throws {
        #expect(try await check("").contains("no errors"))
    }

    @Test func aCertificateThatIsNotThereIsNamed() async throws {
        let error = await #expect(throws: AdminError.self) {
            try await check("tls: {certificates: [{chain: /nowhere/c.pem, key: /nowhere/k.pem}]}\n")
        }
        #expect(error?.description.contains("/nowhere/c.pem") == true)
    }

    @Test func aPasswordFileThatIsNotThereIsNamed() async throws {
        let smarthost = "{host: relay.example.org, username: me, password_file: /nowhere/password}"
        let error = await #expect(throws: AdminError.self) { try await check("outbound: {smarthost: \(smarthost)}\n") }
        #expect(error?.description.contains("/nowhere/password") == true)
    }
}
