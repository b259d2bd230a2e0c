import Directory
import IMAPCore
import MailStore

// RFC 2087, RFC 9208 §4
extension IMAPSession {
    /// One root for all mailboxes of an account, as Dovecot calls it.
    static let quotaRoot = "User quota"

    func getQuota(_ root: String) async throws -> Completion {
        guard root == Self.quotaRoot else { throw CommandRefusal.no(.nonExistent, "Quota root doesn't exist.") }
        try await answerQuota()
        return .ok("Getquota completed.")
    }

    func getQuotaRoot(_ name: IMAPMailboxName) async throws -> Completion {
        _ = try await resolve(name, needing: .read)
        encoder.quotaRoot(name, roots: [Self.quotaRoot])
        try await answerQuota()
        return .ok("Getquotaroot completed.")
    }

    func setQuota() throws -> Completion {
        throw CommandRefusal.no(.noPermission, "Quotas are set by the administrator.")
    }

    private func answerQuota() async throws {
        let usage = try await service.store.quota(try login().id)
        // RFC 9208 §5.1: STORAGE counts in units of 1024 octets; a resource without a limit is not listed
        let storage = usage.limit.map { limit in
            QuotaResource(
                name: "STORAGE", usage: UInt64(clamping: (usage.used + 1023) / 1024),
                limit: UInt64(clamping: limit / 1024))
        }
        encoder.quota(root: Self.quotaRoot, storage.map { [$0] } ?? [])
    }
}
