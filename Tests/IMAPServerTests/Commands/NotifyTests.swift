import Directory
import MailStore
import Synchronization
import Testing

@testable import IMAPServer

@Suite("NOTIFY", .timeLimit(.minutes(2)))
struct NotifyTests {
    /// A client that gave NOTIFY, and another session of the same account.
    private func notified(
        _ wishes: String, selecting mailbox: String? = "INBOX",
        _ body: @escaping @Sendable (TestServer, IMAPTestClient, IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { other in
                for number in 1...3 { await other.append(sampleMessage("m\(number)")) }
                await other.command("SELECT INBOX")
                try await server.session { client in
                    if let mailbox { await client.command("SELECT \(mailbox)") }
                    let reply = await client.command("NOTIFY SET \(wishes)")
                    #expect(reply.isOK, "\(reply)")
                    try await body(server, client, other)
                }
            }
        }
    }

    @Test("the selected mailbox: new messages with what was asked for, flags and expunges, with no command given")
    func selected() async throws {
        try await notified("(selected (MessageNew (uid flags envelope) MessageExpunge FlagChange))") {
            server, client, other in
            try await server.deliver(sampleMessage("new"))
            #expect(await client.next() == "* 4 EXISTS")
            _ = await client.next()  // RECENT
            let fetched = await client.next()
            #expect(fetched.hasPrefix("* 4 FETCH (UID 4 FLAGS (") && fetched.contains("ENVELOPE ("))
            await other.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            #expect(await client.next() == "* 2 FETCH (UID 2 FLAGS (\\Deleted))")
            await other.command("EXPUNGE")
            #expect(await client.next() == "* 2 EXPUNGE")
            #expect(await client.append(sampleMessage("own")).untagged.first == "* 4 EXISTS")
            #expect(await client.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("SELECTED-DELAYED holds expunges back until a command may carry them")
    func delayed() async throws {
        try await notified("(selected-delayed (MessageNew MessageExpunge))") { server, client, other in
            await other.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            try await server.deliver(sampleMessage("new"))
            #expect(await client.next() == "* 4 EXISTS")
            _ = await client.next()
            #expect(await client.command("FETCH 2:3 (FLAGS)").untagged.map { $0.prefix(9) } == ["* 3 FETCH"])
            #expect(await client.command("NOOP").untagged == ["* 2 EXPUNGE"])
            // FlagChange was not asked for.
            await other.command("STORE 1 +FLAGS.SILENT (\\Flagged)")
            #expect(await client.command("NOOP").untagged.isEmpty)
            await client.send("i IDLE\r\n")
            #expect(await client.next().hasPrefix("+ "))
            await other.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
            await other.command("EXPUNGE")
            #expect(await client.next() == "* 1 EXPUNGE")
            await client.send("DONE\r\n")
            #expect(await client.reply(to: "i").isOK)
        }
    }

    @Test("other mailboxes: STATUS when messages come, go or change")
    func others() async throws {
        try await notified("STATUS (personal (MessageNew MessageExpunge FlagChange))", selecting: nil) {
            _, client, other in
            await other.append(sampleMessage("sent"), to: "Sent")
            let first = await client.next()
            #expect(
                first.hasPrefix("* STATUS Sent (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ") && first.hasSuffix(" UNSEEN 1)"))
            await other.command("SELECT Sent")
            await other.command("STORE 1 +FLAGS.SILENT (\\Seen)")
            #expect(await client.next().hasSuffix(" UNSEEN 0)"))
            #expect(await client.command("ENABLE CONDSTORE").isOK)
            await other.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
            let flags = await client.next()
            #expect(flags.hasPrefix("* STATUS Sent (UIDVALIDITY ") && flags.contains(" HIGHESTMODSEQ "))
            await other.command("EXPUNGE")
            #expect(await client.next().hasPrefix("* STATUS Sent (MESSAGES 0 UIDNEXT 2 "))
            // Nothing was asked of the selected mailbox.
            await client.command("SELECT Sent")
            await other.append(sampleMessage("again"), to: "Sent")
            #expect(await client.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("NOTIFY SET STATUS describes first, named mailboxes only")
    func status() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.command("CREATE Lists/One")
                let reply = await client.command(
                    "NOTIFY SET STATUS (selected NONE) (subtree Lists (MessageNew MessageExpunge))"
                        + " (mailboxes (Sent Nowhere INBOX) (MessageNew MessageExpunge FlagChange))")
                #expect(reply.isOK && reply.untagged.count == 3)
                #expect(reply.untagged[0].hasPrefix("* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY "))
                #expect(reply.untagged[2].contains("Sent (MESSAGES 0") && reply.untagged[2].contains("HIGHESTMODSEQ"))
                try await server.deliver(sampleMessage("unheard"))
                try await server.session { other in
                    _ = await other.append(sampleMessage("one"), to: "Lists/One")
                }
                #expect(await client.next().hasPrefix("* STATUS Lists/One (MESSAGES 1 "))
            }
        }
    }

    @Test("names and subscriptions that others change, and not one's own")
    func names() async throws {
        try await notified("(personal (MailboxName SubscriptionChange))", selecting: nil) { _, client, other in
            await other.command("CREATE Work")
            #expect(await client.next() == #"* LIST (\HasNoChildren) "/" Work"#)
            await other.command("CREATE Work/Old")
            #expect(await client.next() == #"* LIST (\HasNoChildren) "/" Work/Old"#)
            #expect(await client.next() == #"* LIST (\HasChildren) "/" Work"#)
            await other.command("RENAME Work Arbeit")
            #expect(await client.next() == #"* LIST (\HasChildren) "/" Arbeit ("OLDNAME" (Work))"#)
            await other.command("SUBSCRIBE Arbeit")
            #expect(await client.next() == #"* LIST (\Subscribed \HasChildren) "/" Arbeit"#)
            await other.command("UNSUBSCRIBE Arbeit")
            #expect(await client.next() == #"* LIST (\HasChildren) "/" Arbeit"#)
            await other.command("DELETE Arbeit/Old")
            #expect(await client.next() == #"* LIST (\NonExistent) "/" Arbeit/Old"#)
            #expect(await client.next() == #"* LIST (\HasNoChildren) "/" Arbeit"#)
            #expect(await client.command("CREATE Mine").untagged.isEmpty)
            #expect(await client.command("SUBSCRIBE Mine").untagged.isEmpty)
            #expect(await client.command("RENAME Mine Yours").untagged.isEmpty)
            #expect(await client.command("NOOP").untagged.isEmpty)
        }
    }

    @Test("annotations that others change are named")
    func annotations() async throws {
        try await notified("(mailboxes INBOX (MailboxMetadataChange ServerMetadataChange))", selecting: nil) {
            _, client, other in
            await other.command("SETMETADATA INBOX (/private/comment \"x\")")
            #expect(await client.next() == "* METADATA INBOX /private/comment")
            await other.command("SETMETADATA Sent (/private/comment \"x\")")
            await other.command("SETMETADATA \"\" (/private/comment \"y\")")
            #expect(await client.next() == "* METADATA \"\" /private/comment")
            await other.command("SETMETADATA INBOX (/private/comment NIL)")
            #expect(await client.next() == "* METADATA INBOX /private/comment")
        }
    }

    @Test("NOTIFY NONE is silence, but for what the client itself removes")
    func none() async throws {
        try await notified("(selected (MessageNew MessageExpunge FlagChange))") { server, client, other in
            #expect(await client.command("NOTIFY NONE").isOK)
            try await server.deliver(sampleMessage("new"))
            await other.command("STORE 1 +FLAGS.SILENT (\\Flagged)")
            #expect(await client.command("NOOP").untagged.isEmpty)
            await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
            #expect(await client.command("EXPUNGE").untagged.contains("* 2 EXPUNGE"))
        }
    }

    @Test("what NOTIFY refuses")
    func refusals() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                let both = "MessageNew MessageExpunge"
                let unknown = await client.command("NOTIFY SET (selected (\(both) AnnotationChange))").tagged
                #expect(unknown.hasPrefix("NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "))
                for bad in [
                    "SET (selected (MessageNew))", "SET (selected (MessageExpunge))", "SET (selected (FlagChange))",
                    "SET (personal (FlagChange MessageNew))", "SET (selected (MailboxName))",
                    "SET (personal (MessageNew (uid) MessageExpunge))",
                    "SET (selected (\(both))) (selected-delayed NONE)",
                    "SET", "SET ()", "SET (everything (\(both)))", "SET (mailboxes (\(both)))",
                    "SET (mailboxes () NONE)",
                    "NONE NONE", "SET (selected ())", "SET (selected (MessageNew () MessageExpunge))", "",
                ] {
                    #expect(await client.command("NOTIFY \(bad)").tagged.hasPrefix("BAD"), "\(bad)")
                }
                // As RFC 5465 §3.1 itself writes it.
                #expect(await client.command("NOTIFY SET (selected MessageNew (uid) MessageExpunge)").isOK)
            }
        }
    }

    @Test("a listener hears its own kinds and mailboxes, once until it takes them")
    func feed() {
        let feed = ChangeFeed()
        let account = AccountID(rawValue: 1)
        let mailbox = MailboxID(rawValue: 7)
        let woken = Mutex(0)
        var listener: ChangeListener? = feed.listen([account: ChangeInterest(kinds: .messages, mailboxes: [mailbox])]) {
            woken.withLock { $0 += 1 }
        }
        feed.announce(account, mailboxes: [MailboxID(rawValue: 8)])
        feed.announce(AccountID(rawValue: 2), mailboxes: [mailbox])
        feed.announce(account, kinds: .subscriptions)
        feed.announce(account, mailboxes: [mailbox], kinds: .mailboxes)
        #expect(woken.withLock { $0 } == 0)
        feed.announce(account, mailboxes: [mailbox])
        feed.announce(account, mailboxes: [mailbox])
        #expect(woken.withLock { $0 } == 1)
        #expect(listener?.take().kinds == .messages)
        #expect(listener?.take().kinds == [])
        feed.announce(account, mailboxes: [mailbox])
        #expect(woken.withLock { $0 } == 2)
        listener = nil
        feed.announce(account, mailboxes: [mailbox])
        #expect(woken.withLock { $0 } == 2)
        let all = feed.listen([account: ChangeInterest(kinds: .all)]) {}
        for _ in 0..<600 {
            feed.announce(
                account, kinds: .annotations, annotations: AnnotationNews(mailbox: nil, entries: ["/private/x"]))
        }
        let news = all.take()
        #expect(news.annotations.count == 500 && news.isOverflown)
    }
}
