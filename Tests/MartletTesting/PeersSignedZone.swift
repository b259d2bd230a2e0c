import Foundation
import Glibc

/// Name servers of a test's own with zones that are signed, or not: nsd with what ldns has signed.
package final class SignedZonePeer: Sendable {
    package enum Signing: Sendable {
        case none
        case good
        /// TLSA records were changed after they were signed: what they say is bogus.
        case broken
        /// MX records were.
        case brokenExchange
    }

    package struct Zone: Sendable {
        package var name: String
        /// In the form of zone files, one a line; SOA and NS come by themselves.
        package var records: [String]
        package var signing: Signing

        package init(_ name: String, records: [String], signing: Signing = .good) {
            self.name = name
            self.records = records
            self.signing = signing
        }
    }

    package let port: Int
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(port: Int, folder: TemporaryFolder, process: ChildProcess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    /// What `server.dns.forwarders` is set to.
    package var forwarder: String { "127.0.0.1@\(port)" }

    /// What `server.dns.trust_anchor` is set to: the DS records of the zones that are signed.
    package var trustAnchor: String { folder.file("anchors") }

    /// Signs and serves zones.
    package static func start(_ zones: [Zone]) async throws -> SignedZonePeer {
        let folder = try TemporaryFolder()
        var port = 0
        repeat { port = Peer.freePorts(1).first ?? 0 } while !Peer.isFree(port, datagram: true)
        var anchors = ""
        for zone in zones { anchors += try await write(zone, folder) }
        try folder.write(anchors, to: "anchors")
        let file = try folder.write(configuration(port, folder, zones), to: "nsd.conf")
        try folder.write("", to: "log")
        let log = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
        defer { try? log.close() }
        let process = try ChildProcess.start(try NSDPeer.command(file), output: log, errors: log)
        let peer = SignedZonePeer(port: port, folder: folder, process: process)
        try await eventually(within: .seconds(20), "nsd listens on \(port)") {
            guard process.isRunning else { throw ProcessFailure("nsd ended:\n\(folder.text(of: "log"))") }
            return LoopbackSocket.canConnect(port)
        }
        return peer
    }

    /// Writes and signs one zone, and returns the DS record of its key.
    private static func write(_ zone: Zone, _ folder: TemporaryFolder) async throws -> String {
        let head = [
            "$ORIGIN \(zone.name).", "$TTL 300",
            "@ IN SOA ns.\(zone.name). hostmaster.\(zone.name). 1 3600 900 86400 60",
            "@ IN NS ns.\(zone.name).", "ns IN A 127.0.0.1",
        ]
        let file = try folder.write((head + zone.records).map { "\($0)\n" }.joined(), to: "\(zone.name).zone")
        guard zone.signing != .none else { return "" }
        let made = try await run(
            folder, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "\(zone.name)")
        let key = made.trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try await run(folder, "ldns-signzone", "-f", "\(file).signed", file, folder.file(key))
        var signed = folder.text(of: "\(zone.name).zone.signed")
        switch zone.signing {
        case .broken: signed = changed(signed, "\tTLSA\t3 1 1 01", "\tTLSA\t3 1 1 02")
        case .brokenExchange: signed = changed(signed, "\tMX\t10 ", "\tMX\t11 ")
        case .none, .good: break
        }
        try folder.write(signed, to: "\(zone.name).zone")
        return try await run(folder, "ldns-key2ds", "-n", "-2", folder.file("\(key).key"))
    }

    /// Other records under the old signatures.
    private static func changed(_ zone: String, _ old: String, _ new: String) -> String {
        zone.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.contains(old) ? String(line).replacing(old, with: new) : String(line)
        }.joined(separator: "\n")
    }

    private static func run(_ folder: TemporaryFolder, _ program: String, _ arguments: String...) async throws -> String
    {
        let result = try await ProcessRunner.run([try Peer.require(program)] + arguments, folder: folder.path)
        guard result.succeeded else { throw ProcessFailure("\(program): \(result)") }
        return result.output
    }

    private static func configuration(_ port: Int, _ folder: TemporaryFolder, _ zones: [Zone]) -> String {
        let served = zones.map { "zone:\n    name: \"\($0.name)\"\n    zonefile: \"\($0.name).zone\"\n" }.joined()
        return """
            server:
                ip-address: 127.0.0.1@\(port)
                do-ip6: no
                username: ""
                zonesdir: "\(folder.path)"
                database: ""
                pidfile: "\(folder.file("nsd.pid"))"
                xfrdfile: "\(folder.file("xfrd.state"))"
                zonelistfile: "\(folder.file("zone.list"))"
                xfrdir: "\(folder.path)"
                server-count: 1
            remote-control:
                control-enable: no
            \(served)
            """
    }

    package func stop() async {
        process.signal(SIGTERM)
        _ = await process.waitForExit(.seconds(10))
    }
}
