import AdminService
import Foundation
import MartletTesting
import Testing

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
