package import MailSyntax
import SQLEngine

/// A site that is left alone for a while: a destination or a route's hosts that failed.
package struct SuspendedSite: Sendable, Hashable {
    package var name: String
    /// Times in a row that it was found dead.
    package var failures: Int
    /// When it failed first.
    package var since: Timestamp
    package var retryAt: Timestamp
    package var reply: DeliveryReply

    package init(name: String, failures: Int, since: Timestamp, retryAt: Timestamp, reply: DeliveryReply) {
        self.name = name
        self.failures = failures
        self.since = since
        self.retryAt = retryAt
        self.reply = reply
    }
}

/// A leased recipient that is to wait for a site.
package struct ParkedRecipient: Sendable, Hashable {
    package var id: RecipientID
    package var site: String
    /// When it is looked at even if the site is still down: at its expiry, or for the report of delay.
    package var overdueAt: Timestamp
    /// What the site said; nil keeps what there is.
    package var reply: DeliveryReply?

    package init(id: RecipientID, site: String, overdueAt: Timestamp, reply: DeliveryReply? = nil) {
        self.id = id
        self.site = site
        self.overdueAt = overdueAt
        self.reply = reply
    }
}

// What waits for a site costs nothing until the site has room: it is neither leased nor looked at.
extension OutboundQueue {
    /// Gives leased recipients back to wait for their site, with one write. Attempts are not counted.
    package func park(_ recipients: [ParkedRecipient]) async throws {
        guard !recipients.isEmpty else { return }
        defer { release(recipients.lazy.map(\.id)) }
        try await database.write { writer in
            for recipient in recipients {
                let reply = recipient.reply
                try writer.execute(
                    SiteStatements.park, recipient.id, recipient.site, recipient.overdueAt, reply?.code,
                    reply?.status.description, reply?.text, reply?.host)
            }
        }
        if let next = recipients.lazy.map(\.overdueAt).min() { wake(.due(next)) }
    }

    /// Leases recipients that wait for a site: interactive before bulk, then in the order they came.
    package func leaseParked(
        on site: String, limit: Int, for duration: Duration = OutboundQueue.leaseDuration
    ) async throws -> [DeliveryJob] {
        let until = clock.now().adding(duration)
        return try await leaseJobs { [node] writer in
            try writer.query(SiteStatements.lease, site, until, node, limit, map: { QueueRows.recipient($0) })
        }
    }

    /// Leases recipients that wait for a site and have to be looked at even so.
    package func leaseOverdue(
        limit: Int, for duration: Duration = OutboundQueue.leaseDuration
    ) async throws -> [DeliveryJob] {
        let now = clock.now()
        return try await leaseJobs { [node] writer in
            try writer.query(
                SiteStatements.leaseOverdue, now, now.adding(duration), node, limit, map: { QueueRows.recipient($0) })
        }
    }

    /// When ``leaseOverdue(limit:for:)`` next has something; nil when nothing waits for a site.
    package func nextOverdue() async throws -> Timestamp? {
        try await nextTimes().overdue
    }

    /// The sites that something waits for. One step in the index for each.
    package func parkedSites() async throws -> [String] {
        try await database.read { reader in
            var names: [String] = []
            while let name = try reader.first(
                SiteStatements.nextParked, names.last ?? "", map: { $0.optionalString(0) }) ?? nil
            {
                names.append(name)
            }
            return names
        }
    }

    /// Lets everything that waits for a site be due, in pieces: the way out may have changed. Returns how many.
    package func unparkAll() async throws -> Int {
        let now = clock.now()
        var moved = 0
        while true {
            let count = try await database.write(.bulk) { try $0.execute(SiteStatements.unpark, now, 500) }
            moved += count
            if count < 500 { return moved }
        }
    }

    /// Remembers that a site is down.
    package func suspend(_ site: SuspendedSite) async throws {
        let reply = site.reply
        try await database.write { writer in
            _ = try writer.execute(
                SiteStatements.suspend, site.name, site.failures, site.since, site.retryAt, reply.code,
                reply.status.description, reply.text, reply.host)
        }
    }

    /// Forgets that a site was down.
    package func revive(_ name: String) async throws {
        try await database.write { _ = try $0.execute(SiteStatements.revive, name) }
    }

    /// The sites that are known to be down, also those that are about to be tried again.
    package func suspendedSites() async throws -> [SuspendedSite] {
        try await database.read { reader in
            try reader.query(SiteStatements.sites) { row in
                SuspendedSite(
                    name: row.string(0), failures: row.int(1), since: row.timestamp(2), retryAt: row.timestamp(3),
                    reply: DeliveryReply(
                        code: row.optionalInt64(4).map { Int($0) },
                        status: EnhancedStatusCode(parsing: row.string(5)) ?? EnhancedStatusCode(4, 0, 0),
                        text: row.string(6), host: row.optionalString(7)))
            }
        }
    }

    /// Forgets sites that nothing has waited for since a day, and counts of days that are over.
    package func forgetSites(today: Int) async throws {
        let before = clock.now().adding(.seconds(-86400))
        try await database.write(.bulk) { writer in
            try writer.execute(SiteStatements.forget, before)
            _ = try writer.execute(SiteStatements.forgetWarmUp, today - 7)
        }
    }

    /// Messages that routes with a warm-up have taken on a day, by route.
    package func warmUpCounts(day: Int) async throws -> [String: Int] {
        let counts = try await database.read { reader in
            try reader.query(SiteStatements.warmUp, day) { ($0.string(0), $0.int(1)) }
        }
        return Dictionary(counts) { first, _ in first }
    }
}
