import Foundation

/// Dovecot's authentication service of a test's own, without any mailboxes: what a Postfix asks about logins.
package final class SASLPeer: Sendable {
    package static let user = "relay@\(PostfixPeer.domain)"
    package static let password = "sekrit: words & more"

    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(folder: TemporaryFolder, process: ChildProcess) {
        self.folder = folder
        self.process = process
    }

    /// What `smtpd_sasl_path` is set to.
    package var socket: String { folder.file("auth") }

    /// - Parameters:
    ///   - mechanisms: those that are offered, such as `plain`.
    ///   - users: who may log in, all with the same password.
    ///   - keepsPassword: the password itself is stored, as mechanisms that don't send it need.
    package static func start(
        mechanisms: [String], users: [String] = [user], keepsPassword: Bool = false
    ) async throws -> SASLPeer {
        let folder = try TemporaryFolder()
        try folder.makeFolder("run")
        let stored = keepsPassword ? "{PLAIN.b64}\(Data(password.utf8).base64EncodedString())" : try await hash()
        try folder.write(users.map { "\($0):\(stored)\n" }.joined(), to: "users")
        let file = try folder.write(configuration(folder, mechanisms), to: "dovecot.conf")
        let process = try ChildProcess.start([try Peer.require("dovecot"), "-F", "-c", file])
        let peer = SASLPeer(folder: folder, process: process)
        try await eventually(within: .seconds(20), "Dovecot's authentication listens") {
            guard process.isRunning else { throw ProcessFailure("dovecot ended:\n\(folder.text(of: "log"))") }
            return FileManager.default.fileExists(atPath: peer.socket)
        }
        return peer
    }

    private static func hash() async throws -> String {
        let result = try await ProcessRunner.run([
            try Peer.require("doveadm"), "-O", "pw", "-s", "SSHA512", "-p", password,
        ])
        guard result.succeeded else { throw ProcessFailure("doveadm pw: \(result)") }
        return result.output.filter { !$0.isWhitespace }
    }

    private static func configuration(_ folder: TemporaryFolder, _ mechanisms: [String]) -> String {
        """
        protocols =
        base_dir = \(folder.file("run"))
        log_path = \(folder.file("log"))
        ssl = no
        disable_plaintext_auth = no
        auth_mechanisms = \(mechanisms.joined(separator: " "))
        passdb {
          driver = passwd-file
          args = \(folder.file("users"))
        }
        userdb {
          driver = static
          args = uid=mail gid=mail home=/nonexistent
        }
        service auth {
          unix_listener \(folder.file("auth")) {
            mode = 0666
          }
        }

        """
    }

    /// Its helpers leave when the master is gone. It would not hear SIGTERM, which a child of the tests inherits blocked.
    package func stop() async {
        process.signal(SIGKILL)
        _ = await process.waitForExit(.seconds(10))
    }
}
