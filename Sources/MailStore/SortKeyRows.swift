package import Directory
import MailMessage
import MailSyntax
package import SQLEngine

/// The rows of what SORT, THREAD and searches of the usual fields read instead of headers.
///
/// They are written with each delivery. An email without them (from an older version) is read when it is needed, so that
/// answers are right before ``SortKeyFiller`` is through.
enum SortKeyRows {
    static let narrow = Table(
        "message_key",
        columns: [
            .int("account_id").belonging(to: "account"),
            .int("email_id"),
            .int("sent_at").nullable,
            .int("sent_day").nullable,
            .int("subject_hash"),
            .int("is_reply").checking("is_reply IN (0, 1)"),
            .int("message_hash").nullable,
            .blob("cited"),
        ],
        primaryKey: ["account_id", "email_id"], clustered: true)

    static let wide = Table(
        "message_text",
        columns: [
            .int("account_id").belonging(to: "account"),
            .int("email_id"),
            .blob("subject_key"),
            .blob("from_key"),
            .blob("to_key"),
            .blob("cc_key"),
            .blob("from_name"),
            .blob("to_name"),
            .blob("from_text").nullable,
            .blob("to_text").nullable,
            .blob("cc_text").nullable,
            .blob("bcc_text").nullable,
            .blob("subject_text").nullable,
        ],
        primaryKey: ["account_id", "email_id"], clustered: true)

    static let progress = Table(
        "search_progress", columns: [.text("name"), .int("value")], primaryKey: ["name"])

    static func insert(
        _ writer: any SQLWriter, _ account: AccountID, _ email: EmailID, _ keys: SortKeys
    ) throws {
        try writer.execute(
            SortKeyStatements.insertKey, account, email, keys.sentAt, keys.sentDay, keys.subjectHash,
            keys.isReplyOrForward, keys.messageID, pack(keys.references))
        let texts = keys.texts
        try writer.execute(
            SortKeyStatements.insertText, account, email, keys.subject, keys.from, keys.to, keys.cc, keys.displayFrom,
            keys.displayTo, texts.from, texts.to, texts.cc, texts.bcc, texts.subject)
    }

    /// Whether rows are there that say something else than `keys`.
    static func differ(
        _ reader: any SQLReader, _ account: AccountID, _ email: EmailID, from keys: SortKeys
    ) throws -> Bool {
        let narrow = try reader.first(SortKeyStatements.key, account, email) { row in
            (row.isNull(0) ? nil : row.timestamp(0)) == keys.sentAt
                && (row.isNull(1) ? nil : row.int(1)) == keys.sentDay && row.int64(2) == keys.subjectHash
                && row.bool(3) == keys.isReplyOrForward && (row.isNull(4) ? nil : row.int64(4)) == keys.messageID
                && row.bytes(5) == pack(keys.references)
        }
        let texts = keys.texts
        let columns: [[UInt8]?] = [
            keys.subject, keys.from, keys.to, keys.cc, keys.displayFrom, keys.displayTo, texts.from, texts.to,
            texts.cc, texts.bcc, texts.subject,
        ]
        let wide = try reader.first(SortKeyStatements.text, account, email) { row in
            columns.indices.allSatisfy { (row.isNull($0) ? nil : row.bytes($0)) == columns[$0] }
        }
        return narrow == false || wide == false
    }

    private static func pack(_ hashes: [Int64]) -> [UInt8] {
        var packed: [UInt8] = []
        packed.reserveCapacity(hashes.count * 8)
        for hash in hashes {
            let bits = UInt64(bitPattern: hash)
            for shift in stride(from: 0, to: 64, by: 8) {
                packed.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
            }
        }
        return packed
    }

    static func unpack(_ packed: UnsafeRawBufferPointer) -> [Int64] {
        let count = packed.count / 8
        guard count > 0 else { return [] }
        return (0..<count).map { Int64(littleEndian: packed.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
    }
}

/// Every statement on the rows of ``SortKeyRows``.
enum SortKeyStatements {
    static let insertKey = SQLStatement(
        """
        INSERT INTO message_key (account_id, email_id, sent_at, sent_day, subject_hash, is_reply, message_hash, cited)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, email_id) DO NOTHING
        """)
    static let insertText = SQLStatement(
        """
        INSERT INTO message_text (account_id, email_id, subject_key, from_key, to_key, cc_key, from_name, to_name,
            from_text, to_text, cc_text, bcc_text, subject_text)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (account_id, email_id) DO NOTHING
        """)
    static let key = SQLStatement(
        """
        SELECT sent_at, sent_day, subject_hash, is_reply, message_hash, cited FROM message_key
        WHERE account_id = $1 AND email_id = $2
        """)
    static let text = SQLStatement(
        """
        SELECT subject_key, from_key, to_key, cc_key, from_name, to_name, from_text, to_text, cc_text, bcc_text,
            subject_text
        FROM message_text WHERE account_id = $1 AND email_id = $2
        """)
    static let deleteKey = SQLStatement("DELETE FROM message_key WHERE account_id = $1 AND email_id = $2")
    static let deleteText = SQLStatement("DELETE FROM message_text WHERE account_id = $1 AND email_id = $2")
    static let keysAfter = SQLStatement(
        """
        SELECT account_id, email_id FROM message_key
        WHERE account_id > $1 OR (account_id = $1 AND email_id > $2) ORDER BY account_id, email_id LIMIT $3
        """)
    static let emailExists = SQLStatement("SELECT 1 FROM email WHERE id = $1")
    static let keyExists = SQLStatement("SELECT 1 FROM message_key WHERE account_id = $1 AND email_id = $2")
    static let readProgress = SQLStatement("SELECT value FROM search_progress WHERE name = $1")
    static let writeProgress = SQLStatement(
        """
        INSERT INTO search_progress (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """)

    /// A column or several of one of the tables, for a range of emails and for one.
    struct Pair: Sendable {
        let range: SQLStatement
        let one: SQLStatement

        init(_ columns: String, _ table: String) {
            range = SQLStatement(
                text: """
                    SELECT email_id, \(columns) FROM \(table)
                    WHERE account_id = $1 AND email_id >= $2 AND email_id <= $3 ORDER BY email_id LIMIT $4
                    """)
            one = SQLStatement(
                text: "SELECT email_id, \(columns) FROM \(table) WHERE account_id = $1 AND email_id = $2")
        }
    }

    static let sentAt = Pair("sent_at", "message_key")
    static let sentDay = Pair("sent_day", "message_key")
    static let threading = Pair("sent_at, subject_hash, is_reply, message_hash, cited", "message_key")
    static let subjectKey = Pair("subject_key", "message_text")
    static let fromKey = Pair("from_key", "message_text")
    static let toKey = Pair("to_key", "message_text")
    static let ccKey = Pair("cc_key", "message_text")
    static let fromName = Pair("from_name", "message_text")
    static let toName = Pair("to_name", "message_text")
    static let fromText = Pair("from_text", "message_text")
    static let toText = Pair("to_text", "message_text")
    static let ccText = Pair("cc_text", "message_text")
    static let bccText = Pair("bcc_text", "message_text")
    static let subjectText = Pair("subject_text", "message_text")

    static let all =
        [
            insertKey, insertText, key, text, deleteKey, deleteText, keysAfter, emailExists, keyExists, readProgress,
            writeProgress,
        ]
        + [
            sentAt, sentDay, threading, subjectKey, fromKey, toKey, ccKey, fromName, toName, fromText, toText, ccText,
            bccText, subjectText,
        ].flatMap { [$0.range, $0.one] }
}

extension SQLReader {
    /// Hands over the rows that are there of some emails of an account.
    ///
    /// Mailboxes mostly hold neighbours, which are read in one walk; where others lie between, each is looked up.
    ///
    /// - Parameters:
    ///   - emails: ascending, with whatever the caller knows them by.
    ///   - body: gets the place in `emails`; the row's first column is the email.
    func forEachKey(
        _ statements: SortKeyStatements.Pair, _ account: AccountID, _ emails: [EmailID],
        _ body: (Int, borrowing SQLRow) throws -> Void
    ) throws {
        let chunk = 2000
        var start = 0
        while start < emails.count {
            let end = min(start + chunk, emails.count)
            var place = start
            var seen = 0
            let limit = (end - start) * 3 + 8
            try forEach(statements.range, binds: [account, emails[start], emails[end - 1], limit]) { row in
                seen += 1
                let email = row.int64(0)
                while place < end, emails[place].rawValue < email { place += 1 }
                while place < end, emails[place].rawValue == email {
                    try body(place, row)
                    place += 1
                }
            }
            if seen >= limit {
                while place < end {
                    let current = place
                    try forEach(statements.one, binds: [account, emails[place]]) { row in try body(current, row) }
                    place += 1
                }
            }
            start = end
        }
    }
}

/// Writes the rows of emails that came before there were any, in small units behind deliveries.
package struct SortKeyFiller: Sendable {
    /// Rises when ``SortKeys`` are made otherwise, so that all are made anew.
    private static let progressName = "keys-1"
    private static let unit = 100

    private let mail: any Database

    package init(mail: any Database) {
        self.mail = mail
    }

    /// Goes on where it was left; returns at once when all are written.
    package func run() async throws {
        while try await step() {}
    }

    /// One unit.
    /// - Returns: whether there may be more.
    package func step() async throws -> Bool {
        let through = try await mail.read { reader in
            try reader.first(SortKeyStatements.readProgress, Self.progressName) { $0.int64(0) } ?? 0
        }
        guard through < .max else { return false }
        let emails = try await mail.read { reader in
            try reader.query(MailStoreStatements.emailAccountsAfter, through, Self.unit) { row in
                (EmailID(rawValue: row.int64(0)), AccountID(rawValue: row.int64(1)))
            }
        }
        let made = try await Self.keys(of: emails, mail)
        try await mail.write(.bulk, .ordered) { writer in
            for (account, email, keys) in made { try SortKeyRows.insert(writer, account, email, keys) }
            try writer.execute(
                SortKeyStatements.writeProgress, Self.progressName, emails.last?.0.rawValue ?? Int64.max)
        }
        return !emails.isEmpty
    }

    /// The keys of those that have none.
    private static func keys(
        of emails: [(EmailID, AccountID)], _ mail: any Database
    ) async throws -> [(AccountID, EmailID, SortKeys)] {
        try await mail.read { reader in
            try emails.compactMap { email, account in
                guard try reader.first(SortKeyStatements.keyExists, account, email, map: { _ in true }) == nil else {
                    return nil
                }
                return try SortKeys.read(reader, email).map { (account, email, $0) }
            }
        }
    }

    /// Deletes the rows of emails that are gone.
    ///
    /// - Returns: which ones went.
    package func sweep() async throws -> [AccountID: [EmailID]] {
        var gone: [AccountID: [EmailID]] = [:]
        var after = (AccountID(rawValue: 0), EmailID(rawValue: 0))
        while true {
            let start = after
            let (page, dead) = try await mail.read { reader in
                let page = try reader.query(SortKeyStatements.keysAfter, start.0, start.1, 500) { row in
                    (AccountID(rawValue: row.int64(0)), EmailID(rawValue: row.int64(1)))
                }
                let dead = try page.filter {
                    try reader.first(SortKeyStatements.emailExists, $0.1, map: { _ in true }) == nil
                }
                return (page, dead)
            }
            guard let last = page.last else { return gone }
            after = last
            guard !dead.isEmpty else { continue }
            try await mail.write(.bulk, .ordered) { writer in
                for (account, email) in dead {
                    try writer.execute(SortKeyStatements.deleteKey, account, email)
                    try writer.execute(SortKeyStatements.deleteText, account, email)
                }
            }
            for (account, email) in dead { gone[account, default: []].append(email) }
        }
    }
}

extension SortKeys {
    /// From the header of an email; nil when it is gone.
    static func read(_ reader: any SQLReader, _ email: EmailID) throws -> SortKeys? {
        try reader.first(MailStoreStatements.emailForIndexing, email) { row in
            SortKeys(try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1)))
        }
    }
}
