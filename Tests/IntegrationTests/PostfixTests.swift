import Foundation
import MartletTesting
import Testing

/// Mail to and from a real Postfix, found by MX records that a local unbound answers; signatures checked by others.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "unbound", "opendkim")))
struct PostfixTests {
    private static let count = 500

    @Test(.timeLimit(.minutes(4))) func exchangesFiveHundredMessagesEachWay() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let postfix = try PostfixPeer(routes: [(ServerUnderTest.domain, server.port(25))])
        let zone = try await ZonePeer.start(
            zones: [PostfixPeer.domain, ServerUnderTest.domain],
            records: [
                "\(PostfixPeer.domain). 300 IN MX 10 \(PostfixPeer.hostname).",
                "\(PostfixPeer.hostname). 300 IN A 127.0.0.1",
            ]
        )
        try await postfix.start()
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_OUTBOUND_PORT": "\(postfix.port)",
        ])
        do {
            try await receive(server, postfix)
            try await send(server, postfix)
            try await bounce(server)
        } catch {
            await leave(postfix, zone)
            _ = try? await server.stop()
            throw error
        }
        await leave(postfix, zone)
        #expect(try await server.stop() == 0)
    }

    private func leave(_ postfix: PostfixPeer, _ zone: ZonePeer) async {
        await postfix.stop()
        await zone.stop()
    }

    private func receive(_ server: ServerUnderTest, _ postfix: PostfixPeer) async throws {
        let sent = try await server.python(
            "bulk", "by-peer", "\(postfix.port)", "\(Self.count)", timeout: .seconds(60))
        expectSuccess(sent, server)
        let arrived = try await server.python("bulk", "arrived", "\(Self.count)", timeout: .seconds(100))
        #expect(arrived.succeeded, "\(arrived)\n\(postfix.log.suffix(3000))")
    }

    private func send(_ server: ServerUnderTest, _ postfix: PostfixPeer) async throws {
        let recipient = "sink@\(PostfixPeer.domain)"
        let sent = try await server.python("bulk", "submit", recipient, "\(Self.count)", timeout: .seconds(60))
        expectSuccess(sent, server)
        try await eventually(within: .seconds(100), "\(Self.count) messages at Postfix") {
            postfix.messages.count >= Self.count
        }
        #expect(postfix.messages.count == Self.count)
        try await eventually(within: .seconds(10), "the queue is empty") {
            try await server.succeed("queue", "list", "--json").filter { !$0.isWhitespace } == "[]"
        }
        let distinct = try await server.python("bulk", "distinct", postfix.mailFolder, "\(Self.count)")
        expectSuccess(distinct, server)
        try await verify(server, postfix)
    }

    /// dkimpy checks both signatures of every message, opendkim one.
    private func verify(_ server: ServerUnderTest, _ postfix: PostfixPeer) async throws {
        let records = try await server.succeed("dkim", "record", ServerUnderTest.domain)
        let file = try server.folder.write(records, to: "records")
        let dkimpy = try await server.python(
            "tool", "verify", postfix.mailFolder, file, "\(Self.count)", timeout: .seconds(90))
        expectSuccess(dkimpy, server)
        let path = try Peer.require("opendkim")
        try server.folder.write(testData(records), to: "testdata")
        let settings = "Mode v\nTestDNSData file:\(server.folder.file("testdata"))\n"
        let configuration = try server.folder.write(settings, to: "opendkim.conf")
        // In its test mode opendkim judges the first signature alone.
        var names = postfix.messages[...]
        while !names.isEmpty {
            let some = names.prefix(50)
            names = names.dropFirst(50)
            let list = some.joined(separator: ",")
            let result = try await ProcessRunner.run([path, "-x", configuration, "-t", list], timeout: .seconds(60))
            let good = result.text.split(separator: "\n").filter {
                $0.contains("verification (s=rsa1") && $0.contains("succeeded")
            }
            #expect(result.succeeded && good.count == some.count, "\(result)")
        }
    }

    private func testData(_ records: String) -> String {
        records.split(separator: "\n").compactMap { line -> String? in
            let parts = line.components(separatedBy: ". IN TXT ")
            guard parts.count == 2 else { return nil }
            let strings = parts[1].split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            let value = strings.filter { $0.offset % 2 == 1 }.map { String($0.element) }.joined()
            return "\(parts[0]) \(value)\n"
        }.joined()
    }

    /// What the peer refuses comes back as a report that names the recipient.
    private func bounce(_ server: ServerUnderTest) async throws {
        expectSuccess(try await server.python("bulk", "bounce", "nobody@nowhere.peer.test"), server)
    }
}
