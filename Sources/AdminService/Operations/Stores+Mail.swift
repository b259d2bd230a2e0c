import Directory
import MailConfig
import MailStore

/// An account's mail in numbers.
struct MailUsage: Sendable {
    var octets: Int
    var messages: Int
}

extension MailStoreSettings {
    init(_ manifest: Manifest) {
        self.init()
        undelete = manifest.storage.undelete
        tombstones = manifest.storage.expungeRecords
        messageLimit = manifest.storage.messagesPerAccount
    }
}

extension Stores {
    func prepareMailboxes(of account: Account) async throws {
        try await mail.prepareAccount(account.id)
    }

    func usage(of account: Account) async throws -> MailUsage {
        let usage = try await mail.quota(account.id)
        return MailUsage(octets: Int(usage.used), messages: usage.messages)
    }

    func removeMail(of account: Account) async throws {
        try await mail.removeAccountMail(account.id)
    }
}
