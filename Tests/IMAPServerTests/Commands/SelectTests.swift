import Testing

@testable import IMAPServer

@Suite("SELECT, EXAMINE and what becomes of the selection", .timeLimit(.minutes(10)))
struct SelectTests {
    @Test("SELECT describes the mailbox")
    func describes() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for subject in ["one", "two"] { #expect(await client.append(sampleMessage(subject)).isOK) }
                await client.append(sampleMessage("three"), "(\\Seen $Work)")
                let reply = await client.command("SELECT inbox")
                #expect(reply.tagged.hasPrefix("OK [READ-WRITE]"))
                #expect(reply.untagged.contains("* 3 EXISTS"))
                #expect(reply.untagged.contains("* 3 RECENT"))
                #expect(reply.untagged.contains("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)"))
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [PERMANENTFLAGS (") && $0.contains("\\*)]") })
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [UNSEEN 1]") })
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [UIDNEXT 4]") })
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [UIDVALIDITY ") })
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [HIGHESTMODSEQ ") })
            }
        }
    }

    @Test("EXAMINE changes nothing")
    func examine() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"), "(\\Deleted)")
                let reply = await client.command("EXAMINE INBOX")
                #expect(reply.tagged.hasPrefix("OK [READ-ONLY]"))
                #expect(reply.untagged.contains { $0.hasPrefix("* OK [PERMANENTFLAGS ()]") })
                for command in ["STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Trash"] {
                    #expect(await client.command(command).tagged.hasPrefix("NO"), "\(command)")
                }
                #expect(await client.command("FETCH 1 BODY[]").untagged.first?.contains("FLAGS") == false)
                #expect(await client.command("CLOSE").isOK)
                #expect(await client.command("SELECT INBOX").untagged.contains("* 1 EXISTS"))
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Deleted \\Recent))"])
            }
        }
    }

    @Test("\\Recent is for the first session that selects")
    func recent() async throws {
        try await TestServer.run { server in
            try await server.session { first in
                await first.append(sampleMessage("one"))
                #expect(await first.command("EXAMINE INBOX").untagged.contains("* 1 RECENT"))
                #expect(await first.command("SELECT INBOX").untagged.contains("* 1 RECENT"))
                #expect(await first.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Recent))"])
                try await server.session { second in
                    #expect(await second.command("SELECT INBOX").untagged.contains("* 0 RECENT"))
                    #expect(await second.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS ())"])
                    let found = await second.command("STATUS INBOX (RECENT)").untagged
                    #expect(found == ["* STATUS INBOX (RECENT 0)"])
                    await second.append(sampleMessage("two"))
                    #expect(await second.command("NOOP").untagged.isEmpty)
                }
                let news = await first.command("NOOP").untagged
                #expect(news == ["* 2 EXISTS", "* 1 RECENT"])
                #expect(await first.command("CLOSE").isOK)
                #expect(await first.command("SELECT INBOX").untagged.contains("* 0 RECENT"))
            }
        }
    }

    @Test("selecting another mailbox closes the first and says so; a failed SELECT leaves none")
    func closed() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                let reply = await client.command("SELECT Sent")
                #expect(reply.untagged.first?.hasPrefix("* OK [CLOSED]") == true)
                let missing = await client.command("SELECT Nowhere")
                #expect(missing.tagged.hasPrefix("NO [NONEXISTENT]"))
                #expect(await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
                #expect(await client.command("SELECT INBOX").untagged.contains { $0.contains("[CLOSED]") } == false)
                #expect(await client.command("UNSELECT").isOK)
                #expect(await client.command("UNSELECT").tagged.hasPrefix("BAD"))
            }
        }
    }

    @Test("CLOSE expunges in silence, UNSELECT expunges nothing")
    func closing() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for subject in ["one", "two"] { await client.append(sampleMessage(subject), "(\\Deleted)") }
                await client.command("SELECT INBOX")
                #expect(await client.command("UNSELECT").untagged.isEmpty)
                #expect(await client.command("SELECT INBOX").untagged.contains("* 2 EXISTS"))
                let reply = await client.command("CLOSE")
                #expect(reply.isOK && reply.untagged.isEmpty)
                #expect(await client.command("SELECT INBOX").untagged.contains("* 0 EXISTS"))
            }
        }
    }

    @Test("EXPUNGE announces each message, highest number first; UID EXPUNGE only those named")
    func expunge() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for number in 1...5 {
                    await client.append(sampleMessage("m\(number)"), number % 2 == 1 ? "(\\Deleted)" : "")
                }
                await client.command("SELECT INBOX")
                #expect(await client.command("UID EXPUNGE 2:3").untagged == ["* 3 EXPUNGE"])
                #expect(await client.command("EXPUNGE").untagged == ["* 4 EXPUNGE", "* 1 EXPUNGE"])
                #expect(await client.command("UID FETCH 1:* FLAGS").untagged.count == 2)
            }
        }
    }
}
