import Directory
import SQLEngine
import Synchronization

/// What an operator may set about the mail that is kept.
package struct MailStoreSettings: Sendable, Hashable {
    /// Messages that one account may keep; nil is unlimited.
    package var messageLimit: Int?
    /// How long an expunged message can be brought back; zero doesn't keep it.
    package var undelete: Duration = .zero
    /// How long it is remembered which UIDs went, for clients that synchronise (RFC 7162 §3.2.5).
    package var tombstones: Duration = .seconds(90 * 86_400)

    package init() {}
}

extension MailStore {
    /// What holds from now on.
    package var settings: MailStoreSettings {
        get { currentSettings.withLock { $0 } }
        set { currentSettings.withLock { $0 = newValue } }
    }

    /// What an account may keep.
    struct Room: Sendable {
        /// Octets; nil is unlimited.
        let octets: Int64?
        let messages: Int?

        /// - Throws: `.overQuota` where as much more doesn't fit.
        func check(_ reader: any SQLReader, _ account: AccountID, octets more: Int64, messages added: Int) throws {
            guard octets != nil || messages != nil else { return }
            let state = try reader.first(MailStoreStatements.accountState, account) { ($0.int64(0), $0.int(1)) }
            let (used, count) = state ?? (0, 0)
            if let octets, used + more > octets { throw MailStoreError.overQuota }
            if let messages, count + added > messages { throw MailStoreError.overQuota }
        }
    }

    func room(_ account: AccountID) -> Room {
        Room(octets: directory.snapshot.account(id: account)?.quota, messages: settings.messageLimit)
    }
}
