import Testing

@testable import IMAPServer

@Suite("SORT and THREAD", .timeLimit(.minutes(10)))
struct SortTests {
    private func message(_ header: String) -> String { header.replacing("\n", with: "\r\n") + "\r\n\r\nbody\r\n" }

    private func filled(
        _ headers: [String], _ body: @escaping @Sendable (IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for (day, header) in headers.enumerated() {
                    await client.append(message(header), "() \"\(10 + day)-Nov-2026 12:00:00 +0000\"")
                }
                await client.command("SELECT INBOX")
                try await body(client)
            }
        }
    }

    @Test("every criterion, both ways, and what is equal in the order of the mailbox")
    func criteria() async throws {
        try await filled([
            "From: Zoe <amy@a.example>\nTo: cat@x.example\nCc: one@x.example\nSubject: Re: banana\nDate: Mon, 02 Nov 2026 10:00:00 +0000",
            "From: bob@b.example\nTo: \"Ärger\" <BAT@x.example>\nSubject: apple\nDate: Sun, 01 Nov 2026 23:30:00 -0500",
            "From: =?utf-8?q?=C3=89ve?= <cid@c.example>\nTo: Group: ant@x.example;\nSubject: [list] BANANA (fwd)",
            "Subject: \nX-Long: \(String(repeating: "x", count: 300))\nDate: rubbish",
        ]) { client in
            for (criteria, expected) in [
                ("ARRIVAL", "1 2 3 4"), ("REVERSE ARRIVAL", "4 3 2 1"), ("DATE", "2 1 3 4"),
                ("REVERSE DATE", "4 3 1 2"),
                ("SUBJECT", "4 2 1 3"), ("REVERSE SUBJECT", "1 3 2 4"), ("SUBJECT REVERSE DATE", "4 2 3 1"),
                ("FROM", "4 1 2 3"), ("TO", "4 2 1 3"), ("CC", "2 3 4 1"), ("REVERSE CC ARRIVAL", "1 2 3 4"),
                ("SIZE", "3 2 1 4"), ("DISPLAYFROM", "4 2 3 1"), ("DISPLAYTO", "4 2 1 3"),
            ] {
                let sorted = await client.command("SORT (\(criteria)) UTF-8 ALL").untagged
                #expect(sorted == ["* SORT \(expected)"], "\(criteria)")
            }
            #expect(await client.command("UID SORT (REVERSE DATE) UTF-8 2:3").untagged == ["* SORT 3 2"])
            let extended = await client.command("SORT RETURN (MIN MAX ALL COUNT) (REVERSE ARRIVAL) UTF-8 ALL").untagged
            #expect(extended.first?.hasSuffix(" MIN 4 MAX 1 ALL 4,3,2,1 COUNT 4") == true)
            let part = await client.command("SORT RETURN (PARTIAL 1:3) (DATE) UTF-8 ALL").untagged
            #expect(part.first?.hasSuffix(" PARTIAL (1:3 2,1,3)") == true)
        }
    }

    // RFC 5256 §3: the charset is not optional, so that UTF8=ACCEPT can't forbid it as it does for SEARCH
    @Test("a client with UTF8=ACCEPT can sort and thread")
    func withUTF8() async throws {
        try await filled(["Subject: b\u{e4}r", "Subject: apfel"]) { client in
            await client.command("ENABLE UTF8=ACCEPT")
            #expect(await client.command("SORT (SUBJECT) UTF-8 ALL").untagged == ["* SORT 2 1"])
            #expect(await client.command("SORT (SUBJECT) US-ASCII ALL").untagged == ["* SORT 2 1"])
            #expect(await client.command("SORT (SUBJECT) UTF-8 SUBJECT \"b\u{e4}r\"").untagged == ["* SORT 1"])
            #expect(
                await client.command("UID SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL").untagged.first?.hasSuffix(
                    " COUNT 2") == true)
            #expect(await client.command("THREAD REFERENCES UTF-8 ALL").untagged == ["* THREAD (1)(2)"])
            #expect(await client.command("SORT (SUBJECT) KLINGON ALL").tagged.hasPrefix("NO [BADCHARSET"))
            #expect(await client.command("SEARCH CHARSET UTF-8 ALL").tagged.hasPrefix("BAD "))
            #expect(await client.command("ESEARCH IN (selected) CHARSET UTF-8 ALL").tagged.hasPrefix("BAD "))
        }
    }

    @Test("threads by references and by subject")
    func threads() async throws {
        try await filled([
            "Message-ID: <a@x>\nSubject: one\nDate: Mon, 02 Nov 2026 10:00:00 +0000",
            "Message-ID: <b@x>\nIn-Reply-To: <a@x>\nSubject: Re: one\nDate: Mon, 02 Nov 2026 11:00:00 +0000",
            "Message-ID: <c@x>\nReferences: <a@x> <b@x>\nSubject: Re: one\nDate: Mon, 02 Nov 2026 12:00:00 +0000",
            "Message-ID: <d@x>\nReferences: <gone@x>\nSubject: lost\nDate: Mon, 02 Nov 2026 13:00:00 +0000",
            "Message-ID: <e@x>\nReferences: <gone@x>\nSubject: other\nDate: Mon, 02 Nov 2026 14:00:00 +0000",
            "Message-ID: <f@x>\nReferences: <\"a\"@x>\nSubject: Re: one\nDate: Mon, 02 Nov 2026 15:00:00 +0000",
        ]) { client in
            #expect(
                await client.command("THREAD REFERENCES UTF-8 ALL").untagged == ["* THREAD (1 (2 3)(6))((4)(5))"])
            #expect(
                await client.command("THREAD ORDEREDSUBJECT UTF-8 ALL").untagged == ["* THREAD (1 (2)(3)(6))(4)(5)"])
            #expect(await client.command("UID THREAD REFERENCES UTF-8 2:3").untagged == ["* THREAD (2 3)"])
            #expect(await client.command("THREAD REFERENCES UTF-8 NOT ALL").untagged == ["* THREAD"])
        }
    }
}
