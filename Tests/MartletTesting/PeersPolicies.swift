import Foundation

/// A web server of a test's own that serves MTA-STS policies, well and badly: `sts_server.py`.
package final class PolicyServerPeer: Sendable {
    package let port: Int
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(port: Int, folder: TemporaryFolder, process: ChildProcess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    /// - Parameters:
    ///   - workshop: has the certificate `web`, for every host but those with one of their own in `files`.
    ///   - files: what each host gets, by the names that `sts_server.py` knows.
    ///   - certificates: names of the workshop's certificates by host.
    package static func start(
        _ workshop: CertificateWorkshop, _ files: [String: String], certificates: [String: String] = [:]
    ) async throws -> PolicyServerPeer {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(text, to: name) }
        for (host, name) in certificates {
            for end in ["crt", "key"] {
                try folder.write(workshop.folder.text(of: "\(name).\(end)"), to: "\(host).\(end)")
            }
        }
        let port = Peer.freePorts(1).first ?? 0
        try folder.write("", to: "web.log")
        let log = try FileHandle(forWritingTo: URL(filePath: folder.file("web.log")))
        defer { try? log.close() }
        let script = Peer.fixtures.appending(path: "Clients/sts_server.py").path
        let process = try ChildProcess.start(
            [
                "python3", script, "\(port)", workshop.folder.file("web.crt"), workshop.folder.file("web.key"),
                folder.path,
            ],
            output: log, errors: log)
        let peer = PolicyServerPeer(port: port, folder: folder, process: process)
        try await eventually(within: .seconds(20), "the policy server listens") {
            guard process.isRunning else { throw ProcessFailure("it ended:\n\(folder.text(of: "web.log"))") }
            return folder.text(of: "web.log").contains("ready")
        }
        return peer
    }

    package func stop() async {
        process.signal(SIGTERM)
        _ = await process.waitForExit(.seconds(5))
    }
}
