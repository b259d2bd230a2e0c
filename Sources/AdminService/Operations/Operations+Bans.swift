import Directory
import MailSyntax
import NetTransport
import SQLEngine

// Who is kept out. A running server's table is asked; without one its rows are.
extension Operations {
    private var banStore: BanStore { BanStore(database: stores.database) }

    func banList() async throws -> [BanSummary] {
        let bans = if let server { server.bans.list() } else { try await storedBans() }
        return bans.map { ban in
            BanSummary(
                network: ban.network.description, since: Self.time(ban.since), until: ban.until.map(Self.time),
                reason: ban.reason, count: ban.count, isManual: ban.isManual)
        }
    }

    private func storedBans() async throws -> [Ban] {
        let now = SystemClock().now()
        return try await banStore.load().map(Ban.init).filter { $0.holds(at: now) }
    }

    func banAdd(_ texts: [String], seconds: Int?, reason: String?) async throws -> AdminResponse {
        let networks = try texts.map(parseNetwork)
        let duration = seconds.map { Duration.seconds($0) }
        let reason = reason ?? "by an operator"
        for network in networks {
            if let server {
                server.bans.add(network, for: duration, reason: reason)
            } else {
                let now = SystemClock().now()
                let ban = StoredBan(
                    network: network, begunAt: now, endsAt: duration.map { now.adding($0) }, reason: reason, count: 1,
                    isManual: true)
                try await banStore.write([ban], removing: [])
            }
        }
        try await keepBans()
        let end = seconds.map { "for \(Readable.duration(.seconds($0)))" } ?? "until it is removed"
        return .done(lines: networks.map { "\($0) is banned \(end)" })
    }

    func banRemove(_ texts: [String]) async throws -> AdminResponse {
        let networks = try texts.map(parseNetwork)
        for network in networks {
            let isKnown: Bool
            if let server {
                isKnown = server.bans.remove(network)
            } else {
                isKnown = try await banStore.load().contains { $0.network == network }
                try await banStore.write([], removing: [network])
            }
            guard isKnown else {
                try await keepBans()
                throw AdminError(.noInput, "\(network) is not banned", remedy: "see: martlet ban list")
            }
        }
        try await keepBans()
        return .done(lines: networks.map { "\($0) is not banned any more" })
    }

    /// What an operator does is on the disk when it is answered.
    private func keepBans() async throws {
        guard let table = server?.bans else { return }
        let changes = table.takeChanges()
        guard !changes.isEmpty else { return }
        do {
            try await banStore.write(changes.changed.map(StoredBan.init), removing: changes.removed)
        } catch {
            table.giveBack(changes)
            throw error
        }
    }

    private func parseNetwork(_ text: String) throws -> IPNetwork {
        guard let network = IPNetwork(text) else {
            throw AdminError(
                .data, "\"\(text)\" is not an address or a network", remedy: "write it as 192.0.2.1 or 192.0.2.0/24")
        }
        // A client with IPv6 has a whole /64 to come from.
        guard network.base.isV6, network.prefixLength > 64 else { return network }
        return IPNetwork(network.base, prefixLength: 64)
    }
}
