import Directory
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text), "\(text)") }

/// `example.com` with ann, bob and carl (disabled), `other.example` with a catch-all, and aliases among them.
private func makeDirectory() async throws -> (StoreFixture, Directory) {
    let state = try StoreFixture(migrations: DirectorySchema.migrations)
    let directory = try await Directory(database: state.database, clock: state.clock)
    let main = try #require(DomainName("example.com"))
    let other = try #require(DomainName("other.example"))
    try await directory.addDomain(main, postmaster: try address("ann@example.com"), keys: [], author: "test")
    for name in ["ann", "bob", "carl"] {
        _ = try await directory.addAccount(address("\(name)@example.com"), name: name, quota: nil, author: "test")
    }
    try await directory.setEnabled(address("carl@example.com"), false, author: "test")
    try await directory.addDomain(other, postmaster: address("ann@example.com"), keys: [], author: "test")
    try await directory.setCatchAll(other, to: address("bob@example.com"), author: "test")
    let aliases: [(String, [String])] = [
        ("info", ["ann@example.com"]), ("team", ["ann@example.com", "bob@example.com", "info@example.com"]),
        ("deep", ["team@example.com", "friend@remote.example"]), ("away", ["friend@remote.example"]),
        ("gone", ["carl@example.com"]), ("some", ["carl@example.com", "bob@example.com"]),
        ("ann+lists", ["bob@example.com"]), ("self", ["ann@example.com"]),
    ]
    for (name, targets) in aliases {
        try await directory.addAlias(
            address("\(name)@example.com"), targets: targets.map { try address($0) }, author: "test")
    }
    return (state, directory)
}

@Suite struct ResolutionTests {
    @Test func `addresses become accounts and addresses elsewhere`() async throws {
        let (_, directory) = try await makeDirectory()
        let cases: [(String, String)] = [
            ("ann@example.com", "ann"), ("ANN@EXAMPLE.com", "ann"), ("ann+tag@example.com", "ann+tag"),
            ("Ann+Tag+more@example.com", "ann+Tag+more"), ("ann+lists@example.com", "bob"),
            ("info@example.com", "ann"), ("info+x@example.com", "ann+x"), ("team@example.com", "ann bob"),
            ("deep@example.com", "ann bob friend@remote.example"), ("away@example.com", "friend@remote.example"),
            ("gone@example.com", "disabled"), ("carl@example.com", "disabled"), ("some@example.com", "bob"),
            ("nobody@example.com", "unknown"), ("ann@elsewhere.example", "notHosted"),
            ("Postmaster@example.com", "ann"), ("abuse@example.com", "ann"), ("ABUSE@other.example", "ann"),
            ("anything@other.example", "bob"), ("any+t@other.example", "bob+t"), ("postmaster@other.example", "ann"),
        ]
        let snapshot = directory.snapshot
        for (input, expected) in cases {
            let text =
                switch snapshot.resolve(try address(input)) {
                case .notHosted: "notHosted"
                case .unknown: "unknown"
                case .disabled: "disabled"
                case .targets(let local, let remote, _):
                    (local.map { $0.address.localPart + ($0.tag.map { "+\($0)" } ?? "") } + remote.map(\.description))
                        .joined(separator: " ")
                }
            #expect(text == expected, "\(input)")
        }
    }

    @Test func `loops end, and those that only lead back are refused`() async throws {
        let (_, directory) = try await makeDirectory()
        let one = try address("one@example.com")
        let two = try address("two@example.com")
        try await directory.addAlias(one, targets: [address("ann@example.com")], author: "test")
        try await directory.addAlias(two, targets: [one], author: "test")
        await #expect(throws: DirectoryError.self) { try await directory.addAlias(one, targets: [two], author: "test") }
        await #expect(throws: DirectoryError.self) { try await directory.addAlias(one, targets: [one], author: "test") }
        // Back to each other and to somebody: both reach bob once.
        try await directory.addAlias(one, targets: [two, address("bob@example.com")], author: "test")
        for alias in [one, two] {
            guard case .targets(let local, let remote, _) = directory.snapshot.resolve(alias) else {
                Issue.record("\(alias) leads nowhere")
                continue
            }
            #expect(local.map(\.address.localPart) == ["bob"])
            #expect(remote.isEmpty)
        }
    }

    @Test func `a catch-all can't lead back to itself`() async throws {
        let (_, directory) = try await makeDirectory()
        let other = try #require(DomainName("other.example"))
        await #expect(throws: DirectoryError.self) {
            try await directory.setCatchAll(other, to: address("nobody@other.example"), author: "test")
        }
        await #expect(throws: DirectoryError.self) {
            try await directory.setCatchAll(other, to: address("nobody@example.com"), author: "test")
        }
        try await directory.setCatchAll(other, to: nil, author: "test")
        #expect(directory.snapshot.resolve(try address("anything@other.example")) == .unknown)
    }

    @Test func `a login may use what reaches it and nobody else`() async throws {
        let (_, directory) = try await makeDirectory()
        let snapshot = directory.snapshot
        let ann = try #require(snapshot.account(login: "ANN@example.com")).id
        let cases: [(String, Bool)] = [
            ("ann@example.com", true), ("Ann+x@example.com", true), ("info@example.com", true),
            ("info+y@example.com", true), ("postmaster@example.com", true), ("bob@example.com", false),
            ("ann+lists@example.com", false), ("carl@example.com", false), ("away@example.com", false),
            ("abuse@example.com", true), ("postmaster@other.example", true), ("team@example.com", false),
            ("team+x@example.com", false), ("deep@example.com", false), ("self@example.com", true),
            ("any@other.example", false), ("ann@elsewhere.example", false), ("nobody@example.com", false),
        ]
        for (text, expected) in cases { #expect(snapshot.mayUse(try address(text), as: ann) == expected, "\(text)") }
        let bob = try #require(snapshot.account(login: "bob@example.com")).id
        #expect(!snapshot.mayUse(try address("any@other.example"), as: bob))
        // The other target is disabled, and may come back.
        #expect(!snapshot.mayUse(try address("some@example.com"), as: bob))
        #expect(snapshot.mayUse(try address("ann+lists@example.com"), as: bob))
    }

    @Test func `aliases in a circle and one account make that account's alias`() async throws {
        let (_, directory) = try await makeDirectory()
        let ann = try #require(directory.snapshot.account(login: "ann@example.com")).id
        let (one, two) = (try address("one@example.com"), try address("two@example.com"))
        try await directory.addAlias(one, targets: [address("ann@example.com")], author: "test")
        try await directory.addAlias(two, targets: [one, address("ann+two@example.com")], author: "test")
        try await directory.addAlias(one, targets: [two, address("ann@example.com")], author: "test")
        #expect(directory.snapshot.mayUse(one, as: ann))
        #expect(directory.snapshot.mayUse(two, as: ann))
    }

    @Test func `changes that would break something are refused`() async throws {
        let (_, directory) = try await makeDirectory()
        let main = try #require(DomainName("example.com"))
        let ann = try address("ann@example.com")
        let refused: [@Sendable () async throws -> Void] = [
            { try await directory.addDomain(main, postmaster: nil, keys: [], author: "t") },
            { try await directory.removeDomain(main, author: "t") },
            { _ = try await directory.addAccount(address("ANN@example.com"), name: nil, quota: nil, author: "t") },
            { _ = try await directory.addAccount(address("info@example.com"), name: nil, quota: nil, author: "t") },
            { _ = try await directory.addAccount(address("a@elsewhere.example"), name: nil, quota: nil, author: "t") },
            { _ = try await directory.addAccount(address("a+b@example.com"), name: nil, quota: nil, author: "t") },
            { try await directory.removeAccount(ann, author: "t") },
            { try await directory.removeAccount(address("nobody@example.com"), author: "t") },
            { try await directory.addAlias(ann, targets: [address("bob@example.com")], author: "t") },
            { try await directory.addAlias(address("new@example.com"), targets: [], author: "t") },
            {
                try await directory.addAlias(
                    address("new@example.com"), targets: [address("no@example.com")], author: "t")
            },
            { try await directory.addAlias(address("new@elsewhere.example"), targets: [ann], author: "t") },
            { try await directory.removeAlias(address("postmaster@example.com"), author: "t") },
            { try await directory.removeAlias(address("team@example.com"), author: "t") },
            { try await directory.removeAlias(address("nobody@example.com"), author: "t") },
        ]
        let revision = directory.snapshot.revision
        for change in refused { await #expect(throws: DirectoryError.self) { try await change() } }
        #expect(directory.snapshot.revision == revision)
        #expect(directory.domainsWithoutPostmaster.isEmpty)
    }
}
