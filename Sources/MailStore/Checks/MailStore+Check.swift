import Blobs
package import Directory
package import MailSyntax
import SQLEngine

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
            let isMended = try await database.write(.bulk) { writer in
                guard let right = try Self.difference(writer, info.id) else { return false }
                _ = try Self.bump(writer, account)
                try writer.execute(
                    CheckStatements.setCounts, info.id, right.messages, right.unseen, right.deleted, right.size)
                return true
            }
            if isMended { changeFeed.announce(account, mailboxes: [info.id]) }
        }
        let isWrong = try await database.read { try Self.usageIsWrong($0, account) }
        if isWrong {
            findings.append(.wrongCounts(path: nil))
            if repairs { try await database.write(.bulk) { try $0.execute(CheckStatements.setUsage, account) } }
        }
        return findings
    }

    /// Looks for mailboxes that nobody sees, numbers that would be given twice, and keywords without messages.
    package func checkMailboxes(_ account: AccountID, repairs: Bool) async throws -> [MailCheck.Finding] {
        var findings = try await checkParents(account, repairs: repairs)
        for info in try await mailboxes(account) {
            if try await isWrong(CheckStatements.numbersAreWrong, info.id) {
                findings.append(.wrongNumbers(path: info.path))
                if repairs { try await mend(account, info.id, [CheckStatements.setNumbers]) }
            }
            if try await isWrong(CheckStatements.keywordsAreWrong, info.id) {
                findings.append(.wrongKeywords(path: info.path))
                if repairs {
                    try await mend(
                        account, info.id, [CheckStatements.deleteStrayKeywords, CheckStatements.noteKeywords])
                }
            }
        }
        let isWrong = try await database.read { reader in
            try reader.first(CheckStatements.accountNumbersAreWrong, account) { _ in true } ?? false
        }
        if isWrong {
            findings.append(.wrongNumbers(path: nil))
            if repairs {
                try await database.write(.bulk) { try $0.execute(CheckStatements.setAccountNumbers, account) }
            }
        }
        return findings
    }

    private func isWrong(_ statement: SQLStatement, _ mailbox: MailboxID) async throws -> Bool {
        try await database.read { try $0.first(statement, mailbox) { _ in true } ?? false }
    }

    private func mend(_ account: AccountID, _ mailbox: MailboxID, _ statements: [SQLStatement]) async throws {
        try await database.write(.bulk) { writer in
            for statement in statements { try writer.execute(statement, mailbox) }
            _ = try Self.bump(writer, account)
        }
        changeFeed.announce(account, mailboxes: [mailbox])
    }

    /// A mailbox whose parent went comes to the first level, under a name that tells where it is from.
    private func checkParents(_ account: AccountID, repairs: Bool) async throws -> [MailCheck.Finding] {
        let lost = try await database.read { reader in
            try reader.query(CheckStatements.lostMailboxes, account) {
                (MailboxID(rawValue: $0.int64(0)), $0.string(1), $0.int(2))
            }
        }
        for (id, name, _) in lost where repairs {
            try await database.write(.bulk) { writer in
                let modSeq = try Self.bump(writer, account)
                let here = "\(name) (recovered \(id.rawValue))"
                try writer.execute(MailStoreStatements.moveMailbox, id, 0, here, modSeq)
            }
            changeFeed.announce(account, mailboxes: [id], kinds: [.mailboxes])
        }
        return lost.map { .lostMailbox(name: $0.1, messages: $0.2) }
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
