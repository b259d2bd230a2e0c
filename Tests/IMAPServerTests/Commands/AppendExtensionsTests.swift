import IMAPCore
import Testing

@testable import IMAPServer

@Suite("MULTIAPPEND, CATENATE, REPLACE, BINARY and UTF8 of APPEND", .timeLimit(.minutes(10)))
struct AppendExtensionsTests {
    // MARK: MULTIAPPEND

    @Test("several messages go in together")
    func several() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.send("a APPEND INBOX (\\Seen) {6+}\r\n1\r\n\r\n\r \"20-Nov-2026 10:00:00 +0100\" {3}\r\n")
                #expect(await client.next().hasPrefix("+ "))
                await client.send("two (\\Draft k) {5+}\r\nthree\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.tagged.hasPrefix("OK [APPENDUID ") && reply.tagged.contains(" 1:3]"), "\(reply)")
                #expect(reply.untagged.contains("* 3 EXISTS"))
                let flags = await client.command("FETCH 1:3 (FLAGS BODY.PEEK[])").untagged.filter {
                    $0.contains("FETCH")
                }
                #expect(flags.count == 3)
                #expect(flags[1].contains("BODY[] {3}\r\ntwo"))
                #expect(flags[2].contains("\\Draft k"))
            }
        }
    }

    @Test(
        "one that is refused takes the others along",
        arguments: [
            (" {5+}\r\na\0bc!", "NO [CANNOT]"), (" {0+}\r\n", "NO [CANNOT]"), (" (\\Odd) {1+}\r\nx", "BAD"),
            (" {9999999+}\r\n" + String(repeating: "x", count: 9_999_999), "NO [TOOBIG]"), (" junk", "BAD"),
            (" {1+}\r\nx junk {3+}\r\nabc", "BAD"), ("{1+}\r\nx", "BAD"),
        ])
    func allOrNone(second: String, expected: String) async throws {
        try await TestServer.run(settings: { $0.limits.appendSize = 1_000_000 }) { server in
            try await server.inbox { client in
                await client.send("a APPEND INBOX {5+}\r\nfirst\(second)\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.tagged.hasPrefix(expected), "\(reply)")
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
            }
        }
    }

    @Test("as many as the limit, and one more")
    func count() async throws {
        try await TestServer.run(settings: { $0.limits.appendMessages = 3 }) { server in
            try await server.inbox { client in
                for (count, expected) in [(3, "OK"), (4, "BAD [LIMIT]")] {
                    let messages = String(repeating: " {1+}\r\nx", count: count)
                    await client.send("a APPEND INBOX\(messages)\r\n")
                    #expect(await client.reply(to: "a").tagged.hasPrefix(expected))
                }
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 3)"])
            }
        }
    }

    @Test("the quota counts all of them")
    func quota() async throws {
        try await TestServer.run(quota: 1000) { server in
            try await server.inbox { client in
                let text = String(repeating: "x", count: 400)
                let message = " {400+}\r\n\(text)"
                await client.send("a APPEND INBOX\(message)\(message)\(message)\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("NO [OVERQUOTA]"))
                await client.send("b APPEND INBOX\(message)\(message)\r\n")
                #expect(await client.reply(to: "b").isOK)
            }
        }
    }

    @Test("many that are too large for memory")
    func spooled() async throws {
        try await TestServer.run(settings: { $0.appendInMemory = 1000 }) { server in
            try await server.inbox { client in
                let texts = (1...9).map { String(repeating: "\($0)", count: 300 * $0) }
                let messages = texts.map { " {\($0.utf8.count + 2)+}\r\n\r\n\($0)" }.joined()
                await client.send("a APPEND INBOX\(messages)\r\n")
                #expect(await client.reply(to: "a").isOK)
                for (offset, text) in texts.enumerated() {
                    let reply = await client.command("FETCH \(offset + 1) BODY.PEEK[TEXT]").untagged.last
                    #expect(reply?.hasSuffix("\r\n\(text))") == true)
                }
            }
        }
    }

    // MARK: CATENATE

    private let original = """
        Subject: parts\r
        Content-Type: multipart/mixed; boundary=b\r
        \r
        --b\r
        \r
        one\r
        --b\r
        Content-Type: text/html\r
        \r
        <p>two\r
        --b--\r

        """

    @Test("a message made of parts of others, and of text")
    func catenate() async throws {
        try await TestServer.run(settings: { $0.bodyPiece = 3 }) { server in
            try await server.inbox { client in
                await client.append(original)
                await client.command("CREATE \"Entw&APw-rfe/2026\"")
                await client.send(
                    "a APPEND \"Entw&APw-rfe/2026\" (\\Draft) CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER\" TEXT {5+}\r\n--b\r\n"
                )
                await client.send(" URL /inbox/;uid=1/;section=1 URL {25+}\r\n;UID=1/;SECTION=2.MIME//; TEXT {4}\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("NO [BADURL ;UID=1/;SECTION=2.MIME//;]"))
                await client.send(
                    "a APPEND \"Entw&APw-rfe/2026\" (\\Draft) CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER\" TEXT {5+}\r\n--b\r\n"
                )
                await client.send(" URL /inbox/;uid=1/;section=1 URL {22+}\r\n;UID=1/;SECTION=2.MIME TEXT {6}\r\n")
                #expect(await client.next().hasPrefix("+ "))
                await client.send("e\r\nend URL \";UID=1/;SECTION=2/;PARTIAL=1.2\")\r\n")
                #expect(await client.reply(to: "a").isOK)
                await client.command("SELECT \"Entw&APw-rfe/2026\"")
                let reply = await client.command("FETCH 1 (BODY.PEEK[])").untagged
                let expected =
                    "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\none"
                    + "Content-Type: text/html\r\n\r\ne\r\nendp>"
                #expect(reply == ["* 1 FETCH (BODY[] {\(expected.utf8.count)}\r\n\(expected))"])
            }
        }
    }

    @Test("URLs alone need no literal, and may stand beside other messages")
    func urlsAlone() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(original)
                #expect(await client.command("APPEND INBOX CATENATE (URL /INBOX/;UID=1)").isOK)
                await client.send("a APPEND INBOX {3+}\r\nnew CATENATE (URL ;UID=1 URL ;UID=1/;SECTION=TEXT)\r\n")
                #expect(await client.reply(to: "a").isOK)
                let sizes = await client.command("FETCH 1:* RFC822.SIZE").untagged
                let size = original.utf8.count
                let body = size - "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".utf8.count
                #expect(
                    sizes == [
                        "* 1 FETCH (RFC822.SIZE \(size))", "* 2 FETCH (RFC822.SIZE \(size))",
                        "* 3 FETCH (RFC822.SIZE 3)", "* 4 FETCH (RFC822.SIZE \(size + body))",
                    ])
            }
        }
    }

    @Test(
        "what a URL can't name is told with the URL",
        arguments: [
            "/INBOX/;UID=9", "/Nowhere/;UID=1", "/INBOX/;UID=1/;SECTION=7", "imap://other.example/INBOX/;UID=1",
            "//other.example/INBOX/;UID=1", "/INBOX", "/INBOX/;UID=0", "/INBOX;UIDVALIDITY=1/;UID=1", "nonsense",
            "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(x", "http:/;UID=1",
        ])
    func badURL(url: String) async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(original)
                let expected = "NO [BADURL \(url)]"
                #expect(await client.command("APPEND INBOX CATENATE (URL \"\(url)\")").tagged.hasPrefix(expected))
                await client.send(
                    "a APPEND INBOX CATENATE (TEXT {1+}\r\nx URL \"\(url)\" TEXT {12+}\r\nb LOGOUT\r\n\r\n)\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix(expected))
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 1)"])
            }
        }
    }

    @Test("URLs count against the largest size")
    func catenateTooBig() async throws {
        try await TestServer.run(settings: { $0.limits.appendSize = 300 }) { server in
            try await server.inbox { client in
                await client.append(original)
                let command = "APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1 URL /INBOX/;UID=1)"
                #expect(await client.command(command).tagged.hasPrefix("NO [TOOBIG]"))
                #expect(
                    await client.command("STATUS INBOX (APPENDLIMIT)").untagged == ["* STATUS INBOX (APPENDLIMIT 300)"])
                #expect(await client.command("CAPABILITY").untagged.first?.contains(" APPENDLIMIT=300") == true)
            }
        }
    }

    // MARK: REPLACE

    @Test("the new message is there and the old one gone")
    func replace() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                for subject in ["one", "two", "three"] { await client.append(sampleMessage(subject)) }
                await client.send("a REPLACE 2 INBOX (\\Draft) {3+}\r\nnew\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.untagged.first?.hasPrefix("* OK [APPENDUID ") == true)
                #expect(reply.untagged.first?.contains(" 4]") == true)
                #expect(reply.untagged.contains("* 2 EXPUNGE") && reply.untagged.contains("* 3 EXISTS"), "\(reply)")
                #expect(reply.isOK)
                await client.send("b UID REPLACE 4 INBOX {5}\r\n")
                #expect(await client.next().hasPrefix("+ "))
                await client.send("newer\r\n")
                #expect(await client.reply(to: "b").isOK)
                let left = await client.command("FETCH 1:* UID").untagged
                #expect(left == ["* 1 FETCH (UID 1)", "* 2 FETCH (UID 3)", "* 3 FETCH (UID 5)"])
            }
        }
    }

    @Test("what can't be replaced stays, and nothing is added")
    func replaceRefused() async throws {
        try await TestServer.run(quota: 1000) { server in
            try await server.session { client in
                await client.send("a REPLACE 1 INBOX {3+}\r\nnew\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("BAD"))
            }
            try await server.inbox { client in
                await client.append(String(repeating: "x", count: 600))
                for (command, expected) in [
                    ("REPLACE 2 INBOX {3+}\r\nnew", "BAD"), ("UID REPLACE 9 INBOX {3+}\r\nnew", "NO [NONEXISTENT]"),
                    ("REPLACE 1 Nowhere {3+}\r\nnew", "NO [TRYCREATE]"),
                    ("REPLACE 1 INBOX {3+}\r\nnew {3+}\r\nmor", "BAD"),
                    ("REPLACE 1 INBOX {1001+}\r\n" + String(repeating: "y", count: 1001), "NO [OVERQUOTA]"),
                    ("REPLACE 1 INBOX {4+}\r\nn\0ul", "NO [CANNOT]"),
                ] {
                    await client.send("a \(command)\r\n")
                    #expect(await client.reply(to: "a").tagged.hasPrefix(expected), "\(command)")
                }
                let left = await client.command("FETCH 1:* (UID RFC822.SIZE)").untagged
                #expect(left == ["* 1 FETCH (UID 1 RFC822.SIZE 600)"])
                // Only what it adds counts. RFC 8508 §3.4
                await client.send("a REPLACE 1 INBOX {900+}\r\n\(String(repeating: "y", count: 900))\r\n")
                #expect(await client.reply(to: "a").isOK)
                await client.command("EXAMINE INBOX")
                await client.send("a REPLACE 1 INBOX {3+}\r\nnew\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("NO [NOPERM]"))
            }
        }
    }

    @Test("replaced by parts of itself, in another mailbox")
    func replaceCatenate() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(original)
                await client.command("CREATE Sent")
                await client.send("a UID REPLACE 1 Sent CATENATE (TEXT {9+}\r\nTo: bob\r\n URL \"/INBOX/;UID=1\")\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.isOK && reply.untagged.contains("* 1 EXPUNGE"), "\(reply)")
                let status = await client.command("STATUS Sent (MESSAGES SIZE)").untagged
                #expect(status == ["* STATUS Sent (MESSAGES 1 SIZE \(original.utf8.count + 9))"])
            }
        }
    }

    // MARK: literal8

    @Test("binary content with NUL is kept in base64, and comes back as it was")
    func binary() async throws {
        let content = "\u{0}\u{1}bin\nary\r\n\u{0}"
        let message = "Subject: b\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.send("a APPEND INBOX ~{\(message.utf8.count)+}\r\n\(message)\r\n")
                #expect(await client.reply(to: "a").isOK)
                let reply = await client.command("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY[1]<1.4> BODY.PEEK[1])")
                #expect(
                    reply.untagged.first
                        == "* 1 FETCH (FLAGS (\\Seen \\Recent) BINARY.SIZE[1] 12 BINARY[1] ~{12}\r\n\(content) "
                        + "BINARY[1]<1> {4}\r\n\u{1}bin BODY[1] {18}\r\nAAFiaW4KYXJ5DQoA\r\n)", "\(reply)")
                let structure = await client.command("FETCH 1 BODYSTRUCTURE").untagged.first
                #expect(structure?.contains("\"base64\"") == true)
            }
        }
    }

    @Test("binary content without NUL is kept octet for octet")
    func binaryWithoutNUL() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.send("a APPEND INBOX ~{14+}\r\nSubject: x\n\na\n\r\n")
                #expect(await client.reply(to: "a").isOK)
                let reply = await client.command("FETCH 1 BODY.PEEK[]").untagged
                #expect(reply == ["* 1 FETCH (BODY[] {14}\r\nSubject: x\n\na\n)"])
            }
        }
    }

    @Test("binary content that can't be encoded without harm is refused")
    func binaryRefused() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                for message in ["Subject: a\0b\r\n\r\nbody", "Content-Transfer-Encoding: base64\r\n\r\n\0"] {
                    await client.send("a APPEND INBOX ~{\(message.utf8.count)+}\r\n\(message)\r\n")
                    #expect(await client.reply(to: "a").tagged.hasPrefix("NO ["))
                }
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
            }
        }
    }

    @Test("UTF8 literals, alone and in CATENATE")
    func utf8() async throws {
        let message = "Subject: Grüße\r\n\r\nbody\r\n"
        try await TestServer.run { server in
            try await server.inbox { client in
                let size = message.utf8.count
                await client.send(
                    "a APPEND INBOX UTF8 (~{\(size)+}\r\n\(message)) (\\Seen) UTF8 (~{\(size)+}\r\n\(message))\r\n")
                #expect(await client.reply(to: "a").isOK)
                await client.send("a APPEND INBOX CATENATE (UTF8 (~{\(size)+}\r\n\(message)) TEXT {1+}\r\nx)\r\n")
                #expect(await client.reply(to: "a").isOK)
                await client.send("a APPEND INBOX UTF8 (~{\(size)+}\r\n\(message)\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("BAD"))
                let reply = await client.command("FETCH 3 BODY.PEEK[]").untagged
                #expect(reply == ["* 3 FETCH (BODY[] {\(size + 1)}\r\n\(message)x)"])
            }
        }
    }
}
