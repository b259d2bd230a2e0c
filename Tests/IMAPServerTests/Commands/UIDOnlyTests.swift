import Foundation
import MailConfig
import Testing

@testable import IMAPServer

@Suite("UIDONLY", .timeLimit(.minutes(10)))
struct UIDOnlyTests {
    /// A mailbox whose numbers and UIDs differ (UIDs 3, 4, 5), and a client that speaks of UIDs alone.
    private func enabled(
        _ others: String = "", _ body: @escaping @Sendable (TestServer, IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for number in 1...5 { await client.append(sampleMessage("m\(number)"), "(\\Seen)") }
                await client.command("SELECT INBOX")
                await client.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
                await client.command("EXPUNGE")
                await client.command("UNSELECT")
                #expect(await client.command("ENABLE UIDONLY\(others)").untagged.first == "* ENABLED UIDONLY\(others)")
                await client.command("SELECT INBOX")
                try await body(server, client)
            }
        }
    }

    @Test(
        "a command that speaks of message numbers is refused",
        arguments: [
            "FETCH 1 FLAGS", "FETCH * (UID)", "FETCH $ FLAGS", "STORE 1:3 +FLAGS (\\Seen)", "COPY 1 Archive",
            "MOVE 1 Archive",
            "SEARCH ALL", "SEARCH UID 3", "SEARCH RETURN (COUNT) ALL", "SORT (DATE) UTF-8 ALL",
            "THREAD REFERENCES UTF-8 ALL", "UID SEARCH 1:2", "UID SEARCH *", "UID SEARCH NOT (SEEN 1)",
            "UID SEARCH OR SEEN (1 UNSEEN)", "UID SEARCH RETURN (MIN) 1", "UID SORT (DATE) UTF-8 1:2",
            "UID THREAD REFERENCES UTF-8 *", "ESEARCH IN (selected) 1",
            "REPLACE 1 INBOX CATENATE (URL \"/INBOX/;UID=3\")", "REPLACE 1 INBOX {5}", "REPLACE 1 INBOX {5+}\r\nA: b\r",
        ])
    func refused(_ command: String) async throws {
        try await enabled { _, client in
            let reply = await client.command(command)
            #expect(reply.untagged.isEmpty, "\(reply)")
            #expect(reply.tagged.hasPrefix("BAD [UIDREQUIRED] "), "\(reply)")
            #expect(
                await client.command("UID FETCH 1:* (FLAGS)").untagged
                    == ["3", "4", "5"].map { "* \($0) UIDFETCH (FLAGS (\\Seen))" })
        }
    }

    @Test("commands that speak of UIDs answer by them, and say UID where it is asked for")
    func answers() async throws {
        try await enabled { _, client in
            func said(_ command: String) async -> [String] { await client.command(command).untagged }
            #expect(
                await said("UID FETCH 4 (UID RFC822.SIZE)").first?.hasPrefix("* 4 UIDFETCH (UID 4 RFC822.SIZE ") == true
            )
            #expect(await said("UID FETCH 4 (BODY.PEEK[TEXT])") == ["* 4 UIDFETCH (BODY[TEXT] {7}\r\nHello\r\n)"])
            #expect(await said("UID STORE 4 -FLAGS (\\Seen)") == ["* 4 UIDFETCH (FLAGS ())"])
            #expect(
                await said("UID FETCH 4 (BODY[TEXT])")
                    == ["* 4 UIDFETCH (FLAGS (\\Seen) BODY[TEXT] {7}\r\nHello\r\n)"])
            #expect(await said("UID FETCH 4 (PREVIEW)").first?.hasPrefix("* 4 UIDFETCH (PREVIEW ") == true)
            #expect(await said("UID SEARCH UID 4:*") == ["* SEARCH 4 5"])
            #expect(await said("UID SEARCH RETURN (SAVE MAX) ALL").first?.hasSuffix(" UID MAX 5") == true)
            #expect(await said("UID SEARCH $") == ["* SEARCH 5"])
            #expect(await said("UID FETCH 1:* (UID) (PARTIAL 2:2)") == ["* 4 UIDFETCH (UID 4)"])
            #expect(await said("ESEARCH IN (selected) UID 4").first?.hasSuffix(" UID ALL 4") == true)
            #expect(await said("UID THREAD ORDEREDSUBJECT UTF-8 UID 3") == ["* THREAD (3)"])
            #expect(await said("SELECT INBOX").allSatisfy { !$0.contains("UNSEEN") })
        }
    }

    @Test("what leaves is told by VANISHED")
    func vanished() async throws {
        try await enabled { _, client in
            await client.command("CREATE Done")
            #expect(
                await client.command("UID STORE 3 +FLAGS (\\Deleted)").untagged
                    == ["* 3 UIDFETCH (FLAGS (\\Deleted \\Seen))"])
            #expect(await client.command("UID EXPUNGE 1:*").untagged == ["* VANISHED 3"])
            let moved = await client.command("UID MOVE 4 Done").untagged
            #expect(moved.first?.hasPrefix("* OK [COPYUID ") == true)
            #expect(moved.dropFirst() == ["* VANISHED 4"])
            let replaced = await client.command("UID REPLACE 5 INBOX {6+}\r\nA: b\r\n").untagged
            #expect(replaced.contains("* VANISHED 5"))
            #expect(replaced.contains("* 1 EXISTS"))
            #expect(replaced.allSatisfy { !$0.contains("EXPUNGE") && !$0.contains("HIGHESTMODSEQ") })
        }
    }

    @Test("what others do is told by UIDFETCH and VANISHED, and counted by EXISTS")
    func others() async throws {
        try await enabled { server, client in
            try await server.session { other in
                await other.command("SELECT INBOX")
                await other.command("STORE 1 +FLAGS.SILENT (\\Flagged)")
                await other.command("STORE 3 +FLAGS.SILENT (\\Deleted)")
                await other.command("EXPUNGE")
                await other.append(sampleMessage("new"))
                let news = await client.command("NOOP").untagged
                #expect(news.contains("* VANISHED 5"))
                #expect(news.contains("* 3 EXISTS"))
                #expect(news.contains("* 3 UIDFETCH (FLAGS (\\Flagged \\Seen))"))
                #expect(news.allSatisfy { !$0.contains(" FETCH ") && !$0.hasSuffix("EXPUNGE") })
                await client.command("NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange))")
                try await server.deliver(sampleMessage("newer"))
                #expect(await client.next() == "* 4 EXISTS")
                #expect(await client.next() == "* 1 RECENT")
                #expect(await client.next() == "* 7 UIDFETCH (FLAGS (\\Recent))")
            }
        }
    }

    @Test("mod-sequences and resynchronization go on, without numbers")
    func resynchronization() async throws {
        try await enabled { _, client in
            await client.command("ENABLE QRESYNC")
            let stored = await client.command("UID STORE 3 +FLAGS.SILENT (\\Flagged)").untagged
            #expect(stored.count == 1 && stored[0].hasPrefix("* 3 UIDFETCH (MODSEQ ("), "\(stored)")
            await client.command("UID STORE 4 +FLAGS.SILENT (\\Deleted)")
            let gone = await client.command("EXPUNGE").untagged
            #expect(gone.first == "* VANISHED 4")
            #expect(gone.dropFirst().first?.hasPrefix("* OK [HIGHESTMODSEQ ") == true)
            let selected = await client.command("SELECT INBOX").untagged
            let validity = try #require(selected.firstMatch(of: "UIDVALIDITY"))
            #expect(
                await client.command("SELECT INBOX (QRESYNC (\(validity) 1 1:9 (1 3)))").tagged.hasPrefix(
                    "BAD [UIDREQUIRED]"))
            let again = await client.command("SELECT INBOX (QRESYNC (\(validity) 1 1:9))").untagged
            #expect(again.contains("* VANISHED (EARLIER) 1:2,4,6:9") || again.contains("* VANISHED (EARLIER) 1:2,4"))
            #expect(again.contains { $0.hasPrefix("* 3 UIDFETCH (FLAGS (\\Flagged \\Seen") && $0.contains("MODSEQ") })
            #expect(
                await client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)").untagged.allSatisfy {
                    $0.contains(" UIDFETCH (FLAGS ") && $0.contains("MODSEQ") && !$0.contains("UID ")
                })
        }
    }

    @Test(
        "nothing that is told has a message number, whatever is asked and whatever others do",
        arguments: ["CONDSTORE", "QRESYNC", "IMAP4rev2", "QRESYNC IMAP4rev2 UTF8=ACCEPT"])
    func nothing(more: String) async throws {
        let items = "(FLAGS UID ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE PREVIEW BODY[TEXT])"
        let asked = [
            "UID FETCH 1:* \(items)", "UID FETCH 1:* (FLAGS)", "UID FETCH * (ENVELOPE)", "UID FETCH 1:* (FLAGS MODSEQ)",
            "UID SEARCH RETURN (SAVE) ALL", "UID FETCH $ (FLAGS)", "UID SEARCH RETURN (MIN MAX ALL COUNT) ALL",
            "UID SEARCH RETURN (PARTIAL 1:2) ALL", "UID SEARCH MODSEQ 1", "UID SORT (SUBJECT) UTF-8 ALL",
            "UID SORT RETURN (PARTIAL -1:-2) (REVERSE DATE) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL",
            "ESEARCH IN (personal) RETURN (ALL) ALL", "UID SEARCH RETURN (UPDATE ALL) FLAGGED",
            "UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 ALL",
            "ESEARCH IN (selected) RETURN (UPDATE ALL) SEEN",
            "UID STORE 3 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)", "UID STORE 4 +FLAGS (\\Flagged)",
            "UID STORE 4 -FLAGS.SILENT (\\Seen)", "CREATE Done", "UID COPY 4 Done", "UID MOVE 5 Done",
        ]
        try await enabled { server, client in
            await client.command("ENABLE \(more)")
            var told: [String] = []
            for command in asked {
                let reply = await client.command(command)
                #expect(reply.tagged.hasPrefix("OK "), "\(command): \(reply)")
                told += reply.untagged + [reply.tagged]
            }
            let rounds = [
                (["UID STORE 3 +FLAGS (\\Answered)"], "NOOP"),
                (["UID STORE 3,6 +FLAGS (\\Deleted \\Flagged)"], "UID FETCH 4 (UID)"), (["EXPUNGE"], "CHECK"),
                ([], "NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))"),
                (["UID STORE 4 +FLAGS (\\Deleted)", "UID EXPUNGE 4"], "NOOP"),
            ]
            for (others, own) in rounds {
                try await server.session { other in
                    await other.command("SELECT INBOX")
                    await other.append(sampleMessage("new"))
                    for command in others { await other.command(command) }
                }
                told += await client.command(own).untagged
            }
            for command in ["NOOP", "UID EXPUNGE 7", "EXAMINE INBOX", "SELECT INBOX", "UID FETCH 1:* (FLAGS)"] {
                told += await client.command(command).untagged
            }
            // Of the messages there are none has the number that is its UID, and no UID is below 3.
            for line in told {
                let words = line.split(separator: " ")
                if words.count > 2, Int(words[1]) != nil {
                    #expect(["EXISTS", "RECENT", "UIDFETCH"].contains(words[2]), "\(line)")
                }
                for verb in ["SEARCH", "SORT", "THREAD"] where line.hasPrefix("* \(verb) ") {
                    let numbers = line.split { !$0.isNumber }.prefix(line.contains("MODSEQ") ? 1 : .max)
                    #expect(numbers.allSatisfy { (Int($0) ?? 0) >= 3 }, "\(line)")
                }
                #expect(!line.hasPrefix("* ESEARCH") || line.contains(" UID"), "\(line)")
                #expect(!line.contains("[UNSEEN") && !line.contains("MODIFIED 1]"), "\(line)")
            }
            #expect(told.contains { $0.contains(" UID ADDTO (") } && told.contains { $0.contains(" UID REMOVEFROM (") })
            #expect(told.contains { $0.hasPrefix("* VANISHED ") } && told.contains { $0.contains("[MODIFIED 3]") })
        }
    }

    @Test("a search that is followed when UIDONLY comes goes on in UIDs")
    func followed() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for number in 1...3 { await client.append(sampleMessage("m\(number)")) }
                await client.command("SELECT INBOX")
                await client.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
                await client.command("EXPUNGE")
                await client.command("SEARCH RETURN (UPDATE COUNT) FLAGGED")
                await client.command("ENABLE UIDONLY")
                let news = await client.command("UID STORE 3 +FLAGS.SILENT (\\Flagged)").untagged
                #expect(news.count == 1 && news[0].hasSuffix(" UID ADDTO (0 3)"), "\(news)")
            }
        }
    }

    @Test("what Microsoft's service would break on is neither offered nor enabled")
    func withheld() async throws {
        try await TestServer.run(settings: { $0.workarounds = [.outlookUIDOnly] }) { server in
            try await server.session { client in
                #expect(await client.command("CAPABILITY").untagged.first?.contains("UIDONLY") == false)
                #expect(await client.command("ENABLE UIDONLY CONDSTORE").untagged.first == "* ENABLED CONDSTORE")
                await client.append(sampleMessage("one"))
                await client.command("SELECT INBOX")
                #expect(await client.command("FETCH 1 (UID)").untagged == ["* 1 FETCH (UID 1)"])
            }
        }
        try await TestServer.run { server in
            try await server.session { client in
                #expect(await client.command("CAPABILITY").untagged.first?.contains("UIDONLY") == true)
            }
        }
    }

    @Test("numbers come back with another login")
    func ends() async throws {
        try await enabled { _, client in
            await client.command("UNAUTHENTICATE")
            await client.login()
            await client.command("SELECT INBOX")
            #expect(await client.command("FETCH 1 (UID)").untagged == ["* 1 FETCH (UID 3)"])
        }
    }
}

extension [String] {
    /// The number of a response code.
    fileprivate func firstMatch(of code: String) -> String? {
        for line in self {
            guard let start = line.range(of: "[\(code) ") else { continue }
            return String(line[start.upperBound...].prefix { $0 != "]" })
        }
        return nil
    }
}
