import IMAPCore
import MailStore
import Testing

@testable import IMAPServer

@Suite("IMAP4rev2, object ids, save dates, UNAUTHENTICATE and progress", .timeLimit(.minutes(10)))
struct RevisionTwoTests {
    @Test("after ENABLE IMAP4rev2 nothing of what it has not is told")
    func revisionTwo() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"))
                #expect(await client.command("ENABLE imap4rev2").untagged == ["* ENABLED IMAP4rev2"])
                let select = await client.command("SELECT inbox")
                #expect(select.untagged.contains(#"* LIST (\HasNoChildren) "/" INBOX"#))
                #expect(!select.untagged.contains { $0.contains("RECENT") || $0.contains("[UNSEEN") })
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS ())"])
                #expect(await client.append(sampleMessage("two")).untagged == ["* 2 EXISTS"])
                #expect(await client.command("SEARCH ALL").untagged == [#"* ESEARCH (TAG "a7") ALL 1:2"#])
                #expect(await client.command("UID SEARCH DELETED").untagged == [#"* ESEARCH (TAG "a8") UID"#])
                await client.command("CREATE \"Entwürfe/Alt\"")
                let names = await client.command("LIST \"\" \"Entw*\"").untagged
                #expect(
                    names == [#"* LIST (\HasChildren) "/" "Entwürfe""#, #"* LIST (\HasNoChildren) "/" "Entwürfe/Alt""#])
                #expect(await client.command("DELETE \"Entwürfe\"").isOK)
                #expect(await client.command("DELETE \"Entwürfe\"").tagged.hasPrefix("NO [HASCHILDREN]"))
                let renamed = await client.command("RENAME \"Entwürfe/Alt\" Neu").untagged
                #expect(renamed == [#"* LIST (\HasNoChildren) "/" Neu ("OLDNAME" ("Entwürfe/Alt"))"#])
                let status = await client.command("STATUS INBOX (MESSAGES DELETED)").untagged
                #expect(status == ["* STATUS INBOX (MESSAGES 2 DELETED 0)"])
            }
            try await server.session { client in
                // Who did not ask for it has everything as before, and no UTF-8.
                let select = await client.command("SELECT INBOX")
                #expect(select.untagged.contains { $0.contains("RECENT") })
                #expect(!select.untagged.contains { $0.contains("LIST") })
                #expect(await client.command("LIST \"\" \"Entw*\"").untagged.allSatisfy { $0.utf8.count == $0.count })
            }
        }
    }

    @Test("message/global is shown with its envelope to those who know it", arguments: ["IMAP4rev2", "UTF8=ACCEPT"])
    func internationalMessages(_ extensionName: String) async throws {
        let inner = "Subject: inside\r\n\r\nHello.\r\n"
        let international = "Subject: outside\r\nContent-Type: message/global\r\n\r\n\(inner)"
        try await TestServer.run(settings: { $0.fetchPiece = 200 }) { server in
            for message in [sampleMessage("one"), international, international, sampleMessage("two"), international] {
                try await server.deliver(message)
            }
            try await server.inbox { client in
                let before = await client.command("UID FETCH 1:* BODYSTRUCTURE").untagged
                #expect(before.count == 5 && before.allSatisfy { !$0.contains("inside") })
                await client.command("CLOSE")
                await client.command("ENABLE \(extensionName)")
                await client.command("SELECT INBOX")
                let texts = await client.command("UID FETCH 1:* (FLAGS BODYSTRUCTURE)").untagged
                #expect(texts.map { $0.prefix(4) } == ["* 1 ", "* 2 ", "* 3 ", "* 4 ", "* 5 "])
                #expect(texts.map { $0.contains("(NIL \"inside\" ") } == [false, true, true, false, true], "\(texts)")
                let again = await client.command("UID FETCH 1:* BODYSTRUCTURE").untagged
                #expect(zip(again, before).map { $0 == $1 } == [true, false, false, true, false])
                // BODY.PEEK[9] keeps the answer from being made of texts.
                let indexed = await client.command("UID FETCH 1:* (FLAGS BODYSTRUCTURE BODY.PEEK[9])").untagged
                #expect(texts == indexed.map { $0.replacing(" BODY[9] NIL)", with: ")") })
                #expect(await client.command("FETCH 3 BODY").untagged.first?.contains("(NIL \"inside\" ") == true)
                #expect(await client.command("FETCH 5 BODYSTRUCTURE").untagged.count == 1)
            }
        }
    }

    @Test("ids of mailboxes outlive a rename, and are not given again")
    func mailboxIDs() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                let made = await client.command("CREATE One")
                let id = try #require(made.tagged.firstMatch(of: #/\[MAILBOXID \(([\w-]+)\)\]/#)?.1)
                await client.command("RENAME One Two")
                #expect(await client.command("STATUS Two (MAILBOXID)").untagged == ["* STATUS Two (MAILBOXID (\(id)))"])
                let select = await client.command("SELECT Two").untagged
                #expect(select.contains { $0.hasPrefix("* OK [MAILBOXID (\(id))]") })
                let list = await client.command("LIST \"\" Two RETURN (STATUS (MAILBOXID))").untagged
                #expect(list.last == "* STATUS Two (MAILBOXID (\(id)))")
                // A name that was only hidden is another mailbox when it comes back.
                await client.command("CREATE Two/Three")
                await client.command("DELETE Two")
                let again = await client.command("CREATE Two").tagged
                #expect(again.hasPrefix("OK [MAILBOXID (") && !again.contains("(\(id))"))
            }
        }
    }

    @Test("EMAILID and THREADID stay with a message, and find it")
    func emailIDs() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"))
                await client.append("In-Reply-To: <one@example.org>\r\n" + sampleMessage("two"))
                await client.append(sampleMessage("three"))
                await client.command("SELECT INBOX")
                let before = await client.command("UID FETCH 1:3 (EMAILID THREADID)").untagged
                let ids = before.compactMap {
                    $0.firstMatch(of: #/EMAILID \((M\w+)\) THREADID \((T\w+)\)/#).map { (String($0.1), String($0.2)) }
                }
                #expect(ids.count == 3 && Set(ids.map(\.0)).count == 3)
                #expect(ids[0].1 == ids[1].1 && ids[0].1 != ids[2].1)
                #expect(await client.command("SEARCH EMAILID \(ids[1].0)").untagged == ["* SEARCH 2"])
                #expect(await client.command("SEARCH THREADID \(ids[1].1)").untagged == ["* SEARCH 1 2"])
                for none in ["EMAILID \(ids[0].1)", "THREADID \(ids[0].0)", "EMAILID \(ids[0].0.uppercased())x"] {
                    #expect(await client.command("SEARCH \(none)").untagged == ["* SEARCH"], "\(none)")
                }
                await client.command("MOVE 2 Archive")
                await client.command("SELECT Archive")
                let after = await client.command("FETCH 1 (EMAILID THREADID)").untagged.first
                #expect(after?.contains("EMAILID (\(ids[1].0)) THREADID (\(ids[1].1))") == true)
            }
        }
    }

    @Test("ids are written one way only")
    func spelling() {
        for value: Int64 in [0, 1, 35, 36, .max, 1 << 40] {
            let email = EmailID(rawValue: value)
            #expect(EmailID(objectID: email.objectID) == email)
            #expect(ThreadID(objectID: email.objectID) == nil)
        }
        for odd in ["", "M", "M+1", "M01", "MA", "m1", "M-1", "Mzzzzzzzzzzzzzzzzzzzz", "M1 "] {
            #expect(EmailID(objectID: odd) == nil, "\(odd)")
        }
    }

    @Test("UNAUTHENTICATE leaves nothing of the login but TLS, and the next command may stand behind it")
    func unauthenticate() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.command("ENABLE QRESYNC IMAP4rev2")
                await client.send(
                    "u UNAUTHENTICATE\r\nv NOOP\r\nw LOGIN ann@example.org secret\r\nx ENABLE QRESYNC\r\n")
                #expect(await client.reply(to: "u").isOK)
                #expect(await client.reply(to: "v").isOK)
                #expect(await client.reply(to: "w").isOK)
                #expect(await client.reply(to: "x").untagged == ["* ENABLED QRESYNC"])
                #expect(await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
                await client.command("UNAUTHENTICATE")
                // The limits before a login hold again: no message is taken for one.
                await client.send("y APPEND INBOX {5+}\r\nhello\r\n")
                #expect(await client.reply(to: "y").tagged.hasPrefix("BAD"))
                #expect(await client.command("UNAUTHENTICATE").tagged.hasPrefix("BAD"))
            }
        }
    }

    @Test("a long command says how far it is")
    func progress() async throws {
        try await TestServer.run(settings: {
            $0.progressInterval = .zero
            $0.rowPage = 2
        }) { server in
            try await server.session { client in
                for number in 1...5 { await client.append(sampleMessage("m\(number)")) }
                await client.command("SELECT INBOX")
                await client.send("s STORE 1:* +FLAGS.SILENT (\\Seen)\r\n")
                let told = await client.reply(to: "s").untagged
                // RFC 9585 §4: the end is told by the tagged answer
                #expect(told == [2, 4].map { "* OK [INPROGRESS (\"s\" \($0) 5)] Still at it." })
                // RFC 9585 §4: not the tag that would end the code
                await client.send("s] STORE 1:* -FLAGS.SILENT (\\Seen)\r\n")
                let nameless = await client.reply(to: "s]").untagged
                #expect(nameless == [2, 4].map { "* OK [INPROGRESS (NIL \($0) 5)] Still at it." })
            }
        }
    }
}
