import DNSClient
import MailDoctor
import MailSyntax
import MartletTesting
import Testing

@testable import AdminService

/// The servers of a zone, each asked by libunbound as who looks for the key would ask it.
@Suite(.serialized, .enabled(if: Peer.present("nsd", "ldns-signzone"))) struct KeyWitnessPeerTests {
    private let name = "k._domainkey.example.test"
    private let record = "v=DKIM1; k=ed25519; p=" + Base64.encode([UInt8](repeating: 7, count: 32))

    /// A zone with two servers, 127.0.0.1 and 192.0.2.2, and the key where an alias leads.
    private func start(hasKey: Bool) async throws -> SignedZonePeer {
        let always = [
            "@ IN NS ns2", "ns2 IN A 192.0.2.2", "k._domainkey IN CNAME k.keys", "other.keys IN TXT \"other\"",
        ]
        let key = hasKey ? ["k.keys IN TXT \(ZoneFile.quoted(record))"] : []
        return try await SignedZonePeer.start([.init("example.test", records: always + key, signing: .none)])
    }

    @Test func `a secondary without the record is waited for, and an alias is followed`() async throws {
        let first = try await start(hasKey: true)
        let second = try await start(hasKey: false)
        let question = KeyWitness.Question(name: name, record: record)
        func look(_ ports: [String: Int]) async -> [KeySighting] {
            let witness = KeyWitness(asksServers: true) { server in
                let port = server.flatMap { ports["\($0.address)"] } ?? first.port
                return try UnboundResolver(
                    ResolverSettings(
                        forwarders: [.init(address: .thisMachine, port: UInt16(port))], trustAnchor: .none,
                        timeout: .seconds(5)))
            }
            return await witness.look(at: [question])
        }
        let lagging = await look(["127.0.0.1": first.port, "192.0.2.2": second.port])
        #expect(lagging == [.elsewhere("ns2.example.test (192.0.2.2)", .absent)])
        #expect(await look(["127.0.0.1": first.port, "192.0.2.2": first.port]) == [.shown(isTesting: false)])
        await first.stop()
        await second.stop()
    }
}
