import Foundation

/// A Postfix that believes nobody: the policy service policyd-spf, and OpenDKIM and OpenDMARC as milters, write what they
/// found of each message into its header.
///
/// All of them ask a name server on an address of its own, since they know no other port than that of the DNS; for that
/// they run where `/etc/resolv.conf` is another file, which takes root.
package final class ReceiverPeer: Sendable {
    package let postfix: PostfixPeer
    package let zone: ZonePeer
    private let milters: [MilterPeerProcess]
    /// Has the files that the policy service reads at each of its starts.
    private let folder: TemporaryFolder

    /// Whether this machine has it all.
    package static var isPresent: Bool {
        Peer.present("postfix", "opendkim", "opendmarc", "policyd-spf", "unbound", "unshare")
    }

    private init(
        _ postfix: PostfixPeer, _ zone: ZonePeer, _ milters: [MilterPeerProcess], _ folder: TemporaryFolder
    ) {
        self.folder = folder
        self.postfix = postfix
        self.zone = zone
        self.milters = milters
    }

    /// Starts everything.
    /// - Parameter records: what the name server knows of `zones`, beside the MX of Postfix's own domain.
    package static func start(zones: [String], records: [String]) async throws -> ReceiverPeer {
        let address = "127.53.\(Int.random(in: 1...254)).\(Int.random(in: 2...254))"
        let zone = try await ZonePeer.start(
            zones: zones + [PostfixPeer.domain],
            records: records + [
                "\(PostfixPeer.domain). 300 IN MX 10 \(PostfixPeer.hostname).",
                "\(PostfixPeer.hostname). 300 IN A 127.0.0.1",
            ], address: address)
        let folder = try TemporaryFolder()
        let resolver = try folder.write("nameserver \(address)\noptions timeout:2 attempts:2\n", to: "resolv.conf")
        let runner = [
            try Peer.require("unshare"), "-m", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
            resolver,
        ]
        let milters = [
            try await MilterPeerProcess.verifyingOpenDKIM(asking: address), try await .openDMARC(runner),
        ]
        // Nobody is exempt: an address of loopback is a client like any other.
        let spf = try folder.write(
            """
            HELO_reject = False
            Mail_From_reject = False
            skip_addresses = 192.0.2.254/32

            """, to: "spf.conf")
        let settings = [
            "mynetworks = 192.0.2.254",
            "smtpd_recipient_restrictions = check_policy_service unix:private/policyd-spf, permit",
            "smtpd_milters = " + milters.map { "inet:127.0.0.1:\($0.port)" }.joined(separator: ", "),
        ]
        let service = "policyd-spf unix - n n - 0 spawn user=nobody argv=\(try Peer.require("policyd-spf")) \(spf)"
        let postfix = try PostfixPeer(routes: [], settings: settings, services: [service], runner: runner)
        try await postfix.start()
        return ReceiverPeer(postfix, zone, milters, folder)
    }

    /// The header of the message that has arrived with this subject, its fields unfolded.
    package func header(of subject: String) async throws -> String {
        var found = ""
        try await eventually(within: .seconds(30), "«\(subject)» arrives\n\(postfix.log.suffix(3000))") {
            for file in postfix.messages {
                let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
                let head = text.components(separatedBy: "\n\n")[0]
                if head.contains("\nSubject: \(subject)\n") { found = head }
            }
            return !found.isEmpty
        }
        return found.replacing("\n\t", with: " ").replacing("\n ", with: " ")
    }

    package func stop() async {
        await postfix.stop()
        for milter in milters { await milter.stop() }
        await zone.stop()
    }
}
