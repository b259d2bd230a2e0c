import MailSyntax
import Testing

@testable import NetTransport

@Suite struct BanLedgerTests {
    private static let start = Timestamp(seconds: 1_800_000_000)

    private static func rules(_ adjust: (inout BanRules) -> Void = { _ in }) -> BanRules {
        var rules = BanRules()
        rules.failures = 3
        rules.networkAfter = 2
        adjust(&rules)
        return rules
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    /// Offends until there is a ban, at most ten times.
    private func offend(_ ledger: inout BanLedger, _ address: IPAddress, at now: Timestamp) -> [Ban] {
        for _ in 0..<10 {
            let bans = ledger.report(.login, by: address, at: now)
            if !bans.isEmpty { return bans }
        }
        return []
    }

    @Test func `so many offences in the window ban, one fewer or slower ones don't`() throws {
        let client = try address("192.0.2.1")
        var ledger = BanLedger(rules: Self.rules())
        var early = ledger.report(.login, by: client, at: Self.start)
        early += ledger.report(.relaying, by: client, at: Self.start.adding(.seconds(1)))
        // The first is out of the window by now.
        early += ledger.report(.login, by: client, at: Self.start.adding(.seconds(600)))
        #expect(early.isEmpty)
        #expect(ledger.ban(of: client, at: Self.start.adding(.seconds(600))) == nil)
        let bans = ledger.report(.errors, by: client, at: Self.start.adding(.seconds(600)))
        let ban = try #require(bans.first)
        #expect(ban.network.description == "192.0.2.1" && ban.reason == "too many errors" && ban.count == 1)
        #expect(ledger.ban(of: client, at: Self.start.adding(.seconds(4199))) == ban)
        #expect(ledger.ban(of: client, at: Self.start.adding(.seconds(4200))) == nil)
        #expect(ledger.ban(of: try address("192.0.2.2"), at: Self.start.adding(.seconds(601))) == nil)
    }

    @Test func `each further ban is twice as long, up to the longest, and forgotten long after`() throws {
        let client = try address("192.0.2.1")
        var ledger = BanLedger(rules: Self.rules { $0.longest = .seconds(4 * 3600) })
        var now = Self.start
        var lengths: [Int64] = []
        for _ in 0..<5 {
            let ban = try #require(offend(&ledger, client, at: now).first)
            let until = try #require(ban.until)
            lengths.append(until.since(ban.since).components.seconds)
            now = until
        }
        #expect(lengths == [3600, 7200, 14400, 14400, 14400])
        let before = ledger.sweep(at: now.adding(.seconds(4 * 3600 - 1)))
        let after = ledger.sweep(at: now.adding(.seconds(4 * 3600)))
        #expect(before.isEmpty && after.map(\.description) == ["192.0.2.1"])
        #expect(ledger.isEmpty)
        #expect(offend(&ledger, client, at: now.adding(.seconds(5 * 3600))).first?.count == 1)
    }

    @Test func `an IPv6 client is its 64 bits, and banned neighbours ban their network`() throws {
        var ledger = BanLedger(rules: Self.rules())
        let first = offend(&ledger, try address("2001:db8:0:1::1"), at: Self.start)
        #expect(first.map(\.network.description) == ["2001:db8:0:1::/64"])
        #expect(ledger.ban(of: try address("2001:db8:0:1:ffff::9"), at: Self.start) != nil)
        let second = offend(&ledger, try address("2001:db8:0:2::1"), at: Self.start)
        #expect(second.map(\.network.description) == ["2001:db8:0:2::/64", "2001:db8::/48"])
        #expect(ledger.ban(of: try address("2001:db8:0:3::1"), at: Self.start)?.reason == "2 banned addresses")
        #expect(ledger.ban(of: try address("2001:db8:1::1"), at: Self.start) == nil)
        _ = offend(&ledger, try address("192.0.2.1"), at: Self.start)
        #expect(offend(&ledger, try address("192.0.2.200"), at: Self.start).last?.network.description == "192.0.2.0/24")
    }

    @Test func `loopback, exempt networks and who has just logged in are never banned`() throws {
        var ledger = BanLedger(
            rules: Self.rules { $0.exempt = [IPNetwork("198.51.100.0/24")].compactMap(\.self) })
        for text in ["127.0.0.9", "::1", "198.51.100.7"] {
            #expect(offend(&ledger, try address(text), at: Self.start).isEmpty)
        }
        let client = try address("192.0.2.1")
        _ = ledger.report(.login, by: client, at: Self.start)
        _ = ledger.report(.login, by: client, at: Self.start)
        ledger.loggedIn(client, at: Self.start)
        #expect(offend(&ledger, client, at: Self.start.adding(.seconds(599))).isEmpty)
        #expect(!offend(&ledger, client, at: Self.start.adding(.seconds(600))).isEmpty)
    }

    @Test func `an exempt address in a banned network gets in, but not past an operator's ban`() throws {
        var ledger = BanLedger(rules: Self.rules { $0.exempt = [IPNetwork("192.0.2.9")].compactMap(\.self) })
        _ = offend(&ledger, try address("192.0.2.1"), at: Self.start)
        _ = offend(&ledger, try address("192.0.2.2"), at: Self.start)
        #expect(ledger.ban(of: try address("192.0.2.3"), at: Self.start) != nil)
        #expect(ledger.ban(of: try address("192.0.2.9"), at: Self.start) == nil)
        let network = try #require(IPNetwork("192.0.0.0/16"))
        ledger.add(Ban(network: network, since: Self.start, until: nil, reason: "x", count: 1, isManual: true))
        #expect(ledger.ban(of: try address("192.0.2.9"), at: Self.start)?.network == network)
        #expect(ledger.ban(of: try address("192.0.77.9"), at: Self.start.adding(.seconds(1_000_000_000))) != nil)
        let removals = [ledger.remove(network), ledger.remove(network)]
        #expect(removals == [true, false])
        #expect(ledger.ban(of: try address("192.0.77.9"), at: Self.start) == nil)
    }

    @Test func `switched off, only an operator bans`() throws {
        var ledger = BanLedger(rules: Self.rules { $0.isEnabled = false })
        let client = try address("192.0.2.1")
        #expect(offend(&ledger, client, at: Self.start).isEmpty)
        ledger.add(
            Ban(
                network: BanRules.client(client), since: Self.start, until: nil, reason: "x", count: 1, isManual: true))
        #expect(ledger.ban(of: client, at: Self.start) != nil)
    }

    @Test func `a flood of addresses is held in bounds`() throws {
        var ledger = BanLedger(rules: Self.rules { $0.memory = 100 })
        for number in 0..<1000 {
            let client = try #require(IPAddress(bytes: [10, 0, UInt8(number / 256), UInt8(number % 256)]))
            _ = ledger.report(.login, by: client, at: Self.start.adding(.seconds(number)))
            ledger.loggedIn(client, at: Self.start)
        }
        let last = try #require(IPAddress(bytes: [10, 0, 3, 231]))
        #expect(offend(&ledger, last, at: Self.start.adding(.seconds(1600))).first?.network.base == last)
    }

    @Test func `what changed is handed out once, and again when it could not be written`() throws {
        let table = BanTable(rules: Self.rules()) { Self.start }
        let client = try address("192.0.2.1")
        for _ in 0..<3 { table.report(.login, by: client) }
        #expect(table.bans(client))
        let changes = table.takeChanges()
        #expect(changes.changed.map(\.network.description) == ["192.0.2.1"])
        #expect(table.takeChanges().isEmpty)
        table.giveBack(changes)
        #expect(table.takeChanges().changed == changes.changed)
        #expect(table.remove(BanRules.client(client)))
        #expect(table.takeChanges().removed == [BanRules.client(client)])
        #expect(!table.bans(client))
    }
}
