import Testing

@testable import AdminService

@Suite struct MailboxOperationsTests {
    private static let ann = "ann@example.org"

    private static func operations(_ data: borrowing TemporaryData) async throws -> Operations {
        let operations = Operations(stores: try await Stores.open(data.manifest), author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: ann)).orThrow()
        for address in [ann, "bob@example.org"] {
            _ = try await operations.perform(
                .accountAdd(address: address, password: "secret", name: nil, quota: nil)
            ).orThrow()
        }
        return operations
    }

    private static func text(_ operations: Operations, _ request: MailboxRequest) async throws -> String {
        try await operations.perform(.mailbox(request)).output(json: false)
    }

    @Test func `mailboxes are made, renamed, shared and removed`() async throws {
        let data = try TemporaryData()
        let operations = try await Self.operations(data)
        let ann = Self.ann
        #expect(
            try await Self.text(operations, .create(account: ann, path: "Team/2026", specialUse: nil))
                == "ann@example.org: Team/2026 is made\n")
        #expect(try await Self.text(operations, .list(account: ann)).contains("Team/2026"))
        #expect(
            try await Self.text(operations, .rename(account: ann, from: "Team", to: "Crew"))
                == "ann@example.org: Team is now Crew\n")
        #expect(
            try await Self.text(
                operations, .share(account: ann, path: "Crew", who: "bob@example.org", rights: "lr"))
                == "bob@example.org has lr in ann@example.org's Crew, as Shared/ann@example.org/Crew\n")
        #expect(
            try await Self.text(
                operations, .share(account: ann, path: "Crew", who: "bob@example.org", rights: "+s")
            )
            .hasPrefix("bob@example.org has lrs in"))
        #expect(try await Self.text(operations, .rights(account: ann, path: "Crew")).contains("bob@example.org  lrs"))
        #expect(
            try await Self.text(
                operations, .share(account: ann, path: "Crew", who: "bob@example.org", rights: "none")
            )
            .contains("has no rights"))
        #expect(
            try await Self.text(operations, .remove(account: ann, path: "Crew/2026"))
                == "ann@example.org: Crew/2026 is removed\n")
        #expect(try await Self.text(operations, .recount(account: ann)) == "ann@example.org: all counts are right\n")
        #expect(
            try await Self.text(operations, .check(account: ann, after: nil, repairs: false, removes: false))
                == "0 messages read: all is well\n")
        #expect(
            try await Self.text(operations, .removed(account: ann, RemovedQuestion(), after: 0))
                == "nothing can be brought back\n")
    }

    @Test(
        arguments: [
            (MailboxRequest.list(account: "nobody@example.org"), "there is no account"),
            (.create(account: ann, path: "INBOX", specialUse: nil), "already exists"),
            (.create(account: ann, path: "a//b", specialUse: nil), "an empty level"),
            (.create(account: ann, path: "Shared/x", specialUse: nil), "those of others' mailboxes"),
            (.create(account: ann, path: "x", specialUse: "odd"), "no special use"),
            (.create(account: ann, path: "x", specialUse: "sent"), "already"),
            (.remove(account: ann, path: "INBOX"), "INBOX can't be deleted"),
            (.remove(account: ann, path: "Nowhere"), "has no mailbox Nowhere"),
            (.rename(account: ann, from: "Sent", to: "Trash"), "already exists"),
            (.expunge(account: ann, mailbox: "Nowhere", olderThan: 1), "has no mailbox"),
            (.share(account: ann, path: "Sent", who: "bob@example.org", rights: "lrQ"), "not a list of rights"),
            (.share(account: ann, path: "Sent", who: ann, rights: "lr"), "always has all rights"),
            (.share(account: ann, path: "Sent", who: "carol@example.org", rights: "lr"), "there is no account"),
        ])
    func `mistakes are told`(request: MailboxRequest, says: String) async throws {
        let data = try TemporaryData()
        let operations = try await Self.operations(data)
        guard case .failed(let error) = await operations.perform(.mailbox(request)) else {
            Issue.record("\(request) was carried out")
            return
        }
        #expect("\(error)".contains(says), "\(error)")
    }
}
