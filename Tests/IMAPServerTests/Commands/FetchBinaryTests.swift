import Testing

@testable import IMAPServer

@Suite("BINARY and PREVIEW", .timeLimit(.minutes(10)))
struct FetchBinaryTests {
    private static let message = """
        Subject: parts\r
        Content-Type: multipart/mixed; boundary=b\r
        \r
        --b\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        Gr=C3=BC=C3=9Fe aus =\r
        Bremen  \r
        --b\r
        Content-Type: application/octet-stream\r
        Content-Transfer-Encoding: base64\r
        \r
        AAEC\r
        /w==\r
        --b\r
        Content-Type: text/x-odd\r
        Content-Transfer-Encoding: x-odd\r
        \r
        odd\r
        --b\r
        Content-Type: message/rfc822\r
        \r
        Subject: inner\r
        Content-Transfer-Encoding: base64\r
        \r
        aW5uZXI=\r
        --b--\r

        """

    @Test(
        "parts come with their encoding undone",
        arguments: [
            ("BINARY.PEEK[1]", "BINARY[1] {18}\r\nGrüße aus Bremen"),
            ("BINARY.PEEK[1]<2.5>", "BINARY[1]<2> {5}\r\nüß"),
            ("BINARY.PEEK[1]<17.5>", "BINARY[1]<17> {1}\r\nn"),
            ("BINARY.PEEK[1]<18.5>", "BINARY[1]<18> {0}\r\n"),
            ("BINARY.PEEK[1]<9223372036854775807.9223372036854775807>", "BINARY[1]<9223372036854775807> {0}\r\n"),
            ("BINARY.SIZE[1]", "BINARY.SIZE[1] 18"),
            ("BINARY.SIZE[2]", "BINARY.SIZE[2] 4"),
            ("BINARY.PEEK[2]<1.2>", "BINARY[2]<1> {2}\r\n\u{1}\u{2}"),
            ("BINARY.PEEK[4.1]", "BINARY[4.1] {5}\r\ninner"),
            ("BINARY.PEEK[9]", "BINARY[9] NIL"),
            ("BINARY.SIZE[9]", "BINARY.SIZE[9] 0"),
            ("BINARY.SIZE[]", "BINARY.SIZE[] \(message.utf8.count)"),
            ("BINARY.PEEK[]<0.7>", "BINARY[]<0> {7}\r\nSubject"),
        ])
    func decoded(item: String, expected: String) async throws {
        for piece in [1, 7, 65_536] {
            try await TestServer.run(settings: { $0.bodyPiece = piece }) { server in
                try await server.inbox { client in
                    await client.append(Self.message)
                    let reply = await client.command("FETCH 1 (\(item))")
                    #expect(reply.isOK, "\(reply)")
                    if item.contains("<2.5>") {
                        // The window cuts a character in two, which a String can't show.
                        #expect(reply.untagged.first?.contains("BINARY[1]<2> {5}\r\n") == true)
                    } else {
                        #expect(reply.untagged == ["* 1 FETCH (\(expected))"])
                    }
                }
            }
        }
    }

    @Test("an encoding that nobody knows is told")
    func unknownEncoding() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(Self.message)
                for item in ["BINARY.PEEK[3]", "BINARY.SIZE[3]", "BINARY[3]<0.1>"] {
                    #expect(await client.command("FETCH 1 (UID \(item))").tagged.hasPrefix("NO [UNKNOWN-CTE]"))
                }
                // No number is told that isn't so, and no empty list.
                let sizes = await client.command("FETCH 1 (BINARY.SIZE[3])")
                #expect(sizes.tagged.hasPrefix("NO [UNKNOWN-CTE]"))
                #expect(sizes.untagged == ["* 1 FETCH (FLAGS (\\Seen \\Recent))"])
                let both = await client.command("FETCH 1 (BINARY.SIZE[3] RFC822.SIZE)")
                #expect(both.untagged.first?.contains("BINARY.SIZE") == false)
                #expect(both.untagged.first?.contains("(RFC822.SIZE ") == true)
                #expect(await client.command("FETCH 1 BODY.PEEK[3]").isOK)
            }
        }
    }

    @Test("BINARY sets \\Seen, its PEEK and SIZE do not")
    func seen() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(Self.message)
                await client.command("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] PREVIEW)")
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Recent))"])
                await client.command("FETCH 1 (BINARY[1])")
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Seen \\Recent))"])
            }
        }
    }

    @Test("a part of megabytes, in pieces")
    func large() async throws {
        try await TestServer.run(settings: { $0.appendInMemory = 4096 }) { server in
            try await server.inbox { client in
                let line = String(repeating: "QUJD", count: 18) + "\r\n"
                let head = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                await client.append(head + String(repeating: line, count: 60_000))
                let size = 60_000 * 54
                #expect(
                    await client.command("FETCH 1 BINARY.SIZE[1]").untagged == ["* 1 FETCH (BINARY.SIZE[1] \(size))"])
                let reply = await client.command("FETCH 1 BINARY.PEEK[1]").untagged.first ?? ""
                #expect(reply.hasPrefix("* 1 FETCH (BINARY[1] {\(size)}\r\nABCABC"))
                #expect(reply.utf8.count == size + "* 1 FETCH (BINARY[1] {\(size)}\r\n)".utf8.count)
            }
        }
    }

    @Test("previews, with LAZY and without, beside the modifiers of FETCH")
    func preview() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(sampleMessage("x", body: "Hello,\r\n\r\n  \"world\"\r\n"))
                let expected = "PREVIEW \"Hello, \\\"world\\\"\""
                for command in ["PREVIEW", "(PREVIEW)", "PREVIEW (LAZY)", "(PREVIEW (LAZY))"] {
                    #expect(await client.command("FETCH 1 \(command)").untagged == ["* 1 FETCH (\(expected))"])
                }
                let changed = await client.command("FETCH 1 PREVIEW (CHANGEDSINCE 1)")
                #expect(changed.isOK && changed.untagged.last?.contains(expected) == true)
                let both = await client.command("FETCH 1 (PREVIEW (LAZY) UID)").untagged
                #expect(both == ["* 1 FETCH (\(expected) UID 1)"])
                #expect(await client.command("FETCH 1 (PREVIEW (EAGER))").tagged.hasPrefix("BAD"))
                await client.append(Self.message)
                #expect(
                    await client.command("FETCH 2 PREVIEW").untagged == ["* 2 FETCH (PREVIEW {18}\r\nGrüße aus Bremen)"]
                )
                await client.append("Content-Type: image/png\r\n\r\nPNG")
                #expect(await client.command("FETCH 3 PREVIEW").untagged == ["* 3 FETCH (PREVIEW \"\")"])
            }
        }
    }

    @Test("texts in raw UTF-8 are encoded words for those who have not enabled it, and themselves for the others")
    func envelope() async throws {
        let message =
            "Subject: Grüße =?utf-8?q?=C3=A4?=\r\nFrom: Jürgen <j@example.org>\r\nTo: x <ü@example.org>\r\n\r\nbody\r\n"
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(message)
                let old = await client.command("FETCH 1 ENVELOPE").untagged.first ?? ""
                #expect(
                    old.hasPrefix(
                        "* 1 FETCH (ENVELOPE (NIL \"=?utf-8?B?R3LDvMOfZSDDpA==?=\" ((\"=?utf-8?B?SsO8cmdlbg==?=\""))
                #expect(old.contains("{2}\r\nü "), "an address stays what it is")
                let body = await client.command("FETCH 1 BODY.PEEK[]").untagged.first
                #expect(body?.hasSuffix("\(message))") == true)
                #expect(await client.command("ENABLE UTF8=ACCEPT").untagged == ["* ENABLED UTF8=ACCEPT"])
                let new = await client.command("FETCH 1 ENVELOPE").untagged.first
                #expect(new?.contains("Grüße =?utf-8?q?=C3=A4?=") == true)
                #expect(await client.command("SEARCH CHARSET UTF-8 ALL").tagged.hasPrefix("BAD"))
                #expect(await client.command("SEARCH SUBJECT \"grüße\"").untagged == ["* SEARCH 1"])
                #expect(await client.command("CREATE \"Größe\"").isOK)
                #expect(
                    await client.command("STATUS \"Größe\" (MESSAGES)").untagged == ["* STATUS \"Größe\" (MESSAGES 0)"])
                for bad in ["a\u{2028}b", "a\u{85}b"] {
                    #expect(await client.command("CREATE \"\(bad)\"").tagged.hasPrefix("NO"))
                }
                #expect(await client.command("FETCH 1 PREVIEW").untagged == ["* 1 FETCH (PREVIEW \"body\")"])
            }
            try await server.session { client in
                #expect(await client.command("LIST \"\" Gr*").untagged.first?.hasSuffix("Gr&APYA3w-e") == true)
            }
        }
    }
}
