import Blobs
package import Directory
package import MailSyntax
import SQLEngine

/// What is wrong with an account's mail.
package struct MailCheck: Sendable {
    package enum Finding: Sendable, Hashable {
        /// A mailbox whose row says other numbers than there are messages; nil for the account's own.
        case wrongCounts(path: String?)
        /// A message whose file is not there.
        case missing(EmailID, path: String, UID)
        /// A message whose file holds other octets than were kept.
        case corrupt(EmailID, path: String, UID)
    }

    package var findings: [Finding] = []
    /// Messages whose files were read.
    package var messages = 0
    /// The email to go on after; nil at the end.
    package var next: EmailID?
}

/// Comparing what stands in rows with what is there.
extension MailStore {
    fileprivate struct Counts: Sendable, Equatable {
        var messages = 0
        var unseen = 0
        var deleted = 0
        var size: Int64 = 0
    }

    /// Counts every mailbox of an account anew.
    /// - Parameter repairs: whether what is wrong is put right.
    /// - Returns: what was wrong.
    package func recount(_ account: AccountID, repairs: Bool) async throws -> [MailCheck.Finding] {
        var findings: [MailCheck.Finding] = []
        for info in try await mailboxes(account) {
            let isWrong = try await database.read { try Self.difference($0, info.id) != nil }
            guard isWrong else { continue }
            findings.append(.wrongCounts(path: info.path))
            guard repairs else { continue }
            let modSeq = try await database.write(.bulk) { writer -> ModSequence? in
                guard let right = try Self.difference(writer, info.id) else { return nil }
                let modSeq = try Self.bump(writer, account)
                try writer.execute(
                    CheckStatements.setCounts, info.id, right.messages, right.unseen, right.deleted, right.size)
                return modSeq
            }
            if let modSeq { changeFeed.announce(account, mailboxes: [info.id], modSeq) }
        }
        let isWrong = try await database.read { try Self.usageIsWrong($0, account) }
        if isWrong {
            findings.append(.wrongCounts(path: nil))
            if repairs { try await database.write(.bulk) { try $0.execute(CheckStatements.setUsage, account) } }
        }
        return findings
    }

    /// What a mailbox's row should say; nil where it says so.
    private static func difference(_ reader: any SQLReader, _ mailbox: MailboxID) throws -> Counts? {
        let counted = try reader.first(CheckStatements.count, mailbox) { Counts($0) } ?? Counts()
        let stored = try reader.first(CheckStatements.stored, mailbox) { Counts($0) } ?? Counts()
        return counted == stored ? nil : counted
    }

    private static func usageIsWrong(_ reader: any SQLReader, _ account: AccountID) throws -> Bool {
        let counted = try reader.first(CheckStatements.usage, account) { ($0.int64(0), $0.int(1)) } ?? (0, 0)
        let stored = try reader.first(MailStoreStatements.accountState, account) { ($0.int64(0), $0.int(1)) } ?? (0, 0)
        return counted != stored
    }

    /// Reads files of an account's messages and compares them with their SHA-256.
    ///
    /// - Parameters:
    ///   - after: where an earlier call ended.
    ///   - limit: how many are read.
    ///   - repairs: whether messages whose files are missing are taken out of their mailboxes. Corrupt ones stay: most
    ///     of their octets may be right.
    package func checkFiles(
        _ account: AccountID, after: EmailID = EmailID(rawValue: 0), limit: Int, repairs: Bool
    ) async throws -> MailCheck {
        var check = MailCheck()
        let page = try await database.read { reader in
            try reader.query(CheckStatements.emails, account, after, limit) { row in
                (EmailID(rawValue: row.int64(0)), try BlobRows.record(reader, BlobKey(rawValue: row.int64(1))))
            }
        }
        for (email, record) in page {
            check.messages += 1
            let health: BlobHealth
            if let record { health = try await blobs.health(of: record) } else { health = .missing }
            guard health != .intact else { continue }
            let places = try await database.read { reader in
                try reader.query(CheckStatements.places, email) {
                    (MailboxID(rawValue: $0.int64(0)), UID(rawValue: $0.uint32(1)))
                }
            }
            for (mailbox, uid) in places {
                let path = try await database.read { try Self.path($0, mailbox) }
                check.findings.append(
                    health == .missing ? .missing(email, path: path, uid) : .corrupt(email, path: path, uid))
                if repairs, health == .missing { _ = try await expunge(mailbox, uids: [uid], onlyDeleted: false) }
            }
        }
        check.next = page.count < limit ? nil : page.last?.0
        return check
    }

    /// Removes messages that came into a mailbox before a time.
    /// - Parameter limit: how many at most.
    /// - Returns: how many went.
    package func expunge(_ mailbox: MailboxID, savedBefore time: Timestamp, limit: Int) async throws -> Int {
        var count = 0
        var last: UInt32 = 0
        while count < limit {
            let uids = try await database.read { [last] reader in
                try reader.query(CheckStatements.savedBefore, mailbox, time, last, Self.unitLimit) {
                    UID(rawValue: $0.uint32(0))
                }
            }
            guard let final = uids.last else { break }
            last = final.rawValue
            count += try await expunge(mailbox, uids: uids, onlyDeleted: false).count
        }
        return count
    }
}

extension MailStore.Counts {
    fileprivate init(_ row: borrowing SQLRow) {
        self.init(messages: row.int(0), unseen: row.int(1), deleted: row.int(2), size: row.int64(3))
    }
}

enum CheckStatements {
    static let count = SQLStatement(
        """
        SELECT COUNT(*), COALESCE(SUM(1 - (flags & 1)), 0), COALESCE(SUM((flags & 8) / 8), 0), COALESCE(SUM(size), 0)
        FROM entry WHERE mailbox_id = $1
        """)
    static let stored = SQLStatement("SELECT messages, unseen, deleted, size FROM mailbox WHERE id = $1")
    static let setCounts = SQLStatement(
        "UPDATE mailbox SET messages = $2, unseen = $3, deleted = $4, size = $5 WHERE id = $1")
    static let usage = SQLStatement(
        """
        SELECT COALESCE(SUM(e.size), 0), COUNT(*) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id
        WHERE m.account_id = $1
        """)
    static let setUsage = SQLStatement(
        """
        UPDATE account_state SET
            used = (SELECT COALESCE(SUM(e.size), 0) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id
                WHERE m.account_id = $1),
            messages = (SELECT COUNT(*) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id WHERE m.account_id = $1)
        WHERE account_id = $1
        """)
    static let emails = SQLStatement(
        "SELECT id, blob_id FROM email WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    static let places = SQLStatement("SELECT mailbox_id, uid FROM entry WHERE email_id = $1")
    static let savedBefore = SQLStatement(
        "SELECT uid FROM entry WHERE mailbox_id = $1 AND saved_at < $2 AND uid > $3 ORDER BY uid LIMIT $4")

    static let all = [count, stored, setCounts, usage, setUsage, emails, places, savedBefore]
}
