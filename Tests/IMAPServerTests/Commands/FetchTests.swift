import Testing

@testable import IMAPServer

private let multipart = """
    From: Ann <ann@example.org>\r
    To: bob@example.net\r
    Subject: parts\r
    Date: Fri, 20 Nov 2026 10:00:00 +0100\r
    MIME-Version: 1.0\r
    Content-Type: multipart/mixed; boundary=b\r
    \r
    preamble\r
    --b\r
    Content-Type: text/plain\r
    \r
    first\r
    --b\r
    Content-Type: message/rfc822\r
    \r
    From: inner@example.org\r
    Subject: inner\r
    \r
    inner body\r
    --b--\r

    """

@Suite("FETCH", .timeLimit(.minutes(10)))
struct FetchTests {
    @Test(
        "sections are answered from the right octets",
        arguments: [
            ("BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: parts\r\n\r\n"),
            ("BODY.PEEK[1]", "BODY[1] {5}\r\nfirst"),
            ("BODY.PEEK[1.MIME]", "BODY[1.MIME] {28}\r\nContent-Type: text/plain\r\n\r\n"),
            ("BODY.PEEK[2.HEADER.FIELDS (Subject)]", "BODY[2.HEADER.FIELDS (Subject)] {18}\r\nSubject: inner\r\n\r\n"),
            ("BODY.PEEK[2.TEXT]", "BODY[2.TEXT] {10}\r\ninner body"),
            ("BODY.PEEK[2.TEXT]<6.100>", "BODY[2.TEXT]<6> {4}\r\nbody"),
            ("BODY.PEEK[1]<1.2>", "BODY[1]<1> {2}\r\nir"),
            ("BODY.PEEK[1]<99.2>", "BODY[1]<99> {0}\r\n"),
            ("BODY.PEEK[HEADER]<0.4>", "BODY[HEADER]<0> {4}\r\nFrom"),
            ("BODY.PEEK[3]", "BODY[3] NIL"),
        ])
    func sections(item: String, expected: String) async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                await client.append(multipart)
                await client.command("NOOP")
                let reply = await client.command("FETCH 1 \(item)")
                #expect(reply.untagged == ["* 1 FETCH (\(expected))"])
                #expect(reply.isOK)
            }
        }
    }

    @Test("the whole message comes back octet for octet, also one of a megabyte")
    func whole() async throws {
        let long = sampleMessage("long", body: String(repeating: "0123456789abcde\r\n", count: 70_000))
        try await TestServer.run { server in
            try await server.inbox { client in
                for message in [multipart, long] { #expect(await client.append(message).isOK) }
                let first = await client.command("FETCH 1 BODY.PEEK[]").untagged
                #expect(first == ["* 1 FETCH (BODY[] {\(multipart.utf8.count)}\r\n\(multipart))"])
                let second = await client.command("UID FETCH 2 (RFC822.SIZE RFC822)").untagged
                let expected =
                    "* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) RFC822.SIZE \(long.utf8.count) "
                    + "RFC822 {\(long.utf8.count)}\r\n\(long))"
                #expect(second.count == 1 && second.first == expected)
                let partial = await client.command("FETCH 2 BODY.PEEK[]<1000000.20>").untagged
                let start = long.utf8.index(long.utf8.startIndex, offsetBy: 1_000_000)
                let piece = String(long[start..<long.utf8.index(start, offsetBy: 20)])
                #expect(partial == ["* 2 FETCH (BODY[]<1000000> {20}\r\n\(piece))"])
            }
        }
    }

    @Test("reading sets \\Seen and says so in the same answer; peeking doesn't")
    func implicitSeen() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"))
                await client.command("SELECT INBOX")
                #expect(
                    await client.command("FETCH 1 BODY.PEEK[TEXT]").untagged == [
                        "* 1 FETCH (BODY[TEXT] {7}\r\nHello\r\n)"
                    ])
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Recent))"])
                let read = await client.command("FETCH 1 BODY[TEXT]").untagged
                #expect(read == ["* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {7}\r\nHello\r\n)"])
                let again = await client.command("FETCH 1 (FLAGS BODY[TEXT])").untagged
                #expect(again == ["* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {7}\r\nHello\r\n)"])
            }
        }
    }

    @Test("envelope, structure, size and date")
    func attributes() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("one"), "(\\Flagged) \"20-Nov-2026 09:30:00 +0130\"")
                await client.command("SELECT INBOX")
                let reply = await client.command("FETCH 1 ALL").untagged.first ?? ""
                #expect(
                    reply.hasPrefix(
                        "* 1 FETCH (FLAGS (\\Flagged \\Recent) INTERNALDATE \"20-Nov-2026 09:30:00 +0130\" RFC822.SIZE "
                    ))
                #expect(
                    reply.contains(
                        "ENVELOPE (\"Fri, 20 Nov 2026 10:00:00 +0100\" \"one\" ((\"Ann\" NIL \"ann\" \"example.org\"))")
                )
                let structure = await client.command("UID FETCH 1 BODYSTRUCTURE").untagged.first ?? ""
                #expect(structure.hasPrefix("* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\""), "\(structure)")
            }
        }
    }

    @Test("UIDs that don't exist are no error, sequence numbers are")
    func missing() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                #expect(await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
                #expect(await client.command("UID FETCH 1:* FLAGS").isOK)
                await client.append(sampleMessage("one"))
                #expect(await client.command("FETCH 1:2 FLAGS").tagged.hasPrefix("BAD"))
                #expect(await client.command("FETCH * UID").untagged == ["* 1 FETCH (UID 1)"])
                #expect(await client.command("UID FETCH 7:9 FLAGS").untagged.isEmpty)
                #expect(await client.command("UID FETCH 7:* FLAGS").untagged == ["* 1 FETCH (UID 1 FLAGS (\\Recent))"])
            }
        }
    }

    @Test("pages join without a gap or a repetition, N − 1, N and N + 1 rows", arguments: [6, 7, 8, 15])
    func pages(count: Int) async throws {
        try await TestServer.run(
            settings: {
                $0.rowPage = 7
                $0.indexPage = 7
            },
            { server in
                try await server.inbox { client in
                    for number in 1...count { await client.append(sampleMessage("m\(number)")) }
                    await client.command("STORE 3 +FLAGS.SILENT (\\Deleted)")
                    await client.command("EXPUNGE")
                    let uids = (1...count).filter { $0 != 3 }
                    let rows = await client.command("FETCH 1:* (UID)").untagged
                    #expect(rows == uids.enumerated().map { "* \($0.offset + 1) FETCH (UID \($0.element))" })
                    let sparse = await client.command("UID FETCH 1,4:5,\(count) (UID)").untagged
                    #expect(sparse.count == Set([1, 4, 5, count]).count)
                    let indexed = await client.command("FETCH 1:* (UID ENVELOPE)").untagged
                    #expect(indexed.count == count - 1)
                    #expect(await client.command("FETCH 1:* (BODY[])").untagged.count == count - 1)
                    let flags = await client.command("UID FETCH 1:* (FLAGS)").untagged
                    #expect(flags.allSatisfy { $0.contains("\\Seen") })
                }
            })
    }

    @Test("rows told from texts say what the index says, piece by piece, with keywords announced first")
    func texts() async throws {
        let messages = [
            multipart, sampleMessage("plain"), sampleMessage("=?utf-8?Q?d=C3=A9j=C3=A0?="),
            "Subject: \u{E9} raw\r\nFrom: \"a \\\"b\\\"\" <x@y.z>, group: c@d.e;\r\n\r\n", "no header at all",
        ]
        try await TestServer.run(
            settings: {
                $0.fetchPiece = 1
                $0.rowPage = 3
            },
            { server in
                try await server.inbox { client in
                    for message in messages { await client.append(message) }
                    await client.command("NOOP")
                    let texts = await client.command("FETCH 1:* (UID ENVELOPE BODYSTRUCTURE RFC822.SIZE)").untagged
                    // BODY.PEEK[9] keeps the answer from being made of texts.
                    let indexed = await client.command(
                        "FETCH 1:* (UID ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[9])"
                    ).untagged
                    #expect(texts.count == messages.count)
                    #expect(texts == indexed.map { $0.replacing(" BODY[9] NIL)", with: ")") })
                    await client.command("STORE 2 +FLAGS.SILENT (\\Answered $Later junk)")
                    _ = try await server.inbox { other in
                        await other.command("STORE 4 +FLAGS.SILENT (Fresh \\Draft)")
                    }
                    let flags = await client.command("UID FETCH 1:* (FLAGS)").untagged
                    let told = flags.firstIndex { $0.hasPrefix("* FLAGS (") && $0.contains(" Fresh") }
                    let used = flags.firstIndex { $0.hasPrefix("* 4 FETCH (UID 4 FLAGS (\\Draft Fresh") }
                    #expect(told != nil && used != nil && (told ?? 9) < (used ?? 0), "\(flags)")
                    #expect(flags.contains { $0.hasPrefix("* 2 FETCH (UID 2 FLAGS (\\Answered $Later junk") })
                }
            })
    }

    @Test("CHANGEDSINCE gives what changed, with MODSEQ")
    func changedSince() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for subject in ["one", "two", "three"] { await client.append(sampleMessage(subject)) }
                let select = await client.command("SELECT INBOX (CONDSTORE)").untagged
                let highest = select.compactMap { modSeq(in: $0, after: "HIGHESTMODSEQ ") }.first ?? 0
                await client.command("STORE 2 +FLAGS.SILENT (\\Flagged)")
                let changed = await client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(highest))").untagged
                #expect(changed.count == 1)
                #expect(changed.first?.hasPrefix("* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (") == true)
                let none = await client.command("FETCH 1:* (ENVELOPE) (CHANGEDSINCE \(highest + 100))")
                #expect(none.untagged.isEmpty && none.isOK)
                #expect(await client.command("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").tagged.hasPrefix("BAD"))
            }
        }
    }
}

/// The number behind a word of a response.
func modSeq(in line: String, after word: String) -> UInt64? {
    guard let range = line.ranges(of: word).first else { return nil }
    return UInt64(line[range.upperBound...].prefix { $0.isNumber })
}
