import Testing

@testable import IMAPServer

@Suite("SEARCH", .timeLimit(.minutes(10)))
struct SearchTests {
    private func filled(_ body: @escaping @Sendable (IMAPTestClient) async throws -> Void) async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("apple pie"), "(\\Seen) \"01-Nov-2026 12:00:00 +0000\"")
                await client.append(sampleMessage("banana"), "(\\Flagged $Work) \"10-Nov-2026 23:30:00 -0500\"")
                await client.append(
                    sampleMessage("cherry", body: "needle in hay\r\n"), "() \"20-Nov-2026 12:00:00 +0000\"")
                await client.append(sampleMessage("gone"), "(\\Deleted)")
                await client.command("SELECT INBOX")
                await client.command("EXPUNGE")
                await client.append(sampleMessage("date", body: String(repeating: "x", count: 2000) + "\r\n"))
                try await body(client)
            }
        }
    }

    @Test("keys find what they should")
    func keys() async throws {
        try await filled { client in
            for (key, expected) in [
                ("ALL", "1 2 3 4"), ("SEEN", "1"), ("UNSEEN", "2 3 4"), ("FLAGGED", "2"), ("KEYWORD $work", "2"),
                ("UNKEYWORD $Work", "1 3 4"), ("SUBJECT APPLE", "1"), ("FROM ann", "1 2 3 4"), ("BODY needle", "3"),
                ("TEXT needle", "3"), ("TEXT cherry", "3"), ("BEFORE 10-Nov-2026", "1"), ("ON 10-Nov-2026", "2"),
                ("SINCE 10-Nov-2026 NOT ON 10-Nov-2026 BEFORE 21-Nov-2026", "3"), ("SENTON 20-Nov-2026", "1 2 3 4"),
                ("LARGER 2000", "4"), ("SMALLER 2000", "1 2 3"), ("2:3", "2 3"), ("UID 3,5", "3 4"), ("*", "4"),
                ("OR SUBJECT apple SUBJECT date", "1 4"), ("NOT (SEEN)", "2 3 4"), ("NEW", "2 3 4"),
                ("RECENT SEEN", "1"),
                ("OLD", ""), ("HEADER Message-ID banana", "2"), ("HEADER X-None \"\"", ""),
                ("HEADER Subject \"\"", "1 2 3 4"),
                ("CHARSET UTF-8 SUBJECT cherry", "3"), ("CHARSET UTF-7 SUBJECT \"+AGE-pple\"", "1"), ("TO bob 1", "1"),
                ("DELETED", ""), ("UNDELETED", "1 2 3 4"),
            ] {
                let reply = await client.command("SEARCH \(key)")
                #expect(reply.untagged == ["* SEARCH" + (expected.isEmpty ? "" : " " + expected)], "\(key)")
            }
            #expect(await client.command("UID SEARCH SUBJECT date").untagged == ["* SEARCH 5"])
            #expect(await client.command("SEARCH CHARSET KLINGON ALL").tagged.hasPrefix("NO [BADCHARSET"))
            // RFC 7377 §2: no error
            #expect(await client.command("SEARCH 9").untagged == ["* SEARCH"])
            #expect(await client.command("SEARCH 3:9").untagged == ["* SEARCH 3 4"])
        }
    }

    @Test("ESEARCH says only what was asked")
    func esearch() async throws {
        try await filled { client in
            let tags = { (reply: IMAPTestClient.Reply) in
                reply.untagged.map { line in line.replacing(/\(TAG "a\d+"\)/, with: "T") }
            }
            #expect(tags(await client.command("SEARCH RETURN () ALL")) == ["* ESEARCH T ALL 1:4"])
            #expect(
                tags(await client.command("UID SEARCH RETURN (MIN MAX COUNT) ALL")) == [
                    "* ESEARCH T UID MIN 1 MAX 5 COUNT 4"
                ])
            #expect(tags(await client.command("UID SEARCH RETURN (ALL) UNSEEN")) == ["* ESEARCH T UID ALL 2:3,5"])
            #expect(tags(await client.command("SEARCH RETURN (MIN COUNT) DELETED")) == ["* ESEARCH T COUNT 0"])
            #expect(tags(await client.command("SEARCH RETURN () DELETED")) == ["* ESEARCH T"])
        }
    }

    @Test("a saved result is what the RFC's table says it is")
    func savedResult() async throws {
        try await filled { client in
            let cases = [
                ("SAVE", "1 2 3 4"), ("SAVE MIN", "1"), ("SAVE MAX", "4"), ("SAVE MIN MAX", "1 4"),
                ("SAVE COUNT MIN", "1 2 3 4"), ("ALL SAVE MAX", "1 2 3 4"), ("SAVE PARTIAL 2:3", "2 3"),
                ("SAVE PARTIAL -1:-2 MIN", "1 3 4"), ("SAVE PARTIAL 2:3 COUNT", "1 2 3 4"),
            ]
            for (options, expected) in cases {
                let reply = await client.command("SEARCH RETURN (\(options)) ALL")
                #expect(reply.tagged.hasPrefix("OK"), "\(options)")
                if options == "SAVE" { #expect(reply.untagged.isEmpty) }
                #expect(await client.command("SEARCH UID $").untagged == ["* SEARCH \(expected)"], "\(options)")
            }
            #expect(await client.command("FETCH $ (UID)").untagged.count == 4)
            await client.command("SEARCH RETURN (SAVE) 2:3")
            await client.command("STORE $ +FLAGS.SILENT (\\Deleted)")
            await client.command("EXPUNGE")
            #expect(await client.command("SEARCH OR $ 1").untagged == ["* SEARCH 1"])
            #expect(await client.command("COPY $ Trash").tagged.hasPrefix("OK"))
            await client.command("SEARCH RETURN (SAVE) ALL")
            await client.command("SELECT INBOX")
            #expect(await client.command("SEARCH $").untagged == ["* SEARCH"])
        }
    }

    @Test("parts of results and of fetches")
    func partial() async throws {
        try await filled { client in
            for (options, expected) in [
                ("PARTIAL 1:2", "PARTIAL (1:2 1:2)"), ("PARTIAL 2:1", "PARTIAL (2:1 1:2)"),
                ("PARTIAL -1:-2", "PARTIAL (-1:-2 3:4)"), ("PARTIAL 4:900", "PARTIAL (4:900 4)"),
                ("PARTIAL -5:-6", "PARTIAL (-5:-6 NIL)"), ("PARTIAL 2:3 MIN", "MIN 1 PARTIAL (2:3 2:3)"),
                ("PARTIAL 4294967295:1", "PARTIAL (4294967295:1 1:4)"),
            ] {
                let line = await client.command("SEARCH RETURN (\(options)) ALL").untagged.first
                #expect(line?.hasSuffix(") \(expected)") == true, "\(options): \(line ?? "nothing")")
            }
            for bad in ["PARTIAL 0:1", "PARTIAL 1:2 PARTIAL 3:4", "PARTIAL 1", "PARTIAL 1:*", "ALL PARTIAL 1:2"] {
                #expect(await client.command("SEARCH RETURN (\(bad)) ALL").tagged.hasPrefix("BAD"), "\(bad)")
            }
            let last = await client.command("UID FETCH 1:* (UID) (PARTIAL -1:-2 CHANGEDSINCE 1)").untagged
            #expect(last.count { $0.contains(" FETCH (") } == 2)
            #expect(await client.command("UID FETCH 1:* (UID) (PARTIAL 3:9)").untagged.count == 2)
        }
    }

    @Test("OLDER and YOUNGER count from now")
    func within() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.append(sampleMessage("old"), "() \"01-Nov-2001 12:00:00 +0000\"")
                await client.append(sampleMessage("new"))
                await client.command("SELECT INBOX")
                #expect(await client.command("SEARCH OLDER 86400").untagged == ["* SEARCH 1"])
                #expect(await client.command("SEARCH YOUNGER 86400").untagged == ["* SEARCH 2"])
                #expect(await client.command("SEARCH YOUNGER 4294967295").untagged == ["* SEARCH 1 2"])
            }
        }
    }

    @Test("MODSEQ in, MODSEQ out")
    func modSequence() async throws {
        try await filled { client in
            let store = await client.command("STORE 2 (UNCHANGEDSINCE 100000) +FLAGS (\\Answered)").untagged
            let changed = try #require(store.compactMap { modSeq(in: $0, after: "MODSEQ (") }.last)
            #expect(await client.command("SEARCH MODSEQ \(changed)").untagged == ["* SEARCH 2 (MODSEQ \(changed))"])
            #expect(await client.command("SEARCH MODSEQ \(changed + 50)").untagged == ["* SEARCH"])
            let extended = await client.command("SEARCH RETURN (COUNT) MODSEQ 1").untagged.first
            #expect(extended?.hasSuffix(" COUNT 4 MODSEQ \(changed)") == true)
        }
    }

    @Test("MODSEQ is the highest of the messages that are returned")
    func modSequenceOfReturned() async throws {
        try await filled { client in
            let store = await client.command("STORE 2 (UNCHANGEDSINCE 100000) +FLAGS (\\Answered)").untagged
            let changed = try #require(store.compactMap { modSeq(in: $0, after: "MODSEQ (") }.last)
            let first = try #require(
                await client.command("FETCH 1 MODSEQ").untagged.compactMap { modSeq(in: $0, after: "MODSEQ (") }.last)
            #expect(first < changed)
            for (returned, highest) in [
                ("MIN", first), ("MAX MIN COUNT", changed), ("PARTIAL 1:1", first), ("PARTIAL 1:2", changed),
                ("MIN PARTIAL 1:1", first), ("PARTIAL 1:1 COUNT", changed), ("", changed),
            ] {
                let answer = await client.command("SEARCH RETURN (\(returned)) MODSEQ 1").untagged.first
                #expect(answer?.hasSuffix(" MODSEQ \(highest)") == true, "\(returned)")
            }
            // Of nothing there is no highest
            let beyond = await client.command("SEARCH RETURN (PARTIAL 90:99) MODSEQ 1").untagged.first
            #expect(beyond?.hasSuffix(" PARTIAL (90:99 NIL)") == true)
        }
    }

    @Test("an empty mailbox has nothing to find")
    func empty() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                for key in ["ALL", "1:*", "UID 1:*", "NOT SEEN"] {
                    #expect(await client.command("SEARCH \(key)").untagged == ["* SEARCH"], "\(key)")
                }
            }
        }
    }
}
