import Directory
import IMAPCore
import MailStore
import MailSyntax

// RFC 2087, RFC 9208 §4
extension IMAPSession {
    /// One root for all mailboxes of an account, as Dovecot calls it.
    static let quotaRoot = "User quota"

    /// The root of an account's mailboxes; those of others are told apart by their owner.
    private func quotaRoot(of account: AccountID) throws -> String {
        guard account != (try login().id), let owner = service.store.account(account) else { return Self.quotaRoot }
        return "\(Self.quotaRoot) \(owner.address)"
    }

    func getQuota(_ root: String) async throws -> Completion {
        let login = try login().id
        var account = login
        if root != Self.quotaRoot {
            // RFC 9208 §4.1.1: that of another account, as far as something of it may be read
            let name = root.hasPrefix("\(Self.quotaRoot) ") ? String(root.dropFirst(Self.quotaRoot.utf8.count + 1)) : ""
            guard let owner = service.store.account(named: name), owner.id != login,
                try await service.store.sharedMailboxes(login).contains(where: {
                    $0.owner.id == owner.id && $0.rights.contains(.read)
                })
            else { throw CommandRefusal.no(.nonExistent, "Quota root doesn't exist.") }
            account = owner.id
        }
        let resources = try await quotaResources(of: account)
        guard !resources.isEmpty else { throw CommandRefusal.no(.nonExistent, "Nothing is limited.") }
        encoder.quota(root: try quotaRoot(of: account), resources)
        return .ok("Getquota completed.")
    }

    func getQuotaRoot(_ name: IMAPMailboxName) async throws -> Completion {
        let account = try await resolve(name, needing: .read).account
        let resources = try await quotaResources(of: account)
        // RFC 9208 §4.2.2: zero or more roots. One that limits nothing is none: quota-list of §7 can't be empty, and
        // Thunderbird takes an empty one for a syntax error.
        guard !resources.isEmpty else {
            encoder.quotaRoot(name, roots: [])
            return .ok("Getquotaroot completed.")
        }
        let root = try quotaRoot(of: account)
        encoder.quotaRoot(name, roots: [root])
        encoder.quota(root: root, resources)
        return .ok("Getquotaroot completed.")
    }

    // RFC 9208 §4.1.3: QUOTASET is not offered
    func setQuota() throws -> Completion {
        throw CommandRefusal.no(.noPermission, "Quotas are set by the administrator.")
    }

    /// What is limited for an account, with what it has; empty where nothing is.
    private func quotaResources(of account: AccountID) async throws -> [QuotaResource] {
        let usage = try await service.store.quota(account)
        var resources: [QuotaResource] = []
        // RFC 9208 §4.2.1: a resource without a limit is not listed
        if let limit = usage.limit {
            // RFC 9208 §5.1: units of 1024 octets
            resources.append(
                QuotaResource(
                    name: "STORAGE", usage: UInt64(clamping: (usage.used + 1023) / 1024),
                    limit: UInt64(clamping: limit / 1024)))
        }
        if let limit = usage.messageLimit {
            resources.append(
                QuotaResource(
                    name: "MESSAGE", usage: UInt64(clamping: usage.messages), limit: UInt64(clamping: limit)))
        }
        return resources
    }
}
