import Directory
import MailStore
import Testing

@testable import IMAPServer

@Suite("Sharing", .timeLimit(.minutes(10)))
struct SharingTests {
    private static let team = "Shared/ann@example.org/Team"

    /// Gives bob rights in ann's mailbox `Team`, which holds one message, and lets both go on.
    private static func shared(
        _ rights: String, quota: Int64? = nil,
        _ body: @Sendable (TestServer, _ ann: IMAPTestClient, _ bob: IMAPTestClient) async throws -> Void
    ) async throws {
        try await TestServer.run(quota: quota) { server in
            try await server.session { ann in
                #expect(await ann.command("CREATE Team").isOK)
                #expect(await ann.append(sampleMessage("one"), to: "Team", "($Work \\Flagged)").isOK)
                if !rights.isEmpty { #expect(await ann.command("SETACL Team bob@example.org \(rights)").isOK) }
                try await server.session(as: "bob@example.org") { bob in try await body(server, ann, bob) }
            }
        }
    }

    @Test("rights are given, told, changed and taken")
    func rights() async throws {
        try await Self.shared("lr") { _, ann, bob in
            let owner = "ann@example.org lrswipkxteacd"
            #expect(await ann.command("GETACL Team").untagged == ["* ACL Team \(owner) bob@example.org lr"])
            #expect(await ann.command("SETACL Team bob@example.org +cd").isOK)
            #expect(await ann.command("GETACL Team").untagged == ["* ACL Team \(owner) bob@example.org lrkxtecd"])
            #expect(await ann.command("SETACL Team bob@example.org -xe").isOK)
            #expect(await bob.command("MYRIGHTS \(Self.team)").untagged == ["* MYRIGHTS \(Self.team) lrktcd"])
            #expect(await ann.command("SETACL Team anyone lp").isOK)
            #expect(await ann.command("SETACL Team -bob@example.org kt").isOK)
            #expect(await bob.command("MYRIGHTS \(Self.team)").untagged == ["* MYRIGHTS \(Self.team) lrp"])
            #expect(
                await ann.command("GETACL Team").untagged == [
                    "* ACL Team \(owner) anyone lp bob@example.org lrktcd -bob@example.org ktcd"
                ])
            #expect(await ann.command("DELETEACL Team -bob@example.org").isOK)
            #expect(await bob.command("MYRIGHTS \(Self.team)").untagged == ["* MYRIGHTS \(Self.team) lrpktcd"])
            #expect(await ann.command("MYRIGHTS Team").untagged == ["* MYRIGHTS Team lrswipkxteacd"])
            #expect(
                await ann.command("LISTRIGHTS Team bob@example.org").untagged == [
                    "* LISTRIGHTS Team bob@example.org \"\" l r s w i p k x t e a c d"
                ])
            #expect(
                await ann.command("LISTRIGHTS Team ANN@example.org").untagged == [
                    "* LISTRIGHTS Team ANN@example.org lrswipkxteacd"
                ])
        }
    }

    @Test("what is no right, identifier or mailbox is refused")
    func refusals() async throws {
        try await Self.shared("lr") { _, ann, bob in
            #expect(await ann.command("SETACL Team bob@example.org lrQ").tagged.hasPrefix("BAD"))
            #expect(await ann.command("SETACL Team bob@example.org lrq").tagged.hasPrefix("BAD"))
            #expect(await ann.command("SETACL Team \"\" lr").tagged.hasPrefix("BAD"))
            #expect(await ann.command("SETACL Team - lr").tagged.hasPrefix("BAD"))
            #expect(await ann.command("SETACL Team carol@example.org lr").tagged.hasPrefix("NO"))
            #expect(await ann.command("SETACL Team ann@example.org lr").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await ann.command("DELETEACL Team ann@example.org").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await ann.command("SETACL Nowhere bob@example.org lr").tagged.hasPrefix("NO [NONEXISTENT]"))
            // RFC 4314 §6: what may not be seen isn't there; what may be seen may still not be changed
            #expect(await bob.command("GETACL Shared/ann@example.org/INBOX").tagged.hasPrefix("NO [NONEXISTENT]"))
            #expect(await bob.command("GETACL Shared/nobody@example.org/INBOX").tagged.hasPrefix("NO [NONEXISTENT]"))
            #expect(await bob.command("GETACL \(Self.team)").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("SETACL \(Self.team) anyone lr").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("DELETE \(Self.team)").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("RENAME \(Self.team) Shared/ann@example.org/X").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("CREATE \(Self.team)/Sub").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("CREATE Shared/ann@example.org/New").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("CREATE Shared/Mine").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await bob.command("CREATE Shared").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await bob.append(sampleMessage("two"), to: Self.team).tagged.hasPrefix("NO [NOPERM]"))
            #expect(await ann.command("SELECT Shared/ann@example.org/Team").tagged.hasPrefix("NO [NONEXISTENT]"))
        }
    }

    @Test("LIST, LSUB and STATUS show what may be seen")
    func listing() async throws {
        try await Self.shared("lr") { _, ann, bob in
            #expect(
                await bob.command("LIST \"\" Shared*").untagged == [
                    "* LIST (\\Noselect \\HasChildren) \"/\" Shared",
                    "* LIST (\\Noselect \\HasChildren) \"/\" Shared/ann@example.org",
                    "* LIST (\\HasNoChildren) \"/\" \(Self.team)",
                ])
            #expect(
                await bob.command("LIST \"\" %").untagged.contains("* LIST (\\Noselect \\HasChildren) \"/\" Shared"))
            #expect(
                await bob.command("LIST \"\" Shared/%/% RETURN (MYRIGHTS STATUS (MESSAGES))").untagged == [
                    "* LIST (\\HasNoChildren) \"/\" \(Self.team)", "* MYRIGHTS \(Self.team) lr",
                    "* STATUS \(Self.team) (MESSAGES 1)",
                ])
            #expect(await bob.command("SUBSCRIBE \(Self.team)").isOK)
            #expect(await bob.command("LSUB Shared/ %/%").untagged == ["* LSUB (\\HasNoChildren) \"/\" \(Self.team)"])
            #expect(await bob.command("STATUS \(Self.team) (MESSAGES)").untagged.count == 1)
            #expect(await ann.command("SETACL Team bob@example.org r").isOK)
            #expect(await bob.command("LIST \"\" Shared*").untagged.isEmpty)
            #expect(await bob.command("SUBSCRIBE \(Self.team)").tagged.hasPrefix("NO [NONEXISTENT]"))
            #expect(await bob.command("UNSUBSCRIBE \(Self.team)").isOK)
            #expect(await bob.command("STATUS \(Self.team) (MESSAGES)").isOK)
            #expect(await ann.command("LIST \"\" Shared*").untagged.isEmpty)
        }
    }

    @Test("a reader reads, and changes nothing")
    func reading() async throws {
        try await Self.shared("lr") { _, ann, bob in
            let selected = await bob.command("SELECT \(Self.team)")
            #expect(selected.tagged.hasPrefix("OK [READ-ONLY]"))
            #expect(await bob.command("FETCH 1 BODY[HEADER.FIELDS (Subject)]").isOK)
            #expect(await bob.command("STORE 1 +FLAGS (\\Seen)").tagged.hasPrefix("NO"))
            #expect(await bob.command("EXPUNGE").tagged.hasPrefix("NO"))
            #expect(await bob.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Flagged $Work \\Recent))"])
            #expect(await bob.command("COPY 1 INBOX").isOK)
            #expect(await bob.command("MOVE 1 INBOX").tagged.hasPrefix("NO"))
            #expect(await bob.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 1)"])
            #expect(await bob.command("CLOSE").isOK)
            #expect(await ann.command("STATUS Team (MESSAGES)").untagged == ["* STATUS Team (MESSAGES 1)"])
        }
    }

    @Test("each flag wants its right, in STORE, APPEND and COPY")
    func flags() async throws {
        try await Self.shared("lrsi") { _, ann, bob in
            let selected = await bob.command("SELECT \(Self.team)")
            #expect(selected.tagged.hasPrefix("OK [READ-WRITE]"))
            #expect(selected.untagged.contains { $0.hasPrefix("* OK [PERMANENTFLAGS (\\Seen)]") })
            // What is allowed of it is done.
            #expect(await bob.command("STORE 1 +FLAGS (\\Seen \\Deleted \\Draft New)").isOK)
            #expect(
                await bob.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Flagged \\Seen $Work \\Recent))"])
            #expect(await bob.command("STORE 1 +FLAGS (\\Deleted)").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await bob.command("STORE 1 FLAGS ()").isOK)
            #expect(await bob.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Flagged $Work \\Recent))"])
            #expect(await bob.append(sampleMessage("two"), to: Self.team, "(\\Seen \\Flagged Word)").isOK)
            #expect(await bob.command("FETCH 2 FLAGS").untagged.contains("* 2 FETCH (FLAGS (\\Seen \\Recent))"))
            #expect(await bob.append(sampleMessage("three"), "(\\Seen \\Flagged Word)").isOK)
            await bob.command("SELECT INBOX")
            #expect(await bob.command("COPY 1 \(Self.team)").isOK)
            await ann.command("SELECT Team")
            #expect(await ann.command("FETCH 3 FLAGS").untagged.contains { $0.hasPrefix("* 3 FETCH (FLAGS (\\Seen") })
            #expect(!(await ann.command("FETCH 3 FLAGS").untagged.contains { $0.contains("Word") }))
        }
    }

    @Test("messages go between accounts and count for their owner")
    func transfer() async throws {
        try await Self.shared("lrswite", quota: 2048) { server, ann, bob in
            let big = sampleMessage("big", body: String(repeating: "x", count: 1500) + "\r\n")
            #expect(await bob.append(big, to: "INBOX").isOK)
            #expect(await bob.append(big, to: "INBOX").isOK)
            await bob.command("SELECT INBOX")
            // Ann's quota, not bob's.
            #expect(await bob.command("MOVE 1 \(Self.team)").isOK)
            #expect(await bob.command("COPY 1 \(Self.team)").tagged.hasPrefix("NO [OVERQUOTA]"))
            #expect(await bob.append(big, to: Self.team).tagged.hasPrefix("NO [OVERQUOTA]"))
            #expect(
                await bob.command("GETQUOTAROOT \(Self.team)").untagged == [
                    "* QUOTAROOT \(Self.team) \"User quota ann@example.org\"",
                    "* QUOTA \"User quota ann@example.org\" (STORAGE 2 2)",
                ])
            #expect(await bob.command("GETQUOTA \"User quota ann@example.org\"").isOK)
            #expect(await ann.command("GETQUOTA \"User quota bob@example.org\"").tagged.hasPrefix("NO"))
            await ann.command("SELECT Team")
            let body = await ann.command("FETCH 2 BODY.PEEK[TEXT]")
            #expect(body.untagged.contains { $0.contains("xxxxxxxx") })
            let his = try await server.store.quota(server.bob.id)
            let hers = try await server.store.quota(server.account.id)
            #expect((his.messages, hers.messages) == (1, 2))
        }
    }

    @Test("sessions of other accounts hear of changes, and of rights that went")
    func notices() async throws {
        try await Self.shared("lrswite") { _, ann, bob in
            #expect(await bob.command("SELECT \(Self.team)").isOK)
            await bob.send("i1 IDLE\r\n")
            #expect(await bob.next().hasPrefix("+"))
            #expect(await ann.append(sampleMessage("two"), to: "Team").isOK)
            #expect(await bob.next() == "* 2 EXISTS")
            #expect(await bob.next().hasSuffix("RECENT"))
            await bob.send("DONE\r\n")
            #expect(await bob.reply(to: "i1").isOK)
            await ann.command("SELECT Team")
            #expect(await bob.command("STORE 1 +FLAGS (\\Deleted)").isOK)
            #expect(await ann.command("NOOP").untagged.contains { $0.contains("\\Deleted") })
            #expect(await ann.command("SETACL Team bob@example.org lrs").isOK)
            #expect(await bob.command("NOOP").untagged.contains { $0.contains("PERMANENTFLAGS (\\Seen)") })
            #expect(await bob.command("EXPUNGE").tagged.hasPrefix("NO [NOPERM]"))
            #expect(await ann.command("DELETEACL Team bob@example.org").isOK)
            #expect(await bob.command("NOOP").untagged.last?.hasPrefix("* BYE") == true)
        }
    }

    @Test("mailboxes are made, renamed and deleted below another's, and inherit its rights")
    func children() async throws {
        try await Self.shared("lrkx") { _, ann, bob in
            #expect(await bob.command("CREATE \(Self.team)/A/B").isOK)
            #expect(await bob.command("MYRIGHTS \(Self.team)/A/B").untagged == ["* MYRIGHTS \(Self.team)/A/B lrkxc"])
            #expect(await bob.command("RENAME \(Self.team)/A/B \(Self.team)/C").isOK)
            #expect(await bob.command("RENAME \(Self.team)/C Stolen").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await bob.command("RENAME INBOX \(Self.team)/D").tagged.hasPrefix("NO [CANNOT]"))
            #expect(await ann.command("LIST \"\" Team/*").untagged.count == 2)
            #expect(await bob.command("DELETE \(Self.team)/C").isOK)
            #expect(await bob.command("DELETE \(Self.team)/A").isOK)
            #expect(await ann.command("LIST \"\" Team/*").untagged.isEmpty)
        }
    }

    @Test("a thousand lines of rights, and not one more")
    func manyLines() async throws {
        try await Self.shared("lr") { server, ann, _ in
            let team = try #require(try await server.store.mailbox(server.account.id, path: "Team"))
            for id in 1..<MailStore.grantLimit {
                try await server.store.setRights(
                    team.id, of: .account(.init(rawValue: Int64(id + 1_000_000))), .replace(.read))
            }
            #expect(try await server.store.grants(team.id).count == MailStore.grantLimit)
            #expect(await ann.command("SETACL Team anyone lr").tagged.hasPrefix("NO [LIMIT]"))
            #expect(await ann.command("SETACL Team bob@example.org lrs").isOK)
            // Accounts that are gone are not named.
            #expect(await ann.command("GETACL Team").untagged.first?.hasSuffix("acd bob@example.org lrs") == true)
        }
    }

    @Test("mailboxes of one's own that are called like others' can be reached, unless somebody shares the name")
    func clash() async throws {
        try await Self.shared("lr") { server, _, bob in
            for path in ["Shared/Old", "Shared/ann@example.org/Team", "Shared/x/y"] {
                _ = try await server.store.createMailbox(server.bob.id, path: path)
            }
            let list = await bob.command("LIST \"\" Shared*").untagged
            #expect(list.contains("* LIST (\\HasChildren) \"/\" Shared"))
            #expect(list.contains("* LIST (\\HasNoChildren) \"/\" Shared/Old"))
            #expect(list.filter { $0.hasSuffix("Shared/ann@example.org/Team") }.count == 1)
            #expect(await bob.command("STATUS Shared/Old (MESSAGES)").untagged == ["* STATUS Shared/Old (MESSAGES 0)"])
            #expect(await bob.command("SELECT Shared/x/y").isOK)
            // Ann's, as it was before.
            #expect(
                await bob.command("STATUS \(Self.team) (MESSAGES)").untagged == [
                    "* STATUS \(Self.team) (MESSAGES 1)"
                ])
            #expect(await bob.command("RENAME Shared/x/y Mine").isOK)
            #expect(await bob.command("DELETE Shared/Old").isOK)
        }
    }
}
