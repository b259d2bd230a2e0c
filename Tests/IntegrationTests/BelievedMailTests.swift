import Foundation
import MartletTesting
import Testing

/// Mail of this server before others that believe nobody: what `martlet dns records` prints is in the DNS, and nothing else.
@Suite(.serialized, .enabled(if: ReceiverPeer.isPresent))
struct BelievedMailTests {
    @Test(.timeLimit(.minutes(3)))
    func `mail of this server passes SPF, DKIM and DMARC at a Postfix that checks all three`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let receiver = try await ReceiverPeer.start(
            zones: [ServerUnderTest.domain], records: try await records(of: server))
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": receiver.zone.forwarder,
            "MARTLET_OUTBOUND_PORT": "\(receiver.postfix.port)",
        ])
        let recipient = "sink@\(PostfixPeer.domain)"
        for name in Peer.cases("believed_cases") {
            let sent = try await server.python("believed_cases", name, recipient)
            #expect(sent.succeeded, "\(name): \(sent)\n\(server.log.suffix(3000))")
        }
        for subject in ["plain", "eight bits", "alternative", "odd header"] {
            let header = try await receiver.header(of: subject)
            #expect(header.contains("\nReceived-SPF: Pass (mailfrom)"), "\(subject): \(header)")
            #expect(count(of: "dkim=pass", in: header) == 2, "\(subject): \(header)")
            #expect(header.contains("dmarc=pass (p=quarantine"), "\(subject): \(header)")
        }
        try await forged(receiver)
        await receiver.stop()
        #expect(try await server.stop() == 0)
    }

    /// Without signature, from an address that is not in SPF: the checks of the peer do find something.
    private func forged(_ receiver: ReceiverPeer) async throws {
        let sent = try await Peer.python("believed_cases", ["forge", "\(receiver.postfix.port)", "127.0.0.3"])
        #expect(sent.succeeded, "\(sent)")
        let header = try await receiver.header(of: "forged")
        #expect(header.contains("\nReceived-SPF: Softfail (mailfrom)"), "\(header)")
        #expect(header.contains("dkim=none") && header.contains("dmarc=fail"), "\(header)")
    }

    /// The zone that the server wants, for a server on loopback, a record a line.
    private func records(of server: ServerUnderTest) async throws -> [String] {
        let text = try await server.succeed("dns", "records", ServerUnderTest.domain, "--address", "127.0.0.1")
        return text.split(separator: "\n").filter { !$0.hasPrefix(";") && !$0.hasPrefix("$") }.map {
            String($0).replacing("( ", with: "").replacing(" )", with: "")
        }
    }

    private func count(of part: String, in text: String) -> Int { text.components(separatedBy: part).count - 1 }
}
