import Directory
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text), "\(text)") }

/// `here.example` with ann, whose postmaster she is, and `away.example`, whose mailboxes are elsewhere.
private func makeDirectory() async throws -> (StoreFixture, Directory, here: DomainName, away: DomainName) {
    let state = try StoreFixture(migrations: DirectorySchema.migrations)
    let directory = try await Directory(database: state.database, clock: state.clock)
    let here = try #require(DomainName("here.example"))
    let away = try #require(DomainName("away.example"))
    let ann = try address("ann@here.example")
    try await directory.addDomain(here, postmaster: ann, keys: [], author: "test")
    _ = try await directory.addAccount(ann, name: nil, quota: nil, author: "test")
    let key = NewDKIMKey(selector: "k1", algorithm: "ed25519", privateKey: "PEM")
    try await directory.addDomain(away, kind: .sendOnly, postmaster: nil, keys: [key], author: "test")
    return (state, directory, here, away)
}

@Suite struct SendOnlyDomainTests {
    @Test func `a domain that only sends has keys, and its addresses are elsewhere`() async throws {
        let (_, directory, here, away) = try await makeDirectory()
        let snapshot = directory.snapshot
        #expect(snapshot.resolve(try address("boss@away.example")) == .notHosted)
        #expect(snapshot.resolve(try address("postmaster@away.example")) == .notHosted)
        #expect(!snapshot.isHosted(away))
        #expect(snapshot.domain(away)?.kind == .sendOnly)
        #expect(snapshot.hostedDomains.map(\.name) == [here])
        #expect(snapshot.signingKeys(away).map(\.selector) == ["k1"])
        #expect(snapshot.domainsWithoutPostmaster.isEmpty)
    }

    @Test func `nobody gets an address there`() async throws {
        let (_, directory, _, away) = try await makeDirectory()
        let ann = try address("ann@here.example")
        await #expect(throws: DirectoryError.sendOnly(away)) {
            _ = try await directory.addAccount(address("a@away.example"), name: nil, quota: nil, author: "t")
        }
        await #expect(throws: DirectoryError.sendOnly(away)) {
            try await directory.addAlias(address("a@away.example"), targets: [ann], author: "t")
        }
        await #expect(throws: DirectoryError.sendOnly(away)) {
            try await directory.setCatchAll(away, to: ann, author: "t")
        }
        // What leads there leads elsewhere.
        try await directory.addAlias(address("boss@here.example"), targets: [address("b@away.example")], author: "t")
        guard case .targets(let local, let remote, _) = directory.snapshot.resolve(try address("boss@here.example"))
        else { Issue.record("the alias leads nowhere"); return }
        #expect(local.isEmpty)
        #expect(remote == [try address("b@away.example")])
    }

    @Test func `a domain in use can't become one that only sends`() async throws {
        let (_, directory, here, _) = try await makeDirectory()
        let other = try #require(DomainName("other.example"))
        let ann = try address("ann@here.example")
        func refusal() async -> String {
            do {
                try await directory.setKind(other, to: .sendOnly, postmaster: nil, author: "t")
                return ""
            } catch { return "\(error)" }
        }
        await #expect(throws: DirectoryError.self) {
            try await directory.setKind(here, to: .sendOnly, postmaster: nil, author: "t")
        }
        try await directory.addDomain(other, postmaster: ann, keys: [], author: "t")
        try await directory.addAlias(address("info@other.example"), targets: [ann], author: "t")
        try await directory.setCatchAll(other, to: ann, author: "t")
        #expect(await refusal().contains("info@other.example, @other.example; remove them first"))
        try await directory.removeAlias(address("info@other.example"), author: "t")
        try await directory.setCatchAll(other, to: nil, author: "t")
        #expect(await refusal() == "")
        #expect(directory.snapshot.resolve(try address("postmaster@other.example")) == .notHosted)
        #expect(directory.snapshot.alias(try address("postmaster@other.example")) == nil)
        #expect(await refusal().contains("exists already"))
    }

    @Test func `a domain that only sends becomes hosted with its keys, and goes`() async throws {
        let (state, directory, _, away) = try await makeDirectory()
        let ann = try address("ann@here.example")
        try await directory.setKind(away, to: .hosted, postmaster: ann, author: "t")
        #expect(directory.snapshot.resolve(try address("nobody@away.example")) == .unknown)
        #expect(directory.snapshot.domainsWithoutPostmaster.isEmpty)
        #expect(directory.snapshot.signingKeys(away).count == 1)
        try await directory.setKind(away, to: .sendOnly, postmaster: nil, author: "t")
        try await directory.addAlias(address("boss@here.example"), targets: [address("b@away.example")], author: "t")
        // An alias that leads elsewhere keeps nothing here from going.
        try await directory.removeDomain(away, author: "t")
        let again = try await Directory(database: state.database, clock: state.clock)
        #expect(again.snapshot.domain(away) == nil)
    }
}
