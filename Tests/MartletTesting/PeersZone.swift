import Foundation
import Glibc

/// A name server of a test's own: unbound with the records of a test, and nothing else.
package final class ZonePeer: Sendable {
    package let address: String
    package let port: Int
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(address: String, port: Int, folder: TemporaryFolder, process: ChildProcess) {
        self.address = address
        self.port = port
        self.folder = folder
        self.process = process
    }

    /// What `server.dns.forwarders` is set to.
    package var forwarder: String { "\(address)@\(port)" }

    /// Starts a server that knows these records and no others.
    /// - Parameters:
    ///   - zones: the domains it answers for.
    ///   - records: in the form of zone files, one a line.
    ///   - address: an address of loopback that has the port of the DNS itself, for peers that know no other port;
    ///     nil for one of the usual address's free ports.
    package static func start(
        zones: [String], records: [String], address: String? = nil
    ) async throws -> ZonePeer {
        let folder = try TemporaryFolder()
        var port = 53
        if address == nil {
            repeat { port = Peer.freePorts(1).first ?? 0 } while !Peer.isFree(port, datagram: true)
        }
        let host = address ?? "127.0.0.1"
        let text = configuration(host, port, folder, zones, records)
        let file = try folder.write(text, to: "unbound.conf")
        let path = try Peer.require("unbound")
        try folder.write("", to: "log")
        let log = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
        defer { try? log.close() }
        let process = try ChildProcess.start([path, "-d", "-c", file], output: log, errors: log)
        let peer = ZonePeer(address: host, port: port, folder: folder, process: process)
        try await eventually(within: .seconds(20), "unbound listens on \(port)") {
            guard process.isRunning else { throw ProcessFailure("unbound ended:\n\(folder.text(of: "log"))") }
            return LoopbackSocket.canConnect(port, host: host)
        }
        return peer
    }

    private static func configuration(
        _ address: String,
        _ port: Int,
        _ folder: TemporaryFolder,
        _ zones: [String],
        _ records: [String]
    ) -> String {
        let local = zones.map { "    local-zone: \"\($0)\" static\n" }.joined()
        let data = records.map { "    local-data: '\($0)'\n" }.joined()
        return """
            server:
                interface: \(address)
                port: \(port)
                do-daemonize: no
                username: ""
                chroot: ""
                directory: "\(folder.path)"
                pidfile: "\(folder.file("unbound.pid"))"
                use-syslog: no
                module-config: "iterator"
                access-control: 127.0.0.0/8 allow
                local-zone: "." static
            \(local)\(data)remote-control:
                control-enable: no

            """
    }

    package func stop() async {
        process.signal(SIGTERM)
        _ = await process.waitForExit(.seconds(10))
    }
}
