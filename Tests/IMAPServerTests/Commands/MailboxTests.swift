import Directory
import MailStore
import Testing

@testable import IMAPServer

@Suite("Mailboxes", .timeLimit(.minutes(10)))
struct MailboxTests {
    @Test("a new account has its mailboxes with their uses")
    func defaults() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                let list = await client.command("LIST \"\" *").untagged
                #expect(list.first == "* LIST (\\HasNoChildren) \"/\" INBOX")
                #expect(list.contains("* LIST (\\HasNoChildren \\Sent) \"/\" Sent"))
                #expect(list.contains("* LIST (\\HasNoChildren \\Junk) \"/\" Junk"))
                #expect(await client.command("LIST \"\" \"\"").untagged == ["* LIST (\\Noselect) \"/\" \"\""])
                #expect(
                    await client.command("NAMESPACE").untagged == [
                        "* NAMESPACE ((\"\" \"/\")) ((\"Shared/\" \"/\")) NIL"
                    ])
            }
        }
    }

    @Test("CREATE, RENAME, DELETE and their refusals")
    func lifecycle() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("CREATE Work/2026/").isOK)
                #expect(await client.command("LIST \"\" Work*").untagged.count == 2)
                #expect(await client.command("CREATE Work/2026").tagged.hasPrefix("NO [ALREADYEXISTS]"))
                #expect(await client.command("CREATE INBOX").tagged.hasPrefix("NO [ALREADYEXISTS]"))
                #expect(await client.command("CREATE a//b").tagged.hasPrefix("NO [CANNOT]"))
                #expect(await client.command("RENAME Work Done").isOK)
                #expect(
                    await client.command("LIST \"\" Done/%").untagged == ["* LIST (\\HasNoChildren) \"/\" Done/2026"])
                #expect(await client.command("RENAME Nowhere Else").tagged.hasPrefix("NO [NONEXISTENT]"))
                #expect(await client.command("RENAME Done INBOX").tagged.hasPrefix("NO [ALREADYEXISTS]"))
                #expect(await client.command("DELETE Done").isOK)
                let left = await client.command("LIST \"\" Done*").untagged
                #expect(
                    left == [
                        "* LIST (\\Noselect \\HasChildren) \"/\" Done", "* LIST (\\HasNoChildren) \"/\" Done/2026",
                    ])
                #expect(await client.command("SELECT Done").tagged.hasPrefix("NO"))
                #expect(await client.command("DELETE Done").tagged.hasPrefix("NO"))
                #expect(await client.command("DELETE INBOX").tagged.hasPrefix("NO [CANNOT]"))
                #expect(await client.command("DELETE Nowhere").tagged.hasPrefix("NO [NONEXISTENT]"))
            }
        }
    }

    @Test("one's own selected mailbox can be renamed and deleted")
    func deleteSelected() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("CREATE Work").isOK)
                #expect(await client.command("SELECT Work").isOK)
                #expect(await client.command("RENAME Work Done").isOK)
                #expect(await client.command("DELETE Done").isOK)
                #expect(await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
                #expect(await client.command("NOOP").isOK)
            }
        }
    }

    @Test("RENAME INBOX moves its messages and leaves it empty")
    func renameInbox() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"))
                #expect(await client.command("RENAME INBOX Old").isOK)
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
                #expect(await client.command("STATUS Old (MESSAGES)").untagged == ["* STATUS Old (MESSAGES 1)"])
            }
        }
    }

    @Test("names travel in modified UTF-7")
    func utf7() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("CREATE Entw&APw-rfe").isOK)
                #expect(
                    await client.command("LIST \"\" Entw*").untagged == ["* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe"])
                let made = try await server.store.mailbox(server.account.id, path: "Entwürfe")
                #expect(made != nil)
                #expect(await client.command("CREATE &Jjo!").tagged.hasPrefix("NO"))
            }
        }
    }

    @Test("special uses are given at creation, once")
    func specialUse() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("CREATE Everything (USE (\\All))").isOK)
                let list = await client.command("LIST (SPECIAL-USE) \"\" *").untagged
                #expect(list.contains("* LIST (\\HasNoChildren \\All) \"/\" Everything"))
                #expect(!list.contains { $0.hasSuffix("INBOX") })
                #expect(await client.command("CREATE Again (USE (\\All))").tagged.hasPrefix("NO [USEATTR]"))
                #expect(await client.command("CREATE Odd (USE (\\Odd))").tagged.hasPrefix("NO [USEATTR]"))
            }
        }
    }

    @Test("subscriptions, by LSUB and by LIST")
    func subscriptions() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.command("CREATE Lists/swift")
                for name in ["INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive", "Lists"] {
                    await client.command("UNSUBSCRIBE \(name)")
                }
                #expect(await client.command("SUBSCRIBE Lists/swift").isOK)
                #expect(await client.command("LSUB \"\" *").untagged == ["* LSUB (\\HasNoChildren) \"/\" Lists/swift"])
                #expect(await client.command("LSUB \"\" %").untagged == ["* LSUB (\\Noselect) \"/\" Lists"])
                #expect(
                    await client.command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %").untagged == [
                        "* LIST (\\HasChildren) \"/\" Lists (\"CHILDINFO\" (\"SUBSCRIBED\"))"
                    ])
                #expect(await client.command("SUBSCRIBE Nowhere").tagged.hasPrefix("NO [NONEXISTENT]"))
                await client.command("DELETE Lists/swift")
                let list = await client.command("LIST (SUBSCRIBED) \"\" *").untagged
                #expect(list == ["* LIST (\\NonExistent \\Subscribed) \"/\" Lists/swift"])
                #expect(await client.command("UNSUBSCRIBE Lists/swift").isOK)
                #expect(await client.command("LSUB \"\" *").untagged.isEmpty)
            }
        }
    }

    @Test("STATUS counts, alone and behind LIST")
    func status() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                let message = sampleMessage("one")
                await client.append(message, to: "Sent", "(\\Seen)")
                await client.append(message, to: "Sent", "(\\Deleted)")
                let reply = await client.command("STATUS Sent (MESSAGES UNSEEN UIDNEXT SIZE RECENT)")
                #expect(
                    reply.untagged == [
                        "* STATUS Sent (MESSAGES 2 UNSEEN 1 UIDNEXT 3 SIZE \(2 * message.utf8.count) RECENT 2)"
                    ])
                let list = await client.command("LIST \"\" Sent RETURN (STATUS (MESSAGES UNSEEN))").untagged
                #expect(list == ["* LIST (\\HasNoChildren \\Sent) \"/\" Sent", "* STATUS Sent (MESSAGES 2 UNSEEN 1)"])
                #expect(await client.command("STATUS Nowhere (MESSAGES)").tagged.hasPrefix("NO [NONEXISTENT]"))
                let own = await client.command("STATUS INBOX (MESSAGES HIGHESTMODSEQ)")
                #expect(own.untagged.contains { $0.hasPrefix("* STATUS INBOX (MESSAGES 0 HIGHESTMODSEQ ") })
                #expect(own.untagged.contains { $0.hasPrefix("* OK [HIGHESTMODSEQ ") })
            }
        }
    }

    @Test("quota is told in kibioctets, and kept")
    func quota() async throws {
        try await TestServer.run(quota: 4096) { server in
            try await server.session { client in
                #expect(
                    await client.command("GETQUOTAROOT INBOX").untagged == [
                        "* QUOTAROOT INBOX \"User quota\"", "* QUOTA \"User quota\" (STORAGE 0 4)",
                    ])
                let message = sampleMessage("big", body: String(repeating: "x", count: 3000) + "\r\n")
                #expect(await client.append(message).isOK)
                #expect(await client.append(message).tagged.hasPrefix("NO [OVERQUOTA]"))
                await client.command("SELECT INBOX")
                #expect(await client.command("COPY 1 Archive").tagged.hasPrefix("NO [OVERQUOTA]"))
                #expect(await client.command("MOVE 1 Archive").isOK)
                #expect(
                    await client.command("GETQUOTA \"User quota\"").untagged == ["* QUOTA \"User quota\" (STORAGE 4 4)"]
                )
                #expect(await client.command("GETQUOTA other").tagged.hasPrefix("NO"))
                #expect(await client.command("SETQUOTA \"User quota\" (STORAGE 999)").tagged.hasPrefix("NO [NOPERM]"))
            }
        }
    }

    @Test("without a limit there is no root, and no empty list")
    func nothingLimited() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                let answer = await client.command("GETQUOTAROOT INBOX")
                #expect(answer.isOK)
                #expect(answer.untagged == ["* QUOTAROOT INBOX"])
                #expect(await client.command("GETQUOTA \"User quota\"").tagged.contains("NO [NONEXISTENT]"))
            }
        }
    }

    @Test("ID and ENABLE")
    func small() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("ID (\"name\" \"tester\")").untagged == ["* ID (\"name\" \"Martlet\")"])
                #expect(await client.command("ID NIL").isOK)
                #expect(await client.command("ENABLE X-NONE CONDSTORE").untagged == ["* ENABLED CONDSTORE"])
                #expect(await client.command("ENABLE X-NONE").untagged == ["* ENABLED"])
            }
        }
    }

    @Test("a thousand mailboxes are listed with their status")
    func manyMailboxes() async throws {
        try await TestServer.run { server in
            for index in 0..<1000 {
                _ = try await server.store.createMailbox(server.account.id, path: "Many/\(index % 10)/\(index)")
            }
            try await server.session { client in
                #expect(await client.command("LIST \"\" Many/%/%").untagged.count == 1000)
                let list = await client.command(
                    "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN DELETED-STORAGE) MYRIGHTS)")
                #expect(list.untagged.count { $0.hasPrefix("* STATUS ") } == 1017)
                #expect(list.untagged.count { $0.hasPrefix("* MYRIGHTS ") } == 1017)
                #expect(await client.command("LSUB \"\" *").untagged.count == 6)
            }
        }
    }

    @Test("names have any text but control characters")
    func everyOctet() async throws {
        try await TestServer.run(settings: { $0.maximumBadCommands = 1000 }) { server in
            try await server.session { client in
                for octet in UInt8(1)...255 where octet != 0x0A && octet != 0x0D && octet != UInt8(ascii: "/") {
                    await client.send(octets: Array("b\(octet) CREATE {3+}\r\nN".utf8) + [octet, 0x4F] + [13, 10])
                    let reply = await client.reply(to: "b\(octet)")
                    // "&" begins modified UTF-7, and 8-bit octets are none.
                    let isName = (0x20...0x7E).contains(octet) && octet != UInt8(ascii: "&")
                    #expect(reply.isOK == isName, "\(octet): \(reply)")
                }
                for name in ["&AOQ-", "&2D3eAA-", "a&-b"] {
                    #expect(await client.command("CREATE \(name)").isOK)
                    #expect(await client.command("STATUS \(name) (MESSAGES)").isOK)
                    #expect(await client.command("DELETE \(name)").isOK)
                }
                for name in ["&AOQ", "&AAA-", "&ACA-", "&2D0-"] {
                    #expect(await client.command("CREATE \(name)").tagged.hasPrefix("NO"), "\(name)")
                }
                // As many as were made come back, each as it was named.
                #expect(await client.command("LIST \"\" N_O").untagged == ["* LIST (\\HasNoChildren) \"/\" N_O"])
                #expect(await client.command("LIST \"\" N%O").untagged.count == 93)
            }
        }
    }
}
