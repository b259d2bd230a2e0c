import Testing

@testable import IMAPServer

@Suite("STORE, COPY and MOVE", .timeLimit(.minutes(10)))
struct StoreTests {
    private func withMessages(
        _ count: Int, _ body: @escaping @Sendable (TestServer, IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for number in 1...count { await client.append(sampleMessage("m\(number)")) }
                await client.command("SELECT INBOX")
                try await body(server, client)
            }
        }
    }

    @Test("flags are added, removed and replaced, and told unless silent")
    func flags() async throws {
        try await withMessages(2) { _, client in
            #expect(
                await client.command("STORE 1:2 +FLAGS (\\Seen $Todo)").untagged == [
                    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Todo)",
                    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Todo \\*)] Flags permitted.",
                    "* 1 FETCH (FLAGS (\\Seen $Todo \\Recent))",
                    "* 2 FETCH (FLAGS (\\Seen $Todo \\Recent))",
                ])
            #expect(
                await client.command("UID STORE 1 -FLAGS (\\Seen)").untagged == [
                    "* 1 FETCH (UID 1 FLAGS ($Todo \\Recent))"
                ])
            #expect(await client.command("STORE 1 FLAGS.SILENT (\\Draft)").untagged.isEmpty)
            #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Draft \\Recent))"])
            #expect(await client.command("STORE 1 FLAGS ()").untagged == ["* 1 FETCH (FLAGS (\\Recent))"])
            #expect(await client.command("STORE 1 +FLAGS (\\Recent)").tagged.hasPrefix("BAD"))
            #expect(await client.command("STORE 1 +FLAGS (\\Whatever)").tagged.hasPrefix("BAD"))
            #expect(await client.command("STORE 3 +FLAGS (\\Seen)").tagged.hasPrefix("BAD"))
            #expect(await client.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("UNCHANGEDSINCE leaves alone what changed later, and says which")
    func conditional() async throws {
        try await withMessages(3) { server, client in
            let before = await client.command("FETCH 1:3 MODSEQ").untagged.compactMap {
                modSeq(in: $0, after: "MODSEQ (")
            }
            let base = try #require(before.max())
            _ = try await server.inbox { other in
                _ = await other.command("STORE 2 +FLAGS.SILENT (\\Flagged)")
            }
            let reply = await client.command("STORE 1:3 (UNCHANGEDSINCE \(base)) +FLAGS.SILENT (\\Seen)")
            #expect(reply.tagged.hasPrefix("OK [MODIFIED 2]"))
            let told = reply.untagged.filter { $0.contains("MODSEQ (") }
            #expect(told.contains { $0.hasPrefix("* 1 FETCH (UID 1 MODSEQ (") })
            #expect(told.contains { $0.hasPrefix("* 3 FETCH (UID 3 MODSEQ (") })
            #expect(told.contains { $0.hasPrefix("* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (") })
            let uid = await client.command("UID STORE 2 (UNCHANGEDSINCE 0) +FLAGS (\\Seen)")
            #expect(uid.tagged.hasPrefix("OK [MODIFIED 2]"))
            #expect(await client.command("FETCH 2 FLAGS").untagged == ["* 2 FETCH (FLAGS (\\Flagged \\Recent))"])
            let silent = await client.command("STORE 1 +FLAGS.SILENT (\\Draft)").untagged
            #expect(silent.count == 1 && silent.first?.hasPrefix("* 1 FETCH (UID 1 MODSEQ (") == true)
        }
    }

    @Test("COPY answers with COPYUID and keeps flags")
    func copy() async throws {
        try await withMessages(3) { _, client in
            await client.command("STORE 2 +FLAGS.SILENT (\\Flagged $Work)")
            let reply = await client.command("COPY 2:3 Archive")
            #expect(reply.tagged.contains("[COPYUID ") && reply.tagged.contains(" 2:3 1:2]"))
            #expect(await client.command("COPY 1 Nowhere").tagged.hasPrefix("NO [TRYCREATE]"))
            #expect(await client.command("UID COPY 99 Archive").tagged.hasPrefix("OK No messages"))
            #expect(await client.command("UID COPY 3,1 Archive").tagged.contains(" 1,3 3:4]"))
            await client.command("SELECT Archive")
            #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Flagged $Work \\Recent))"])
        }
    }

    @Test("MOVE says COPYUID, then EXPUNGE, then OK")
    func move() async throws {
        try await withMessages(4) { _, client in
            let reply = await client.command("MOVE 2:3 Archive")
            #expect(reply.untagged.count == 3)
            #expect(reply.untagged.first?.hasPrefix("* OK [COPYUID ") == true)
            #expect(Array(reply.untagged.dropFirst()) == ["* 3 EXPUNGE", "* 2 EXPUNGE"])
            #expect(reply.tagged.hasPrefix("OK Move"))
            let uid = await client.command("UID MOVE 4 Archive")
            #expect(uid.untagged.last == "* 2 EXPUNGE")
            #expect(await client.command("MOVE 1 Nowhere").tagged.hasPrefix("NO [TRYCREATE]"))
            #expect(await client.command("FETCH 1:* UID").untagged == ["* 1 FETCH (UID 1)"])
        }
    }
}
