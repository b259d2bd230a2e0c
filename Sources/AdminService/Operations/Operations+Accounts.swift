import Directory
import MailConfig
import MailStore
import MailSyntax
import OutboundQueue
import SASLCore

/// Labels of credentials.
enum CredentialLabel {
    /// The password that the operator or the owner set.
    static let password = "password"
    /// What a self-test logs in with.
    static let selfTest = "self-test"
}

extension Operations {
    func accountAdd(_ text: String, password: String, name: String?, quota: Int?) async throws -> AdminResponse {
        let address = try parseAddress(text)
        try DevicePasswords.requireFree(address, manifest)
        if let name { try Self.requireShowable(name) }
        let credentials = try await credentials(password, label: CredentialLabel.password)
        let account = try await directory.addAccount(
            address,
            name: name,
            quota: quota.map { Int64($0) },
            author: author
        )
        do {
            try await directory.replaceCredentials(of: account.id, label: CredentialLabel.password, with: credentials)
            try await stores.prepareMailboxes(of: account)
        } catch {
            // An account without a password is of no use, and the command would be refused when it is run again.
            // The first error is the one to tell.
            try? await stores.removeMail(of: account)
            try? await directory.removeAccount(address, author: author)
            throw error
        }
        return .done(lines: ["account \(account.address) added"])
    }

    /// The most octets of a person's name.
    private static let longestName = 256

    private static func requireShowable(_ name: String) throws {
        let isControl = { (scalar: Unicode.Scalar) in scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) }
        guard name.utf8.count <= longestName, !name.unicodeScalars.contains(where: isControl) else {
            throw AdminError(
                .data,
                "the name is longer than \(longestName) octets or holds control characters",
                remedy: "write it on one line"
            )
        }
    }

    func accountList() async throws -> [AccountSummary] {
        var list: [AccountSummary] = []
        let grants = Dictionary(grouping: directory.snapshot.sendGrants, by: \.account)
        for account in directory.snapshot.accounts {
            let usage = try await stores.usage(of: account)
            list.append(
                AccountSummary(
                    address: account.address.description,
                    name: account.name,
                    enabled: account.isEnabled,
                    quota: account.quota.map { Int($0) },
                    used: usage.octets,
                    messages: usage.messages,
                    senders: grants[account.id]?.map(\.sender.description) ?? []
                )
            )
        }
        return list
    }

    func accountPassword(_ text: String, _ password: String) async throws -> AdminResponse {
        let account = try requireAccount(text)
        let credentials = try await credentials(password, label: CredentialLabel.password)
        try await directory.replaceCredentials(of: account.id, label: CredentialLabel.password, with: credentials)
        return .done(lines: ["the password of \(account.address) is set"])
    }

    func accountQuota(_ text: String, _ quota: Int?) async throws -> AdminResponse {
        let account = try requireAccount(text)
        try await directory.setQuota(account.address, quota.map { Int64($0) }, author: author)
        let words = quota.map { Readable.size($0) } ?? "unlimited"
        return .done(lines: ["the quota of \(account.address) is \(words)"])
    }

    func accountRemove(_ text: String) async throws -> AdminResponse {
        let account = try requireAccount(text)
        try await remove(account)
        return .done(lines: ["account \(account.address) and its mail are removed"])
    }

    func remove(_ account: Account) async throws {
        try directory.requireRemovable(account.address)
        // First nobody can log in or send to it any more, then the mail goes.
        try await directory.setEnabled(account.address, false, author: author)
        try await stores.removeMail(of: account)
        // What waits for it is returned now: released later it would find nobody, and its sender would hear late.
        try await stores.queue.endWait(account: account.id.rawValue)
        try await directory.removeAccount(account.address, author: author)
    }

    func accountSetEnabled(_ text: String, _ isEnabled: Bool) async throws -> AdminResponse {
        let account = try requireAccount(text)
        let word = isEnabled ? "enabled" : "disabled"
        guard account.isEnabled != isEnabled else { return .done(lines: ["\(account.address) is \(word) already"]) }
        try await directory.setEnabled(account.address, isEnabled, author: author)
        if !isEnabled { try await stores.mail.wakeSessions(of: account.id) }
        return .done(lines: ["\(account.address) is \(word)"])
    }

    /// What is kept of a password: a hash and, unless `logins.scram` is off, a verifier; never the password.
    func credentials(_ password: String, label: String) async throws -> [NewCredential] {
        let secret = Secret(password)
        let hash = NewCredential(kind: .password, value: try await PasswordHash.make(secret), label: label)
        guard manifest.logins.scram else { return [hash] }
        let verifier = try await PasswordHash.makeSCRAMVerifier(secret)
        return [hash, NewCredential(kind: .scramSHA256, value: verifier.text, label: label)]
    }
}
