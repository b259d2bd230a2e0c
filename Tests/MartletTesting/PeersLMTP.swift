import Foundation

/// Dovecot's LMTP service of a test's own, on a port and on a Unix-domain socket, with Maildirs in a temporary folder.
package final class LMTPPeer: Sendable {
    package static let domain = "boxes.test"
    /// Who has a mailbox; the second takes hardly anything.
    package static let users = ["anna@\(domain)", "full@\(domain)", "carl@\(domain)"]

    package let folder: TemporaryFolder
    package let port: Int
    private let process: ChildProcess

    private init(folder: TemporaryFolder, port: Int, process: ChildProcess) {
        self.folder = folder
        self.port = port
        self.process = process
    }

    package var socket: String { folder.file("lmtp") }

    package var log: String { folder.text(of: "log") }

    /// What arrived for one of them.
    package func messages(of user: String) -> [String] {
        folder.files(in: "mail/\(user)").filter { $0.contains("/new/") || $0.hasPrefix("new/") }
    }

    package static func start() async throws -> LMTPPeer {
        let folder = try TemporaryFolder()
        try folder.makeFolder("run")
        try folder.makeFolder("mail")
        try FileManager.default.setAttributes([.ownerAccountName: "mail"], ofItemAtPath: folder.file("mail"))
        let port = Peer.freePorts(1)[0]
        let lines = users.map { user in
            let quota = user.hasPrefix("full") ? "userdb_quota_rule=*:bytes=10" : ""
            return "\(user):::::::\(quota)\n"
        }
        try folder.write(lines.joined(), to: "users")
        let file = try folder.write(configuration(folder, port), to: "dovecot.conf")
        let process = try ChildProcess.start([try Peer.require("dovecot"), "-F", "-c", file])
        let peer = LMTPPeer(folder: folder, port: port, process: process)
        try await eventually(within: .seconds(20), "Dovecot's LMTP listens") {
            guard process.isRunning else { throw ProcessFailure("dovecot ended:\n\(folder.text(of: "log"))") }
            return LoopbackSocket.canConnect(port)
        }
        return peer
    }

    private static func configuration(_ folder: TemporaryFolder, _ port: Int) -> String {
        """
        protocols = lmtp
        base_dir = \(folder.file("run"))
        log_path = \(folder.file("log"))
        ssl = no
        first_valid_uid = 1
        first_valid_gid = 1
        postmaster_address = postmaster@\(domain)
        hostname = lmtp.\(domain)
        mail_location = maildir:\(folder.file("mail"))/%u
        mail_plugins = quota
        plugin {
          quota = count:User quota
          quota_vsizes = yes
        }
        passdb {
          driver = static
          args = nopassword=y
        }
        userdb {
          driver = passwd-file
          args = \(folder.file("users"))
          override_fields = uid=mail gid=mail home=\(folder.file("mail"))/%u
        }
        service lmtp {
          unix_listener \(folder.file("lmtp")) {
            mode = 0666
          }
          inet_listener lmtp {
            address = 127.0.0.1
            port = \(port)
          }
        }

        """
    }

    package func stop() async {
        process.signal(SIGKILL)
        _ = await process.waitForExit(.seconds(10))
    }
}
