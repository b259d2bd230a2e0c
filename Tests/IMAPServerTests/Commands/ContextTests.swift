import Testing

@testable import IMAPServer

@Suite("CONTEXT and MULTISEARCH", .timeLimit(.minutes(10)))
struct ContextTests {
    @Test("what another session does reaches searches and sorts that are followed")
    func followed() async throws {
        try await TestServer.run { server in
            try await server.session { first in
                for (number, subject) in ["banana", "apple", "cherry"].enumerated() {
                    await first.append(sampleMessage(subject), "() \"0\(number + 1)-Nov-2026 12:00:00 +0000\"")
                }
                await first.command("SELECT INBOX")
                await first.command("UID SEARCH RETURN (UPDATE) UNDELETED")
                await first.command("SORT RETURN (UPDATE) (SUBJECT) UTF-8 UNDELETED")
                // Numbers are those of now: a later message 4 is not meant.
                await first.command("SEARCH RETURN (UPDATE COUNT) 1:4 UNFLAGGED")
                try await server.session { second in
                    await second.append(sampleMessage("blueberry"))
                    let arrived = await first.command("NOOP").untagged.filter { $0.contains("ESEARCH") }
                    #expect(arrived.count == 2)
                    #expect(arrived.first?.hasSuffix(" UID ADDTO (0 4)") == true)
                    // apple banana BLUEBERRY cherry
                    #expect(arrived.last?.hasSuffix(") ADDTO (3 4)") == true)
                    await second.command("SELECT INBOX")
                    await second.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
                    let changed = await first.command("NOOP").untagged.filter { $0.contains("ESEARCH") }
                    #expect(changed.first?.hasSuffix(" UID REMOVEFROM (0 1:2)") == true)
                    #expect(changed.last?.hasSuffix(") REMOVEFROM (2 1) REMOVEFROM (1 2)") == true)
                    await second.command("EXPUNGE")
                    let gone = await first.command("NOOP").untagged
                    #expect(gone.first?.hasSuffix(" REMOVEFROM (0 1:2)") == true)
                    #expect(gone.dropFirst().prefix(2) == ["* 2 EXPUNGE", "* 1 EXPUNGE"])
                    await second.command("STORE 1 +FLAGS.SILENT (\\Flagged)")
                    let flagged = await first.command("NOOP").untagged.filter { $0.contains("ESEARCH") }
                    #expect(flagged.count == 1)
                    #expect(flagged.first?.hasSuffix(" REMOVEFROM (0 1)") == true)
                }
            }
        }
    }

    @Test("a session follows eight searches, and forgets them with the mailbox")
    func limit() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"))
                await client.command("SELECT INBOX")
                for _ in 0..<8 {
                    #expect(await client.command("SEARCH RETURN (UPDATE COUNT) SEEN").untagged.count == 1)
                }
                let ninth = await client.command("SEARCH RETURN (UPDATE COUNT) SEEN")
                #expect(ninth.untagged.contains { $0.hasPrefix("* NO [NOUPDATE \"") })
                #expect(ninth.tagged.hasPrefix("OK"))
                #expect(await client.command("CANCELUPDATE \"nothing\"").tagged.hasPrefix("BAD"))
                await client.command("SELECT INBOX")
                #expect(
                    await client.command("STORE 1 +FLAGS.SILENT (\\Seen)").untagged.allSatisfy {
                        !$0.contains("ESEARCH")
                    })
                let again = await client.command("SEARCH RETURN (UPDATE COUNT) SEEN").untagged
                #expect(again.count == 1)
            }
        }
    }

    @Test("several mailboxes at once")
    func multiSearch() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for name in ["Work", "Work/a", "Work/a/b", "Other"] {
                    await client.command("CREATE \(name)")
                    await client.append(sampleMessage("apple"), to: name)
                }
                await client.append(sampleMessage("banana"))
                func found(_ arguments: String) async -> [String] {
                    await client.command("ESEARCH \(arguments)").untagged.compactMap { line in
                        line.firstMatch(of: /MAILBOX (\S+) UIDVALIDITY/).map { String($0.1) }
                    }
                }
                #expect(await found("IN (subtree Work) SUBJECT apple") == ["Work", "Work/a", "Work/a/b"])
                #expect(await found("IN (subtree-one Work) SUBJECT apple") == ["Work", "Work/a"])
                #expect(await found("IN (mailboxes (Other Work Other)) SUBJECT apple") == ["Other", "Work"])
                #expect(await found("IN (inboxes) SUBJECT apple") == [])
                #expect(await found("IN (inboxes) RETURN (COUNT) 1:*") == ["INBOX"])
                #expect(await found("IN (personal) TEXT apple").count == 4)
                #expect(await found("IN (personal) RETURN (PARTIAL 1:5) ALL").count == 5)
                #expect(await client.command("ESEARCH ALL").tagged.hasPrefix("BAD"))
                #expect(await client.command("ESEARCH IN (personal) RETURN (UPDATE) ALL").tagged.hasPrefix("BAD"))
                #expect(await client.command("ESEARCH IN () ALL").tagged.hasPrefix("BAD"))
                await client.command("SELECT Work")
                await client.command("ESEARCH RETURN (SAVE) ALL")
                #expect(await client.command("SEARCH $").untagged == ["* SEARCH 1"])
                #expect(await found("IN (selected mailboxes Other) UID $") == ["Work"])
            }
        }
    }
}
