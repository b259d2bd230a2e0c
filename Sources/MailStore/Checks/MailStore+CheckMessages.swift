import Blobs
package import Directory
import IMAPCore
import MailMessage
import MailSyntax
import SQLEngine

/// Comparing messages' files with what rows say of them.
extension MailStore {
    /// A message as its rows say it is.
    private struct Checked: Sendable {
        let email: EmailID
        let thread: ThreadID
        let size: Int
        let sentAt: Timestamp?
        let header: [UInt8]
        let parsed: [UInt8]
        let blob: BlobKey
        /// nil: not even a row.
        let record: BlobRecord?
        let isReferenced: Bool

        var index: MessageIndex? { try? MessageIndex.decode(parsed, headerBlock: header) }
        var told: MailCheck.Message { MailCheck.Message(email, index) }
    }

    /// Reads files of an account's messages, and compares their SHA-256 and everything that was made of them.
    ///
    /// - Parameters:
    ///   - after: where an earlier call ended.
    ///   - limit: how many are read.
    package func checkMessages(
        _ account: AccountID, after: EmailID = EmailID(rawValue: 0), limit: Int, repairs: MailCheck.Repairs = []
    ) async throws -> MailCheck {
        var check = MailCheck()
        var unused = 0
        var whole: [EmailID] = []
        var count = 0
        var last = after
        // Rows hold headers: a few at a time.
        while count < limit {
            let unit = min(50, limit - count)
            let page = try await page(account, after: last, limit: unit)
            for message in page {
                last = message.email
                count += 1
                let places = try await database.read { try Self.places($0, message.email) }
                if places.isEmpty {
                    // Unless it has come to be used, or has gone, meanwhile.
                    unused += try await dropUnused(message.email, repairs: repairs) ? 1 : 0
                } else if try await checkMessage(account, message, places, repairs, &check) {
                    whole.append(message.email)
                }
            }
            guard page.count == unit else { break }
            check.next = last
        }
        if count < limit { check.next = nil }
        if unused > 0 { check.findings.append(.unused(count: unused)) }
        if let searchIndex {
            let late = try await searchIndex.late(whole, of: account, now: clock.now())
            if !late.isEmpty {
                check.findings.append(.unindexed(count: late.count))
                if repairs.contains(.mend) { try await searchIndex.take(late) }
            }
        }
        return check
    }

    /// Notes what is wrong with one message; returns whether its file is whole.
    private func checkMessage(
        _ account: AccountID, _ message: Checked, _ places: [MessagePlace], _ repairs: MailCheck.Repairs,
        _ check: inout MailCheck
    ) async throws -> Bool {
        // What was expunged is in nobody's way.
        guard let first = places.first(where: { $0.mailbox != nil }) else { return false }
        check.messages += 1
        var health = BlobHealth.missing
        var scanner = MessageScanner()
        if let record = message.record {
            (health, scanner) = try await blobs.health(of: record, scanner) { $0.consume($1) }
        }
        guard health == .intact else {
            for place in places {
                guard let mailbox = place.mailbox else { continue }
                check.findings.append(
                    health == .missing ? .missing(place.shown, message.told) : .corrupt(place.shown, message.told))
                if repairs.contains(.removeDamaged) {
                    _ = try await expunge(mailbox, uids: [place.shown.uid], onlyDeleted: false)
                }
            }
            return false
        }
        let right = PreparedMessage(blob: message.blob, index: scanner.finish())
        let wrong = try await database.read { try Self.differences($0, account, message, places, right) }
        guard !wrong.isEmpty else { return true }
        check.findings.append(.wrongRows(first.shown, what: wrong))
        if repairs.contains(.mend) { try await rewrite(account, message, places, right) }
        return true
    }

    private func page(_ account: AccountID, after: EmailID, limit: Int) async throws -> [Checked] {
        try await database.read { reader in
            try reader.query(CheckStatements.emails, account, after, limit) { row in
                let key = BlobKey(rawValue: row.int64(1))
                return Checked(
                    email: EmailID(rawValue: row.int64(0)), thread: ThreadID(rawValue: row.int64(2)), size: row.int(3),
                    sentAt: row.isNull(4) ? nil : row.timestamp(4), header: row.bytes(5), parsed: row.bytes(6),
                    blob: key, record: try BlobRows.record(reader, key), isReferenced: !row.isNull(7) && row.int(7) > 0)
            }
        }
    }

    /// An entry of a message, or what is kept of one that was expunged.
    private struct MessagePlace: Sendable {
        let shown: MailCheck.Place
        /// nil: expunged.
        let mailbox: MailboxID?
        let size: Int?
        let thread: ThreadID?
    }

    private static func places(_ reader: any SQLReader, _ email: EmailID) throws -> [MessagePlace] {
        let entries = try reader.query(CheckStatements.places, email) { row in
            let mailbox = MailboxID(rawValue: row.int64(0))
            return MessagePlace(
                shown: MailCheck.Place(
                    path: try path(reader, mailbox), uid: UID(rawValue: row.uint32(1))),
                mailbox: mailbox, size: row.int(2), thread: ThreadID(rawValue: row.int64(3)))
        }
        let removed = try reader.query(CheckStatements.removedPlaces, email) { row in
            MessagePlace(
                shown: MailCheck.Place(path: row.string(0), uid: UID(rawValue: row.uint32(1))), mailbox: nil, size: nil,
                thread: nil)
        }
        return entries + removed
    }

    private static func differences(
        _ reader: any SQLReader, _ account: AccountID, _ message: Checked, _ places: [MessagePlace],
        _ right: PreparedMessage
    ) throws -> [MailCheck.Part] {
        var wrong: [MailCheck.Part] = []
        if message.size != right.size || places.contains(where: { $0.size.map { $0 != right.size } ?? false }) {
            wrong.append(.size)
        }
        // An older version may have coded the same in other octets.
        let isSame =
            message.parsed == right.parsed
            || message.index.map { $0.encode() == right.parsed } ?? false
        if message.header != right.header || message.sentAt != right.sentAt || !isSame { wrong.append(.header) }
        if places.contains(where: { $0.thread.map { $0 != message.thread } ?? false }) { wrong.append(.conversation) }
        if try SortKeyRows.differ(reader, account, message.email, from: right.keys) { wrong.append(.sortKeys) }
        let texts = try reader.first(CheckStatements.text, message.email, FetchText.version) { row in
            row.bytes(0) == right.envelopeText && row.bytes(1) == right.structureText
        }
        if texts == false { wrong.append(.answers) }
        if !message.isReferenced { wrong.append(.reference) }
        return wrong
    }

    /// Writes everything that is made of a message's octets anew.
    private func rewrite(
        _ account: AccountID, _ message: Checked, _ places: [MessagePlace], _ right: PreparedMessage
    ) async throws {
        let email = message.email
        let isRewritten = try await database.write(.bulk) { writer in
            // It may have gone meanwhile.
            guard
                try writer.execute(
                    CheckStatements.setEmail, email, right.size, right.sentAt, right.header, right.parsed) > 0
            else { return false }
            try writer.execute(CheckStatements.setEntries, email, right.size, message.thread)
            try writer.execute(CheckStatements.holdBlob, message.blob)
            try writer.execute(SortKeyStatements.deleteKey, account, email)
            try writer.execute(SortKeyStatements.deleteText, account, email)
            try SortKeyRows.insert(writer, account, email, right.keys)
            try Self.write(writer, email, envelope: right.envelopeText, structure: right.structureText)
            _ = try Self.bump(writer, account)
            return true
        }
        let mailboxes = Set(places.compactMap(\.mailbox))
        if isRewritten { changeFeed.announce(account, mailboxes: mailboxes) }
    }

    /// Lets go of an email that stands nowhere; returns whether it does.
    private func dropUnused(_ email: EmailID, repairs: MailCheck.Repairs) async throws -> Bool {
        guard repairs.contains(.mend) else {
            return try await database.read { reader in
                try reader.first(SortKeyStatements.emailExists, email) { _ in true } != nil
                    && Self.places(reader, email).isEmpty
            }
        }
        let now = clock.now()
        return try await database.write(.bulk) { writer in
            try Self.releaseIfUnused(writer, email, now: now)
            return try writer.first(SortKeyStatements.emailExists, email) { _ in true } == nil
        }
    }
}
