package import Directory
package import MailMessage
import SQLEngine
import Synchronization

/// Hears of each message that came into an account, after the commit. Called by whoever delivers: it must be quick.
package typealias DeliveryFollower = @Sendable (AccountID, EmailID) -> Void

/// What a follower needs to catch up with what came while it did not listen.
extension MailStore {
    /// Sets who hears of deliveries; nil for nobody.
    package func follow(_ follower: DeliveryFollower?) {
        self.follower.withLock { $0 = Follower(call: follower) }
    }

    /// Emails after one, in the order of their ids, which is about that of their commits: ids are made before.
    package func emails(after: EmailID, limit: Int) async throws -> [(email: EmailID, account: AccountID)] {
        try await database.read { reader in
            try reader.query(MailStoreStatements.emailAccountsAfter, after, limit) { row in
                (EmailID(rawValue: row.int64(0)), AccountID(rawValue: row.int64(1)))
            }
        }
    }

    /// What is kept beside an email's octets; nil when it is gone.
    package func messageIndex(_ email: EmailID) async throws -> MessageIndex? {
        try await database.read { reader in
            try reader.first(MailStoreStatements.emailForIndexing, email) { row in
                try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1))
            }
        }
    }

    /// Those of some emails that `passes` says yes to, all read at once; what is kept of them and can't be read is left to who
    /// looks closer.
    package func emails(
        _ emails: [EmailID], where passes: @Sendable @escaping (MessageIndex) -> Bool
    ) async throws -> [EmailID] {
        guard !emails.isEmpty else { return [] }
        return try await database.read { reader in
            try emails.filter { email in
                try reader.first(MailStoreStatements.emailForIndexing, email) { row in
                    guard let index = try? MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1)) else {
                        return true
                    }
                    return passes(index)
                } ?? false
            }
        }
    }
}

/// A closure in a struct: kept directly in a generic it would be wrapped once more at each access.
struct Follower: Sendable {
    var call: DeliveryFollower?
}
