import Directory
import Logging
import MailConfig
import MailSyntax
import NetTransport
import Telemetry
import Testing

@testable import AdminService

/// Bans of operators, and bans over a restart.
@Suite struct BanTests {
    private func list(_ operations: Operations) async throws -> [BanSummary] {
        guard case .bans(let list) = try await operations.perform(.banList).orThrow() else { return [] }
        return list
    }

    @Test func `without a server a ban is kept in the database`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        let networks = ["192.0.2.1", "2001:db8::9"]
        _ = try await operations.perform(.banAdd(networks: networks, seconds: 3600, reason: "test")).orThrow()
        let bans = try await list(operations)
        #expect(Set(bans.map(\.network)) == ["192.0.2.1", "2001:db8::/64"])
        #expect(bans.allSatisfy { $0.isManual && $0.until != nil && $0.reason == "test" })
        _ = try await operations.perform(.banRemove(networks: ["192.0.2.1"])).orThrow()
        #expect(try await list(operations).map(\.network) == ["2001:db8::/64"])
        for request in [
            AdminRequest.banRemove(networks: ["192.0.2.1"]),
            .banAdd(networks: ["example.org"], seconds: nil, reason: nil),
        ] {
            guard case .failed = await operations.perform(request) else {
                Issue.record("it was done")
                continue
            }
        }
        let table = BanKeeper.table(
            data.manifest, try await BanStore(database: stores.database).load(), events: NoEvents())
        #expect(table.bans(try #require(IPAddress("2001:db8::1"))))
        try stores.close()
    }

    @Test func `what a server bans is written, and found by the next`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let store = BanStore(database: stores.database)
        let table = BanKeeper.table(data.manifest, [], events: NoEvents())
        let client = try #require(IPAddress("192.0.2.1"))
        for _ in 0..<10 { table.report(.login, by: client) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let keeper = BanKeeper(table: table, store: store, logger: logger)
        await keeper.write()
        let next = BanKeeper.table(data.manifest, try await store.load(), events: NoEvents())
        #expect(next.list() == table.list() && next.bans(client))
        #expect(table.remove(BanRules.client(client)))
        await keeper.write()
        #expect(try await store.load().isEmpty)
        try stores.close()
    }

    @Test func `trusted networks, proxies and those that speak for others are never banned`() throws {
        var manifest = Manifest()
        func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }
        manifest.relay.networks = [try network("192.0.2.0/28")]
        manifest.bans.ignore = [try network("198.51.100.1")]
        var listener = Listener(name: "mx", kind: .mx)
        listener.proxies = [try network("203.0.113.1")]
        listener.xclients = [try network("203.0.113.2")]
        manifest.listeners = [listener]
        let table = BanKeeper.table(manifest, [], events: NoEvents())
        for text in ["192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.2", "127.0.0.1"] {
            let address = try #require(IPAddress(text))
            for _ in 0..<20 { table.report(.login, by: address) }
            #expect(!table.bans(address))
        }
    }

    @Test func `how long is read as in the manifest`() throws {
        #expect(try BanDuration.parse("1h30m") == 5400)
        for text in ["", "1", "0s", "1y", "-1h", "500ms"] {
            #expect(throws: AdminError.self) { try BanDuration.parse(text) }
        }
    }
}

private struct NoEvents: MailEventSink {
    func record(_ event: MailEvent) {}
}
