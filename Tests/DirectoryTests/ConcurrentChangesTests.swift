import Directory
import MailSyntax
import MartletTesting
import Testing

@Suite
struct ConcurrentChangesTests {
    private func makeDirectory() async throws -> (StoreFixture, Directory) {
        let state = try StoreFixture(migrations: DirectorySchema.migrations)
        let directory = try await Directory(database: state.database, clock: state.clock)
        try await directory.addDomain(
            try name("example.org"), postmaster: try address("ann@example.org"), keys: [], author: "test")
        for user in ["ann", "bob", "cara"] {
            _ = try await directory.addAccount(
                try address("\(user)@example.org"), name: nil, quota: nil, author: "test")
        }
        return (state, directory)
    }

    private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }
    private func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

    /// How many of two changes made at the same time pass.
    private func passing(
        _ first: @Sendable @escaping () async throws -> Void, _ second: @Sendable @escaping () async throws -> Void
    ) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for change in [first, second] {
                group.addTask {
                    do {
                        try await change()
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }

    @Test func `an account that an alias is being pointed at is not removed at the same time`() async throws {
        for _ in 0..<25 {
            let (state, directory) = try await makeDirectory()
            defer { withExtendedLifetime(state) {} }
            let bob = try address("bob@example.org")
            let sales = try address("sales@example.org")
            let passed = await passing(
                { try await directory.addAlias(sales, targets: [bob], author: "one") },
                { try await directory.removeAccount(bob, author: "two") }
            )
            #expect(passed == 1)
            let snapshot = directory.snapshot
            #expect((snapshot.alias(sales) == nil) == (snapshot.account(bob) == nil))
        }
    }

    @Test func `two aliases are not pointed at each other at the same time`() async throws {
        for _ in 0..<25 {
            let (state, directory) = try await makeDirectory()
            defer { withExtendedLifetime(state) {} }
            let one = try address("one@example.org")
            let two = try address("two@example.org")
            let bob = try address("bob@example.org")
            for alias in [one, two] { try await directory.addAlias(alias, targets: [bob], author: "test") }
            let passed = await passing(
                { try await directory.addAlias(one, targets: [two], author: "one") },
                { try await directory.addAlias(two, targets: [one], author: "two") }
            )
            #expect(passed == 1)
            #expect(directory.snapshot.resolve(one) != .unknown)
        }
    }

    @Test func `targets added to an alias at the same time are all kept`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let team = try address("team@example.org")
        let members = try (0..<20).map { try address("member\($0)@example.net") }
        try await withThrowingTaskGroup { group in
            for member in members {
                group.addTask { _ = try await directory.changeAlias(team, author: "test") { $0 + [member] } }
            }
            try await group.waitForAll()
        }
        #expect(Set(directory.snapshot.alias(team)?.targets ?? []) == Set(members))
    }

    @Test func `an address becomes an account or an alias, never both`() async throws {
        for _ in 0..<25 {
            let (state, directory) = try await makeDirectory()
            defer { withExtendedLifetime(state) {} }
            let dora = try address("dora@example.org")
            let bob = try address("bob@example.org")
            let passed = await passing(
                { try await directory.addAlias(dora, targets: [bob], author: "one") },
                { _ = try await directory.addAccount(dora, name: nil, quota: nil, author: "two") }
            )
            #expect(passed == 1)
        }
    }

    @Test func `each change that passes has a revision of its own`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let before = directory.snapshot.revision
        try await withThrowingTaskGroup { group in
            for user in ["ann", "bob", "cara"] {
                let account = try address("\(user)@example.org")
                group.addTask { try await directory.setQuota(account, 1_000_000, author: "test") }
            }
            try await group.waitForAll()
        }
        #expect(directory.snapshot.revision == before + 3)
        #expect(directory.snapshot.accounts.allSatisfy { $0.quota == 1_000_000 })
    }
}

@Suite
struct PostmasterTests {
    private func makeDirectory() async throws -> (StoreFixture, Directory) {
        let state = try StoreFixture(migrations: DirectorySchema.migrations)
        let directory = try await Directory(database: state.database, clock: state.clock)
        try await directory.addDomain(
            try #require(DomainName("example.org")), postmaster: try address("ann@example.org"), keys: [],
            author: "test")
        for user in ["ann", "bob"] {
            _ = try await directory.addAccount(
                try address("\(user)@example.org"), name: nil, quota: nil, author: "test")
        }
        return (state, directory)
    }

    private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

    @Test func `the account that reads it is not disabled before somebody else does`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let ann = try address("ann@example.org")
        let bob = try address("bob@example.org")
        let refused = try await #require(throws: DirectoryError.self) {
            try await directory.setEnabled(ann, false, author: "test")
        }
        #expect(refused.description.contains("martlet alias add postmaster@example.org ADDRESS"))
        try await directory.changeAlias(try address("postmaster@example.org"), author: "test") {
            $0 + [bob]
        }
        try await directory.setEnabled(ann, false, author: "test")
        #expect(directory.domainsWithoutPostmaster.isEmpty)
    }

    @Test func `an account of that name is not removed, and the way out is a catch-all`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let domain = try #require(DomainName("example.net"))
        let postmaster = EmailAddress(localPart: "postmaster", domain: domain)
        try await directory.addDomain(domain, postmaster: postmaster, keys: [], author: "test")
        _ = try await directory.addAccount(postmaster, name: nil, quota: nil, author: "test")
        let refused = try await #require(throws: DirectoryError.self) {
            try await directory.removeAccount(postmaster, author: "test")
        }
        #expect(refused.description.contains("martlet alias add @example.net ADDRESS"))
        try await directory.setCatchAll(domain, to: try address("bob@example.org"), author: "test")
        try await directory.removeAccount(postmaster, author: "test")
        await #expect(throws: DirectoryError.self) {
            try await directory.setCatchAll(domain, to: nil, author: "test")
        }
    }

    @Test func `an alias it goes through is not turned to a disabled account`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let staff = try address("staff@example.org")
        try await directory.addAlias(staff, targets: [try address("ann@example.org")], author: "test")
        try await directory.addAlias(try address("postmaster@example.org"), targets: [staff], author: "test")
        try await directory.setEnabled(try address("bob@example.org"), false, author: "test")
        await #expect(throws: DirectoryError.self) {
            try await directory.addAlias(staff, targets: [try address("bob@example.org")], author: "test")
        }
    }

    @Test func `selectors that differ in case only are the same name in the DNS`() async throws {
        let (state, directory) = try await makeDirectory()
        defer { withExtendedLifetime(state) {} }
        let domain = try #require(DomainName("example.org"))
        let key = NewDKIMKey(selector: "s1", algorithm: "rsa", privateKey: "-")
        try await directory.addDKIMKey(key, domain: domain, author: "test")
        await #expect(throws: DirectoryError.self) {
            let other = NewDKIMKey(selector: "S1", algorithm: "rsa", privateKey: "-")
            try await directory.addDKIMKey(other, domain: domain, author: "test")
        }
    }
}
