import Directory
import MailStore
import NetTransport
import Testing

@testable import IMAPServer

@Suite("Several sessions on one mailbox", .timeLimit(.minutes(10)))
struct SessionsTests {
    private func twoSessions(
        _ count: Int, _ body: @escaping @Sendable (IMAPTestClient, IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { first in
                for number in 1...count { await first.append(sampleMessage("m\(number)")) }
                await first.command("SELECT INBOX")
                try await server.inbox { second in try await body(first, second) }
            }
        }
    }

    @Test("flags, arrivals and expunges are told at NOOP")
    func noop() async throws {
        try await twoSessions(3) { first, second in
            await second.command("STORE 2 +FLAGS (\\Flagged)")
            #expect(await first.command("NOOP").untagged == ["* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))"])
            await second.append(sampleMessage("new"))
            #expect(await first.command("NOOP").untagged == ["* 4 EXISTS", "* 3 RECENT"])
            await second.command("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
            await second.command("EXPUNGE")
            #expect(await first.command("NOOP").untagged == ["* 3 EXPUNGE", "* 1 EXPUNGE"])
            #expect(await first.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("no EXPUNGE while FETCH, STORE or SEARCH is answered, and then it comes")
    func expungeWaits() async throws {
        try await twoSessions(3) { first, second in
            await second.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            await second.command("EXPUNGE")
            let known = await first.command("FETCH 1:3 (UID)")
            #expect(known.untagged == ["* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"])
            #expect(known.tagged.hasPrefix("OK Fetch"))
            let fetch = await first.command("FETCH 1:3 (UID RFC822.SIZE)")
            #expect(fetch.untagged.map { $0.prefix(18) } == ["* 1 FETCH (UID 1 R", "* 3 FETCH (UID 3 R"])
            #expect(fetch.tagged.hasPrefix("OK [EXPUNGEISSUED]"))
            #expect(await first.command("SEARCH ALL").untagged == ["* SEARCH 1 3"])
            let store = await first.command("STORE 1:3 +FLAGS (\\Seen)")
            #expect(store.untagged == ["* 1 FETCH (FLAGS (\\Seen \\Recent))", "* 3 FETCH (FLAGS (\\Seen \\Recent))"])
            #expect(store.tagged.hasPrefix("OK [EXPUNGEISSUED]"))
            #expect(await first.command("STORE 2 +FLAGS (\\Seen)").tagged.hasPrefix("NO [EXPUNGEISSUED]"))
            #expect(await first.command("UID STORE 2 +FLAGS (\\Seen)").tagged.hasPrefix("OK [EXPUNGEISSUED]"))
            #expect(await first.command("FETCH 2 UID").untagged == ["* 2 FETCH (UID 3)"])
        }
    }

    @Test("COPY and MOVE of numbers take all of the messages or none", arguments: ["COPY", "MOVE"])
    func allOrNone(verb: String) async throws {
        try await twoSessions(4) { first, second in
            await second.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            await second.command("EXPUNGE")
            let refused = await first.command("\(verb) 1:3 Archive")
            #expect(refused.tagged.hasPrefix("NO [EXPUNGEISSUED]"))
            #expect(refused.untagged == ["* 2 EXPUNGE"])
            #expect(await first.command("STATUS Archive (MESSAGES)").untagged == ["* STATUS Archive (MESSAGES 0)"])
            await second.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
            await second.command("EXPUNGE")
            // By UID those that are there.
            #expect(await first.command("UID \(verb) 1:3 Archive").tagged.hasPrefix("OK"))
            #expect(await first.command("STATUS Archive (MESSAGES)").untagged == ["* STATUS Archive (MESSAGES 1)"])
            #expect(await first.command("\(verb) 1 Archive").tagged.hasPrefix("OK"))
        }
    }

    @Test("a silent store is silent for its own session only")
    func silent() async throws {
        try await twoSessions(1) { first, second in
            #expect(await second.command("STORE 1 +FLAGS.SILENT (\\Seen)").untagged.isEmpty)
            #expect(await second.command("NOOP").untagged.isEmpty)
            #expect(await first.command("CHECK").untagged == ["* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))"])
        }
    }

    @Test("with CONDSTORE enabled every FETCH carries MODSEQ")
    func modSequences() async throws {
        try await twoSessions(1) { first, second in
            let enabled = await first.command("ENABLE CONDSTORE").untagged
            #expect(enabled.first == "* ENABLED CONDSTORE")
            #expect(enabled.last?.hasPrefix("* OK [HIGHESTMODSEQ ") == true)
            await second.command("STORE 1 +FLAGS (\\Seen)")
            let news = await first.command("NOOP").untagged
            #expect(news.count == 1 && news[0].hasPrefix("* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ ("))
            #expect(await first.command("STORE 1 -FLAGS (\\Seen)").untagged.first?.contains("MODSEQ (") == true)
            await first.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
            #expect(await first.command("EXPUNGE").tagged.hasPrefix("OK [HIGHESTMODSEQ "))
        }
    }

    @Test("IDLE tells at once, and DONE ends it")
    func idle() async throws {
        try await twoSessions(2) { first, second in
            await first.send("i IDLE\r\n")
            #expect(await first.next().hasPrefix("+ "))
            await second.append(sampleMessage("new"))
            #expect(await first.next() == "* 3 EXISTS")
            // RFC 3501 §2.3.2: the message is recent in one of the sessions, whichever hears of it first
            #expect(["* 2 RECENT", "* 3 RECENT"].contains(await first.next()))
            await second.command("STORE 1 +FLAGS (\\Flagged)")
            #expect(await first.next() == "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))")
            await second.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            #expect(await first.next() == "* 2 FETCH (UID 2 FLAGS (\\Deleted \\Recent))")
            await second.command("UID EXPUNGE 2")
            #expect(await first.next() == "* 2 EXPUNGE")
            await first.send("done\r\n")
            #expect(await first.reply(to: "i").isOK)
            #expect(await first.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("IDLE starts with what happened before it, and takes nothing but DONE")
    func idleStart() async throws {
        try await twoSessions(1) { first, second in
            await second.command("STORE 1 +FLAGS (\\Seen)")
            await first.send("i IDLE\r\n")
            #expect(await first.next().hasPrefix("+ "))
            #expect(await first.next() == "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))")
            await first.send("x NOOP\r\n")
            #expect(await first.reply(to: "i").tagged.hasPrefix("BAD"))
            #expect(await first.command("NOOP").isOK)
            // Pipelined, and without a mailbox.
            await first.command("UNSELECT")
            await first.send("j IDLE\r\nDONE\r\nk NOOP\r\n")
            #expect(await first.reply(to: "j").isOK)
            #expect(await first.reply(to: "k").isOK)
        }
    }

    @Test("a mailbox deleted under a session ends the session with BYE")
    func deleted() async throws {
        try await TestServer.run { server in
            try await server.session { first in
                await first.command("CREATE Doomed")
                await first.command("SELECT Doomed")
                try await server.session { second in
                    #expect(await second.command("DELETE Doomed").isOK)
                }
                let reply = await first.command("NOOP")
                #expect(reply.untagged.last?.hasPrefix("* BYE") == true)
                #expect(reply.tagged == "(closed)")
            }
            try await server.session { own in
                await own.command("CREATE Doomed")
                await own.command("SELECT Doomed")
                #expect(await own.command("DELETE Doomed").isOK)
                #expect(await own.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
            }
        }
    }

    @Test("one message moved by two sessions goes once")
    func race() async throws {
        try await twoSessions(1) { first, second in
            #expect(await first.command("MOVE 1 Archive").untagged.last == "* 1 EXPUNGE")
            let late = await second.command("MOVE 1 Archive")
            #expect(late.untagged == ["* 1 EXPUNGE"])
            #expect(await second.command("STATUS Archive (MESSAGES)").untagged == ["* STATUS Archive (MESSAGES 1)"])
        }
    }

    @Test("an account that is disabled or removed under a session ends it with BYE, also while it idles")
    func closedAccount() async throws {
        try await TestServer.run { server in
            try await server.session { first in
                await first.append(sampleMessage("one"))
                await first.command("SELECT INBOX")
                try await server.inbox { second in
                    await second.send("i IDLE\r\n")
                    #expect(await second.next().hasPrefix("+ "))
                    try await server.directory.setEnabled(server.account.address, false, author: "test")
                    try await server.store.wakeSessions(of: server.account.id)
                    #expect(await second.next() == "* BYE Account is disabled.")
                }
                await first.send("x FETCH 1 BODY[]\r\n")
                #expect(await first.next() == "* BYE Account is disabled.")
            }
        }
    }

    @Test("shutting down says BYE to who idles")
    func shutdown() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.send("i IDLE\r\n")
                #expect(await client.next().hasPrefix("+ "))
                server.service.stop(drainTime: .seconds(60))
                let reply = await client.reply(to: "i")
                #expect(reply.untagged.last?.hasPrefix("* BYE") == true)
            }
        }
    }
}
