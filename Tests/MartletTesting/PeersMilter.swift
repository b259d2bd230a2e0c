import Foundation
import Glibc

/// Milters that run beside a server under test.
package final class MilterPeerProcess: Sendable {
    package let port: Int
    package let folder: TemporaryFolder
    private let process: ChildProcess

    private init(_ process: ChildProcess, _ port: Int, _ folder: TemporaryFolder) {
        self.process = process
        self.port = port
        self.folder = folder
    }

    /// Everything that it was sent, a packet a line; of `scripted` alone.
    package var log: String { folder.text(of: "packets") }

    package func stop() async {
        process.signal(SIGKILL)
        _ = await process.waitForExit(.seconds(5))
    }

    /// The milter of Tests/Fixtures/Clients/milter_peer.py, which does what the words say.
    package static func scripted(_ words: [String]) async throws -> MilterPeerProcess {
        let folder = try TemporaryFolder()
        let port = try freePort()
        try folder.write("", to: "packets")
        let script = Peer.fixtures.appending(path: "Clients/milter_peer.py").path
        return try await start(
            [try Peer.require("python3"), script, "\(port)", folder.file("packets")] + words, port, folder)
    }

    /// OpenDKIM, which signs what has `ORIGINATING` and nothing else.
    ///
    /// - Returns: with the DNS record of its key, `NAME VALUE`.
    package static func openDKIM(signing domain: String) async throws -> (MilterPeerProcess, record: String) {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let made = try await ProcessRunner.run([
            try Peer.require("opendkim-genkey"), "-b", "2048", "-d", domain, "-s", "milter", "-D", folder.path,
        ])
        guard made.succeeded else { throw ProcessFailure("opendkim-genkey: \(made)") }
        let value = folder.text(of: "milter.txt").split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }.joined()
        let settings = """
            Socket inet:\(port)@127.0.0.1
            Mode s
            Domain \(domain)
            Selector milter
            KeyFile \(folder.file("milter.private"))
            MTA ORIGINATING
            InternalHosts 192.0.2.1
            Background no
            RequireSafeKeys no

            """
        let file = try folder.write(settings, to: "opendkim.conf")
        let peer = try await start([try Peer.require("opendkim"), "-f", "-x", file], port, folder)
        return (peer, "milter._domainkey.\(domain) \(value)")
    }

    /// OpenDKIM, which verifies what anybody brings, with the keys that a name server has.
    package static func verifyingOpenDKIM(asking address: String) async throws -> MilterPeerProcess {
        let folder = try TemporaryFolder()
        let port = try freePort()
        // Its libunbound asks no server on loopback, nor for names of `test`, unless it is told to.
        let resolver = """
            server:
                do-not-query-localhost: no
                local-zone: "test." nodefault
                module-config: "iterator"
            forward-zone:
                name: "."
                forward-addr: \(address)

            """
        let settings = """
            Socket inet:\(port)@127.0.0.1
            Mode v
            AuthservID \(PostfixPeer.hostname)
            AlwaysAddARHeader yes
            InternalHosts 192.0.2.254
            PeerList 192.0.2.254
            ResolverConfiguration \(try folder.write(resolver, to: "resolver.conf"))
            Background no

            """
        let file = try folder.write(settings, to: "opendkim.conf")
        return try await start([try Peer.require("opendkim"), "-f", "-x", file], port, folder)
    }

    /// OpenDMARC, which goes by what the others have written in Postfix's name.
    /// - Parameter runner: a command that runs another.
    package static func openDMARC(_ runner: [String]) async throws -> MilterPeerProcess {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let settings = """
            Socket inet:\(port)@127.0.0.1
            AuthservID \(PostfixPeer.hostname)
            TrustedAuthservIDs \(PostfixPeer.hostname)
            IgnoreHosts \(try folder.write("192.0.2.254\n", to: "ignored"))
            IgnoreAuthenticatedClients false
            Syslog false
            Background false

            """
        let file = try folder.write(settings, to: "opendmarc.conf")
        return try await start(runner + [try Peer.require("opendmarc"), "-f", "-c", file], port, folder)
    }

    /// rspamd's proxy in milter mode, with what needs no network.
    package static func rspamd() async throws -> MilterPeerProcess {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let settings = """
            .include "/etc/rspamd/common.conf"
            options {
                pidfile = "\(folder.file("pid"))"; tempdir = "\(folder.path)"; hs_cache_dir = "\(folder.path)";
                control_socket = "\(folder.file("control")) mode=0600"; local_networks = [192.0.2.0/24];
                dns { nameserver = ["127.0.0.1:\(try freePort())"]; timeout = 0.1s; retransmits = 1; }
            }
            logging { type = "file"; filename = "\(folder.file("log"))"; level = "info"; }
            worker "rspamd_proxy" {
                bind_socket = "127.0.0.1:\(port)"; milter = yes; timeout = 30s; count = 1;
                upstream "local" { default = yes; self_scan = yes; }
            }

            """
        let file = try folder.write(settings, to: "rspamd.conf")
        return try await start([try Peer.require("rspamd"), "-f", "-i", "-c", file], port, folder)
    }

    private static func freePort() throws -> Int {
        guard let port = Peer.freePorts(1).first else { throw ProcessFailure("there is no free port") }
        return port
    }

    private static func start(
        _ command: [String], _ port: Int, _ folder: TemporaryFolder
    ) async throws -> MilterPeerProcess {
        let process = try ChildProcess.start(command, folder: folder.path)
        try await eventually(within: .seconds(60), "\(command[0]) listens") {
            guard process.isRunning else { throw ProcessFailure("\(command[0]) ended") }
            return !Peer.isFree(port)
        }
        return MilterPeerProcess(process, port, folder)
    }
}
