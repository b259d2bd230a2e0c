import Blobs
import Directory
import Foundation
import MailMessage
import MailSyntax
import SQLEngine
import Testing

@testable import IMAPServer
@testable import MailStore

@Suite("QRESYNC", .timeLimit(.minutes(10)))
struct ResynchronizationTests {
    private struct Known {
        let validity: String
        let modSeq: String
    }

    private static func code(_ name: String, in lines: [String]) -> String? {
        for line in lines {
            guard let start = line.range(of: "[\(name) ") else { continue }
            return String(line[start.upperBound...].prefix { $0 != "]" })
        }
        return nil
    }

    private static func known(_ reply: IMAPTestClient.Reply) throws -> Known {
        Known(
            validity: try #require(code("UIDVALIDITY", in: reply.untagged)),
            modSeq: try #require(code("HIGHESTMODSEQ", in: reply.untagged)))
    }

    /// FETCH lines and VANISHED lines of an answer.
    private static func news(_ reply: IMAPTestClient.Reply) -> [String] {
        reply.untagged.filter { $0.contains(" FETCH ") || $0.contains("VANISHED") }
            .map { $0.replacing(#/ MODSEQ \(\d+\)/#, with: "") }
    }

    /// A mailbox of `count` messages, a client that saw it and left, and another that is still there.
    private func left(
        _ count: Int,
        _ body: @escaping @Sendable (TestServer, Known, IMAPTestClient, IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { other in
                for number in 1...count { await other.append(sampleMessage("m\(number)"), "(\\Seen)") }
                await other.command("SELECT INBOX")
                try await server.session { client in
                    #expect(await client.command("ENABLE QRESYNC").untagged == ["* ENABLED QRESYNC"])
                    let known = try Self.known(await client.command("SELECT INBOX"))
                    await client.command("UNSELECT")
                    try await body(server, known, client, other)
                }
            }
        }
    }

    @Test("what went and what changed is told, before the numbers mean anything else")
    func changes() async throws {
        try await left(6) { _, known, client, other in
            await other.command("STORE 5 -FLAGS.SILENT (\\Seen)")
            await other.command("STORE 2:3 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            await other.append(sampleMessage("new"))
            let reply = await client.command("SELECT INBOX (QRESYNC (\(known.validity) \(known.modSeq)))")
            #expect(reply.tagged.hasPrefix("OK [READ-WRITE]"))
            #expect(reply.untagged.contains("* 5 EXISTS"))
            #expect(
                Self.news(reply) == [
                    "* VANISHED (EARLIER) 2:3", "* 3 FETCH (UID 5 FLAGS ())", "* 5 FETCH (UID 7 FLAGS ())",
                ])
            // Nothing is news any more.
            let now = try Self.known(reply)
            let again = await client.command("SELECT INBOX (QRESYNC (\(now.validity) \(now.modSeq)))")
            #expect(again.untagged.first?.hasPrefix("* OK [CLOSED]") == true)
            #expect(Self.news(again).isEmpty)
            // Of another UIDVALIDITY nothing is told.
            let wrong = await client.command("EXAMINE INBOX (QRESYNC (1 \(known.modSeq)))")
            #expect(wrong.isOK && Self.news(wrong).isEmpty)
        }
    }

    @Test("only known UIDs are told of, and nothing below a pair that still fits")
    func knownUIDs() async throws {
        try await left(9) { _, known, client, other in
            await other.command("STORE 2,4,6,8 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            await other.command("UID STORE 3,7 -FLAGS.SILENT (\\Seen)")
            let start = "EXAMINE INBOX (QRESYNC (\(known.validity) \(known.modSeq)"
            let some = await client.command("\(start) 4:7))")
            #expect(Self.news(some) == ["* VANISHED (EARLIER) 4,6", "* 4 FETCH (UID 7 FLAGS ())"])
            let matched = await client.command("\(start) 1:9 (1,2,4 1,3,5)))")
            #expect(
                Self.news(matched) == [
                    "* VANISHED (EARLIER) 4,6,8", "* 2 FETCH (UID 3 FLAGS ())", "* 4 FETCH (UID 7 FLAGS ())",
                ])
            let unknown = await client.command("\(start) (1,2,3,4294967295 1,3,5,4294967295)))")
            #expect(Self.news(unknown).first == "* VANISHED (EARLIER) 6,8")
            let huge = await client.command("\(start) 1:4294967295 (1:4294967295 1:4294967295)))")
            #expect(Self.news(huge).first == "* VANISHED (EARLIER) 2,4,6,8")
        }
    }

    @Test("where expunged UIDs are forgotten, all that are not there are told")
    func purged() async throws {
        try await left(9) { server, known, client, other in
            await other.command("STORE 2,5 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            await other.command("STORE 7 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            let status = await other.command("STATUS INBOX (HIGHESTMODSEQ)").untagged
            let now = try #require(status.last?.split(separator: " ").last?.dropLast())
            try await server.forgetExpunged(through: try #require(Int64(now)) - 1)
            let all = await client.command("EXAMINE INBOX (QRESYNC (\(known.validity) \(known.modSeq)))")
            #expect(Self.news(all).first == "* VANISHED (EARLIER) 2,5,9")
            // A message that arrived since is not among the missing, known or not.
            await other.append(sampleMessage("new"))
            let some = await client.command("UID FETCH 4:4294967295 (FLAGS) (CHANGEDSINCE \(known.modSeq) VANISHED)")
            #expect(Self.news(some).first == "* VANISHED (EARLIER) 5,9")
            let matched = await client.command(
                "EXAMINE INBOX (QRESYNC (\(known.validity) \(known.modSeq) 1:9 (1,2,3 1,3,4)))")
            #expect(Self.news(matched).first == "* VANISHED (EARLIER) 5,9")
            let late = await client.command("EXAMINE INBOX (QRESYNC (\(known.validity) \(now)))")
            #expect(!Self.news(late).contains { $0.contains("VANISHED") })
        }
    }

    @Test("VANISHED stands in place of EXPUNGE, everywhere")
    func vanished() async throws {
        try await left(9) { _, _, client, other in
            await client.command("SELECT INBOX")
            await client.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
            let own = await client.command("EXPUNGE")
            #expect(own.untagged.first == "* VANISHED 1:2")
            #expect(own.tagged.hasPrefix("OK [HIGHESTMODSEQ "))
            #expect(await client.command("UID EXPUNGE 3").tagged == "OK Expunge completed.")
            let moved = await client.command("UID MOVE 3 Archive").untagged
            #expect(moved.first?.hasPrefix("* OK [COPYUID ") == true)
            #expect(moved.contains("* VANISHED 3"))
            await other.command("NOOP")
            await other.command("UID STORE 4,6 +FLAGS.SILENT (\\Deleted)")
            #expect(await other.command("UID EXPUNGE 4").untagged == ["* 1 EXPUNGE"])
            #expect(await client.command("NOOP").untagged.first == "* VANISHED 4")
            await client.send("i IDLE\r\n")
            #expect(await client.next().hasPrefix("+ "))
            await other.command("UID EXPUNGE 6")
            #expect(await client.next() == "* VANISHED 6")
            await client.send("DONE\r\n")
            #expect(await client.reply(to: "i").isOK)
            await client.command("UID STORE 5 +FLAGS.SILENT (\\Deleted)")
            #expect(await client.command("CLOSE").tagged == "OK Close completed.")
        }
    }

    @Test("what is held back keeps the client's mod-sequence down")
    func heldBack() async throws {
        try await left(4) { _, _, client, other in
            let before = try #require(Self.code("HIGHESTMODSEQ", in: await client.command("SELECT INBOX").untagged))
            await other.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            await client.command("NOOP")
            await other.command("EXPUNGE")
            let store = await client.command("STORE 1 +FLAGS.SILENT (\\Flagged)")
            #expect(store.untagged.first?.hasPrefix("* 1 FETCH (UID 1 MODSEQ (") == true)
            let told = try #require(Self.code("HIGHESTMODSEQ", in: store.untagged))
            #expect(try #require(UInt64(told)) > (try #require(UInt64(before))))
            let fetch = await client.command("FETCH 1 (MODSEQ)").untagged
            #expect(Self.code("HIGHESTMODSEQ", in: fetch) == told)
            // Sequence numbers in the criteria hold EXPUNGE back also in UID SEARCH.
            #expect(await client.command("UID SEARCH 1").untagged.first == "* SEARCH 1")
            let noop = await client.command("NOOP").untagged
            #expect(noop.first == "* VANISHED 2")
            #expect(try #require(Self.code("HIGHESTMODSEQ", in: noop).flatMap(UInt64.init)) > (UInt64(told) ?? .max))
        }
    }

    @Test("UID FETCH (CHANGEDSINCE … VANISHED)")
    func uidFetch() async throws {
        try await left(6) { _, known, client, other in
            await other.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
            await other.command("UID EXPUNGE 4")
            await client.command("SELECT INBOX")
            await other.command("UID EXPUNGE 2")
            let modifiers = "(CHANGEDSINCE \(known.modSeq) VANISHED)"
            let reply = await client.command("UID FETCH 1:* (FLAGS) \(modifiers)")
            // Message 2 has a number for this client until VANISHED says otherwise.
            #expect(Self.news(reply) == ["* VANISHED (EARLIER) 4", "* VANISHED 2"])
            for bad in ["FETCH 1:* (FLAGS) \(modifiers)", "UID FETCH 1:* (FLAGS) (VANISHED)"] {
                #expect(await client.command(bad).tagged.hasPrefix("BAD"), "\(bad)")
            }
            await other.command("SELECT INBOX")
            #expect(await other.command("UID FETCH 1:* (FLAGS) \(modifiers)").tagged.hasPrefix("BAD"))
            #expect(await other.command("SELECT Sent (QRESYNC (1 1))").tagged.hasPrefix("BAD"))
            #expect(await other.command("FETCH 1 UID").isOK, "a command that is no command changes nothing")
        }
    }

    @Test("a great many deletions, scattered, come in lines that can be read, each once")
    func manyDeletions() async throws {
        try await TestServer.run { server in
            let count = 4000
            try await server.deliver(count: count)
            try await server.session { client in
                await client.command("ENABLE QRESYNC")
                let known = try Self.known(await client.command("SELECT INBOX"))
                try await server.inbox { other in
                    let odd = stride(from: 1, through: count, by: 2).map(String.init)
                    for start in stride(from: 0, to: odd.count, by: 500) {
                        let set = odd[start..<min(start + 500, odd.count)].joined(separator: ",")
                        await other.command("UID STORE \(set) +FLAGS.SILENT (\\Deleted)")
                    }
                    await other.command("CLOSE")
                }
                let noop = await client.command("NOOP")
                let vanished = noop.untagged.filter { $0.hasPrefix("* VANISHED ") }
                #expect(vanished.count == 4)
                #expect(vanished.allSatisfy { $0.utf8.count < 16_384 })
                #expect(vanished.joined(separator: ",").split(separator: ",").count == count / 2)
                let again = await client.command("SELECT INBOX (QRESYNC (\(known.validity) \(known.modSeq)))")
                let earlier = Self.news(again)
                #expect(earlier.count == 4 && earlier.allSatisfy { $0.hasPrefix("* VANISHED (EARLIER) ") })
                #expect(again.untagged.contains("* \(count / 2) EXISTS"))
            }
        }
    }
}

extension TestServer {
    /// As a purge of old tombstones does it.
    func forgetExpunged(through modSeq: Int64) async throws {
        try await store.database.write { writer in
            try writer.execute(SQLStatement("DELETE FROM expunged WHERE modseq <= $1"), modSeq)
            try writer.execute(SQLStatement("UPDATE account_state SET purged_through = $1"), modSeq)
        }
    }

    /// Many small messages into INBOX, quickly.
    func deliver(count: Int) async throws {
        let octets = Array("Subject: x\r\n\r\n".utf8)
        let message = NewMessage(
            content: .bytes(octets), index: MessageIndex(scanning: octets), internalDate: SystemClock().now())
        let inbox = try await store.inbox(account.id)
        for _ in stride(from: 0, to: count, by: 500) {
            _ = try await store.append(
                account.id, to: inbox, messages: Array(repeating: message, count: min(count, 500)))
        }
    }
}
