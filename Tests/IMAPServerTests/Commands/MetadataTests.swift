import Directory
import IMAPCore
import MailStore
import Testing

@testable import IMAPServer

@Suite("Annotations and quota", .timeLimit(.minutes(10)))
struct MetadataTests {
    @Test("annotations are set, told by depth and size, and removed")
    func lifecycle() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(
                    await client.command("GETMETADATA INBOX /shared/comment").untagged == [
                        "* METADATA INBOX (/shared/comment NIL)"
                    ])
                #expect(
                    await client.command(
                        "SETMETADATA INBOX (/SHARED/comment \"ours\" /private/comment \"mine\" /private/f/a x)"
                    ).tagged.hasPrefix("BAD"))
                #expect(
                    await client.command(
                        "SETMETADATA INBOX (/SHARED/comment \"ours\" /private/comment \"mine\" /private/f/a/b \"deep\")"
                    ).isOK)
                #expect(
                    await client.command("GETMETADATA INBOX (/shared/comment /private/comment)").untagged == [
                        "* METADATA INBOX (/private/comment \"mine\")", "* METADATA INBOX (/shared/comment \"ours\")",
                    ])
                #expect(await client.command("GETMETADATA (DEPTH 1) INBOX /private/f").untagged.isEmpty)
                #expect(
                    await client.command("GETMETADATA (DEPTH infinity) INBOX /private").untagged == [
                        "* METADATA INBOX (/private/comment \"mine\")", "* METADATA INBOX (/private/f/a/b \"deep\")",
                    ])
                #expect(await client.command("GETMETADATA INBOX (DEPTH 1) (/private)").untagged.count == 1)
                let short = await client.command("GETMETADATA (MAXSIZE 3) INBOX (/shared/comment /private/comment)")
                #expect(short.untagged.isEmpty)
                #expect(short.tagged.hasPrefix("OK [METADATA LONGENTRIES 4]"))
                #expect(await client.command("SETMETADATA INBOX (/private/comment NIL)").isOK)
                #expect(
                    await client.command("GETMETADATA INBOX /private/comment").untagged == [
                        "* METADATA INBOX (/private/comment NIL)"
                    ])
                #expect(await client.command("RENAME INBOX Old").isOK)
                for name in ["INBOX", "Old"] {
                    #expect(
                        await client.command("GETMETADATA \(name) /shared/comment").untagged == [
                            "* METADATA \(name) (/shared/comment \"ours\")"
                        ])
                }
                #expect(await client.command("DELETE Old").isOK)
                #expect(await client.command("CREATE Old").isOK)
                #expect(
                    await client.command("LIST \"\" Old RETURN (METADATA (/shared/comment))").untagged == [
                        "* LIST (\\HasNoChildren) \"/\" Old", "* METADATA Old (/shared/comment NIL)",
                    ])
            }
        }
    }

    @Test("names and mailboxes that are none are refused")
    func refusals() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for name in [
                    "comment", "/comment", "/shared/", "/shared//x", "/shared/*", "/private/vendor/x", "/shared",
                ] {
                    #expect(await client.command("SETMETADATA INBOX (\"\(name)\" \"x\")").tagged.hasPrefix("BAD"))
                }
                #expect(await client.command("GETMETADATA INBOX ()").tagged.hasPrefix("BAD"))
                #expect(await client.command("GETMETADATA (DEPTH 2) INBOX /shared/x").tagged.hasPrefix("BAD"))
                #expect(await client.command("SETMETADATA Nowhere (/shared/comment \"x\")").tagged.hasPrefix("NO"))
                #expect(
                    await client.command("SETMETADATA \"\" (/shared/comment \"x\")").tagged.hasPrefix("NO [NOPERM]"))
                #expect(await client.command("SETMETADATA \"\" (/shared/admin NIL)").tagged.hasPrefix("NO [NOPERM]"))
                #expect(await client.command("SETMETADATA \"\" (/private/vendor/me/x \"1\")").isOK)
                #expect(
                    await client.command("GETMETADATA \"\" (/shared/admin /private/vendor/me/x)").untagged == [
                        "* METADATA \"\" (/private/vendor/me/x \"1\")",
                        "* METADATA \"\" (/shared/admin \"mailto:postmaster@example.org\")",
                    ])
            }
        }
    }

    @Test("values have a size, and there is a number of them")
    func bounds() async throws {
        try await TestServer.run(settings: { $0.limits.literal = 200_000 }) { server in
            try await server.session { client in
                let large = String(repeating: "x", count: MailStore.AnnotationLimits.value)
                await client.send("b1 SETMETADATA INBOX (/private/big {\(large.utf8.count + 1)+}\r\n\(large)y)\r\n")
                #expect(await client.reply(to: "b1").tagged.hasPrefix("NO [METADATA MAXSIZE 65536]"))
                await client.send("b2 SETMETADATA INBOX (/private/big {\(large.utf8.count)+}\r\n\(large))\r\n")
                #expect(await client.reply(to: "b2").isOK)
                #expect(await client.command("GETMETADATA INBOX /private/big").untagged.first?.utf8.count ?? 0 > 65_536)
                await client.send("b3 SETMETADATA INBOX (/private/octets ~{3+}\r\na\u{0}b)\r\n")
                #expect(await client.reply(to: "b3").isOK)
                #expect(
                    await client.command("GETMETADATA INBOX /private/octets").untagged == [
                        "* METADATA INBOX (/private/octets ~{3}\r\na\u{0}b)"
                    ])
                for index in 2..<MailStore.AnnotationLimits.entries {
                    #expect(await client.command("SETMETADATA INBOX (/private/n/\(index) \"\")").isOK)
                }
                let over = await client.command(
                    "SETMETADATA INBOX (/private/n/2 NIL /private/m/1 \"\" /private/m/2 \"\")")
                #expect(over.tagged.hasPrefix("NO [METADATA TOOMANY]"))
                // None of it was done.
                #expect(
                    await client.command("GETMETADATA INBOX /private/n/2").untagged == [
                        "* METADATA INBOX (/private/n/2 \"\")"
                    ])
                #expect(await client.command("SETMETADATA INBOX (/shared/comment \"ours\")").isOK)
            }
        }
    }

    @Test("private values are one's own, shared ones everybody's who may see the mailbox")
    func scopes() async throws {
        try await TestServer.run { server in
            try await server.session { ann in
                await ann.command("CREATE Team")
                await ann.command("SETACL Team bob@example.org lr")
                await ann.command("SETMETADATA Team (/private/comment \"hers\" /shared/comment \"ours\")")
                try await server.session(as: "bob@example.org") { bob in
                    let team = "Shared/ann@example.org/Team"
                    #expect(
                        await bob.command("GETMETADATA \(team) (/private/comment /shared/comment)").untagged == [
                            "* METADATA \(team) (/shared/comment \"ours\")",
                            "* METADATA \(team) (/private/comment NIL)",
                        ])
                    #expect(await bob.command("SETMETADATA \(team) (/private/comment \"his\")").isOK)
                    #expect(await bob.command("SETMETADATA \(team) (/shared/comment \"no\")").tagged.hasPrefix("NO"))
                    await ann.command("SETACL Team bob@example.org l")
                    #expect(await bob.command("GETMETADATA \(team) /shared/comment").tagged.hasPrefix("NO"))
                    #expect(
                        await ann.command("GETMETADATA Team /private/comment").untagged == [
                            "* METADATA Team (/private/comment \"hers\")"
                        ])
                }
            }
        }
    }

    @Test("the special use is an annotation too")
    func specialUse() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                #expect(
                    await client.command("GETMETADATA Sent /private/specialuse").untagged == [
                        "* METADATA Sent (/private/specialuse \"\\\\Sent\")"
                    ])
                await client.command("CREATE Posted")
                let set = "SETMETADATA Posted (/private/specialuse \"\\\\Sent\")"
                #expect(await client.command(set).tagged.hasPrefix("NO [USEATTR]"))
                #expect(await client.command("SETMETADATA Sent (/private/specialuse NIL)").isOK)
                #expect(await client.command(set).isOK)
                #expect(
                    await client.command("LIST (SPECIAL-USE) \"\" Posted").untagged == [
                        "* LIST (\\HasNoChildren \\Sent) \"/\" Posted"
                    ])
                #expect(
                    await client.command("SETMETADATA Sent (/private/specialuse \"\\\\Odd\")").tagged.hasPrefix(
                        "NO [USEATTR]"))
                #expect(
                    await client.command("SETMETADATA INBOX (/private/specialuse \"\\\\All\")").tagged.hasPrefix("NO"))
            }
        }
    }

    @Test("messages are limited by number too, and what \\Deleted holds is told")
    func messageQuota() async throws {
        try await TestServer.run(quota: 1_048_576) { server in
            server.store.settings.messageLimit = 2
            try await server.session { client in
                let message = sampleMessage("one")
                #expect(await client.append(message).isOK)
                #expect(await client.append(message, to: "INBOX", "(\\Deleted)").isOK)
                #expect(await client.append(message).tagged.hasPrefix("NO [OVERQUOTA]"))
                await client.command("SELECT INBOX")
                #expect(await client.command("COPY 1 Sent").tagged.hasPrefix("NO [OVERQUOTA]"))
                #expect(
                    await client.command("GETQUOTA \"User quota\"").untagged == [
                        "* QUOTA \"User quota\" (STORAGE 1 1024 MESSAGE 2 2)"
                    ])
                #expect(
                    await client.command("STATUS Sent (DELETED DELETED-STORAGE)").untagged == [
                        "* STATUS Sent (DELETED 0 DELETED-STORAGE 0)"
                    ])
                #expect(await client.command("MOVE 2 Sent").isOK)
                #expect(
                    await client.command("STATUS Sent (DELETED DELETED-STORAGE)").untagged == [
                        "* STATUS Sent (DELETED 1 DELETED-STORAGE \(message.utf8.count))"
                    ])
            }
        }
    }

    @Test("a mailbox knows five hundred keywords")
    func keywords() async throws {
        try await TestServer.run { server in
            try await server.deliver(sampleMessage("one"))
            try await server.inbox { client in
                for part in 0..<5 {
                    let words = (0..<100).map { "k\(part * 100 + $0)" }.joined(separator: " ")
                    #expect(await client.command("STORE 1 +FLAGS.SILENT (\(words))").isOK)
                }
                #expect(await client.command("STORE 1 +FLAGS.SILENT (K1)").isOK)
                #expect(await client.command("STORE 1 +FLAGS.SILENT (another)").tagged.hasPrefix("NO [LIMIT]"))
                #expect(
                    await client.append(sampleMessage("two"), to: "INBOX", "(another)").tagged.hasPrefix("NO [LIMIT]"))
                // What no message has any more makes room.
                #expect(await client.command("STORE 1 -FLAGS.SILENT (k7)").isOK)
                #expect(await client.command("STORE 1 +FLAGS.SILENT (another)").isOK)
            }
        }
    }
}
