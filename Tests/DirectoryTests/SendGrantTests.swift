import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@testable import Directory

private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text), "\(text)") }
private func sender(_ text: String) throws -> GrantedSender { try #require(GrantedSender(text), "\(text)") }

/// `example.com` with ann, bob and carl, `team` of ann, bob and somebody elsewhere, `all` of team and carl; mail for
/// unknown addresses of `other.example` is bob's.
private func makeDirectory() async throws -> (StoreFixture, Directory) {
    let state = try StoreFixture(migrations: DirectorySchema.migrations)
    let directory = try await Directory(database: state.database, clock: state.clock)
    let main = try #require(DomainName("example.com"))
    let other = try #require(DomainName("other.example"))
    try await directory.addDomain(main, postmaster: try address("ann@example.com"), keys: [], author: "test")
    for name in ["ann", "bob", "carl"] {
        _ = try await directory.addAccount(address("\(name)@example.com"), name: name, quota: nil, author: "test")
    }
    try await directory.addDomain(other, postmaster: address("ann@example.com"), keys: [], author: "test")
    try await directory.setCatchAll(other, to: address("bob@example.com"), author: "test")
    let team = ["ann@example.com", "bob@example.com", "friend@remote.example"]
    try await directory.addAlias(
        address("team@example.com"), targets: team.map { try address($0) }, author: "test")
    try await directory.addAlias(
        address("all@example.com"), targets: [address("team@example.com"), address("carl@example.com")], author: "test")
    return (state, directory)
}

@Suite struct SendGrantTests {
    private let team = "team@example.com"

    /// Those of ann, bob and carl who may send as an address.
    private func senders(_ text: String, _ directory: Directory) throws -> String {
        let snapshot = directory.snapshot
        return try ["ann", "bob", "carl"].filter { name in
            let account = try #require(snapshot.account(login: "\(name)@example.com"))
            return snapshot.mayUse(try address(text), as: account.id)
        }.joined(separator: " ")
    }

    private func say(_ text: String, members: Bool = false, _ accounts: [String], _ directory: Directory) async throws {
        let senders = AliasSenders(members: members, accounts: try accounts.map { try address($0) })
        try await directory.setSenders(of: try sender(text), senders, author: "test")
    }

    @Test func `nobody sends as a list until it is said who may`() async throws {
        let (_, directory) = try await makeDirectory()
        #expect(try senders(team, directory).isEmpty)
        try await say(team, ["carl@example.com"], directory)
        #expect(try senders(team, directory) == "carl")
        #expect(try senders("TEAM+x@example.com", directory) == "carl")
        // What was said takes the place of what was said before.
        try await say(team, members: true, [], directory)
        #expect(try senders(team, directory) == "ann bob")
        // The alias that leads to it is another address.
        #expect(try senders("all@example.com", directory).isEmpty)
        try await say("all@example.com", members: true, [], directory)
        #expect(try senders("all@example.com", directory) == "ann bob carl")
        try await say(team, [], directory)
        #expect(try senders(team, directory).isEmpty)
    }

    @Test func `a grant says what it was given by`() async throws {
        let (_, directory) = try await makeDirectory()
        let bob = try #require(directory.snapshot.account(login: "bob@example.com")).id
        try await say(team, members: true, [], directory)
        try await directory.allowSenders(
            address("bob@example.com"), [sender("ann@example.com"), sender("@Partner.Example")], author: "test")
        let cases: [(String, SenderOwnership)] = [
            ("team+x@example.com", .granted("granted to the members of team@example.com")),
            ("ann+x@example.com", .granted("ann@example.com granted to bob@example.com")),
            ("any@partner.example", .granted("@partner.example granted to bob@example.com")),
            ("any@sub.partner.example", .foreign), ("carl@example.com", .foreign), ("bob@example.com", .own),
        ]
        for (text, expected) in cases {
            #expect(directory.snapshot.ownership(of: try address(text), by: bob) == expected, "\(text)")
        }
        try await directory.denySenders(
            address("bob@example.com"), [sender("ANN@example.com"), sender("@partner.example")], author: "test")
        #expect(directory.snapshot.sendGrants.isEmpty)
    }

    @Test func `the tag of somebody else is not granted with the address`() async throws {
        let (_, directory) = try await makeDirectory()
        try await directory.addAlias(
            address("ann+lists@example.com"), targets: [address("carl@example.com")], author: "test")
        try await directory.allowSenders(address("bob@example.com"), [sender("ann@example.com")], author: "test")
        #expect(try senders("ann+other@example.com", directory) == "ann bob")
        #expect(try senders("ann+lists@example.com", directory) == "carl")
    }

    @Test func `addresses of a catch-all are nobody's, and can be granted`() async throws {
        let (_, directory) = try await makeDirectory()
        #expect(try senders("any@other.example", directory).isEmpty)
        try await say("@other.example", ["bob@example.com"], directory)
        #expect(try senders("any@other.example", directory) == "bob")
        // Other people's too.
        #expect(try senders("postmaster@other.example", directory) == "ann bob")
    }

    @Test func `a grant stays while the alias changes, and goes with alias, account and domain`() async throws {
        let (_, directory) = try await makeDirectory()
        try await say(team, members: true, ["carl@example.com"], directory)
        try await directory.addAlias(
            address(team), targets: [address("ann@example.com"), address("x@far.example")], author: "test")
        #expect(try senders(team, directory) == "ann carl")
        // Whoever gets the address next begins with nothing.
        try await directory.removeAlias(address("all@example.com"), author: "test")
        try await directory.removeAlias(address(team), author: "test")
        try await directory.addAlias(
            address(team), targets: [address("ann@example.com"), address("bob@example.com")], author: "test")
        #expect(try senders(team, directory).isEmpty)

        try await directory.allowSenders(address("carl@example.com"), [sender(team)], author: "test")
        try await directory.removeAccount(address("carl@example.com"), author: "test")
        #expect(directory.snapshot.sendGrants.isEmpty)
        _ = try await directory.addAccount(address("carl@example.com"), name: nil, quota: nil, author: "test")
        try await directory.allowSenders(address("ann@example.com"), [sender("carl@example.com")], author: "test")
        try await directory.removeAccount(address("carl@example.com"), author: "test")
        #expect(directory.snapshot.sendGrants.isEmpty)

        let other = ["@other.example", "some@other.example", "@far.example"]
        try await directory.allowSenders(
            address("ann@example.com"), other.map { try sender($0) }, author: "test")
        try await directory.removeDomain(try #require(DomainName("other.example")), author: "test")
        #expect(directory.snapshot.sendGrants.map(\.sender.description) == ["@far.example"])
    }

    @Test func `aliases that somebody sends as begin and end in one change`() async throws {
        let (_, directory) = try await makeDirectory()
        let sales = try address("sales@example.com")
        let targets = [try address("ann@example.com"), try address("bob@example.com")]
        let revision = directory.snapshot.revision
        try await directory.changeAlias(
            sales, senders: AliasSenders(members: true, accounts: [address("carl@example.com")]), author: "test"
        ) { _ in targets }
        #expect(directory.snapshot.revision == revision + 1)
        #expect(try senders("sales@example.com", directory) == "ann bob carl")
        // Nothing is made where one of them doesn't exist.
        let wrong = AliasSenders(members: false, accounts: [try address("nobody@example.com")])
        await #expect(throws: DirectoryError.self) {
            try await directory.changeAlias(try address("new@example.com"), senders: wrong, author: "test") { _ in
                targets
            }
        }
        #expect(directory.snapshot.alias(try address("new@example.com")) == nil)
    }

    @Test func `what can't be granted is refused`() async throws {
        let (_, directory) = try await makeDirectory()
        let revision = directory.snapshot.revision
        let refused: [@Sendable () async throws -> Void] = [
            { try await say("@example.com", members: true, [], directory) },
            { try await say("ann@example.com", members: true, [], directory) },
            { try await say(team, ["nobody@example.com"], directory) },
            { try await directory.allowSenders(address(team), [sender("ann@example.com")], author: "test") },
            { try await directory.denySenders(address("ann@example.com"), [sender(team)], author: "test") },
        ]
        for change in refused { await #expect(throws: DirectoryError.self) { try await change() } }
        #expect(directory.snapshot.revision == revision)
        for text in ["@", "ann", "", "@-bad-.example"] { #expect(GrantedSender(text) == nil, "\(text)") }
    }

    @Test func `grants are there after a restart`() async throws {
        let (state, directory) = try await makeDirectory()
        try await say(team, members: true, ["carl@example.com"], directory)
        let again = try await Directory(database: state.database, clock: state.clock)
        #expect(try senders(team, again) == "ann bob carl")
    }
}
