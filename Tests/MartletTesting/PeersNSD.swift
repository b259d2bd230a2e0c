import Foundation
import Glibc
import Synchronization

/// An authoritative name server of a test's own: nsd with one zone, the root, in which every name stands.
///
/// What is not in it does not exist. Signed by ldns where that is wanted, so that a resolver can prove each answer.
package final class NSDPeer: Sendable {
    package let port: Int
    /// The DS record that trust begins with; nil where the zone is not signed.
    package let trustAnchor: String?
    private let folder: TemporaryFolder
    private let process: ChildProcess
    private let serial = Mutex(1)

    private init(port: Int, trustAnchor: String?, folder: TemporaryFolder, process: ChildProcess) {
        self.port = port
        self.trustAnchor = trustAnchor
        self.folder = folder
        self.process = process
    }

    package enum Signing: Sendable {
        case none
        case signed
        /// Signatures that ended long ago.
        case expired
    }

    /// Starts a server.
    /// - Parameter records: the text of a zone file, without SOA and NS of the root.
    package static func start(records: String, signing: Signing = .none) async throws -> NSDPeer {
        let folder = try TemporaryFolder()
        try folder.write(Self.zone(records, serial: 1), to: "zone")
        let anchor = signing == .none ? nil : try await sign(folder, isExpired: signing == .expired)
        let zone = anchor == nil ? "zone" : "signed"
        var port = 0
        repeat { port = Peer.freePorts(1).first ?? 0 } while !Peer.isFree(port, datagram: true)
        let file = try folder.write(configuration(port, folder, zone), to: "nsd.conf")
        try folder.write("", to: "log")
        let log = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
        defer { try? log.close() }
        let process = try ChildProcess.start(try command(file), output: log, errors: log)
        let peer = NSDPeer(port: port, trustAnchor: anchor, folder: folder, process: process)
        try await eventually(within: .seconds(20), "nsd listens on \(port)") {
            guard process.isRunning else { throw ProcessFailure("nsd ended:\n\(folder.text(of: "log"))") }
            return LoopbackSocket.canConnect(port)
        }
        if folder.text(of: "log").contains("error:") { throw ProcessFailure(folder.text(of: "log")) }
        return peer
    }

    private static func zone(_ records: String, serial: Int) -> String {
        """
        $TTL 300
        . IN SOA ns.nsd-peer. root.nsd-peer. \(serial) 3600 600 86400 60
        . IN NS ns.nsd-peer.
        ns.nsd-peer. IN A 127.0.0.1
        serial.nsd-peer. IN TXT "serial \(serial)"
        \(records)

        """
    }

    /// Gives the zone, which is not signed, other records, and returns when they are served.
    package func replace(records: String) async throws {
        let next = serial.withLock { serial in
            serial += 1
            return serial
        }
        try folder.write(Self.zone(records, serial: next), to: "zone")
        process.signal(SIGHUP)
        let ask = """
            import socket, sys
            question = b"\\0\\1\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6serial\\10nsd-peer\\0\\0\\20\\0\\1"
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            peer.settimeout(1)
            peer.sendto(question, ("127.0.0.1", int(sys.argv[1])))
            sys.exit(sys.argv[2].encode() not in peer.recv(4096))
            """
        let words = [try Peer.require("python3"), "-c", ask, "\(port)", "serial \(next)"]
        try await eventually(within: .seconds(20), "nsd serves the zone \(next)\n\(folder.text(of: "log"))") {
            try await ProcessRunner.run(words).succeeded
        }
    }

    private static func sign(_ folder: TemporaryFolder, isExpired: Bool) async throws -> String {
        let made = try await ProcessRunner.run(
            [try Peer.require("ldns-keygen"), "-k", "-a", "ECDSAP256SHA256", "."], folder: folder.path)
        let key = made.output.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        let times = isExpired ? ["-i", "20200101", "-e", "20200201"] : []
        let signed = try await ProcessRunner.run(
            [try Peer.require("ldns-signzone"), "-o", "."] + times + ["-f", "signed", "zone", key], folder: folder.path)
        guard made.succeeded, signed.succeeded else { throw ProcessFailure("\(made)\n\(signed)") }
        return folder.text(of: "\(key).ds").split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private static func configuration(_ port: Int, _ folder: TemporaryFolder, _ zone: String) -> String {
        """
        server:
            ip-address: 127.0.0.1
            port: \(port)
            username: ""
            chroot: ""
            database: ""
            pidfile: "\(folder.file("pid"))"
            zonesdir: "\(folder.path)"
            logfile: "\(folder.file("nsd.log"))"
            xfrdfile: "\(folder.file("xfrd"))"
            zonelistfile: "\(folder.file("zones"))"
            server-count: 1
            rrl-ratelimit: 0
        remote-control:
            control-enable: no
        zone:
            name: "."
            zonefile: "\(folder.file(zone))"

        """
    }

    package func stop() async {
        process.signal(SIGTERM)
        _ = await process.waitForExit(.seconds(10))
    }

    /// nsd in the foreground, with no signal blocked: it keeps those blocked that its starter had, which may be all of
    /// them on a thread of the tests, and would then never end.
    static func command(_ configuration: String) throws -> [String] {
        let unblock =
            "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execv(sys.argv[1], sys.argv[1:])"
        return [
            try Peer.require("python3"), "-c", unblock, try Peer.require("nsd"), "-d", "-c", configuration,
        ]
    }
}
