import Blobs
package import Directory
import MailSyntax
import SQLEngine

/// A mailbox's row, before its path is put together.
struct MailboxRow: Sendable {
    let id: MailboxID
    let parent: Int64
    let name: String
    let specialUse: SpecialUse?
    let isSelectable: Bool
    let uidValidity: UInt32
    let uidNext: UInt32
    let recentFrom: UInt32
    let messages: Int
    let unseen: Int
    let deleted: Int
    let size: Int64
    let highestModSeq: UInt64

    init(_ row: borrowing SQLRow) {
        id = MailboxID(rawValue: row.int64(0))
        parent = row.int64(1)
        name = row.string(2)
        specialUse = row.optionalString(3).flatMap(SpecialUse.init(rawValue:))
        isSelectable = row.bool(4)
        uidValidity = row.uint32(5)
        uidNext = row.uint32(6)
        recentFrom = row.uint32(7)
        messages = row.int(8)
        unseen = row.int(9)
        deleted = row.int(10)
        size = row.int64(11)
        highestModSeq = UInt64(clamping: row.int64(12))
    }

    func info(_ account: AccountID, path: String, subscribed: Bool, hasChildren: Bool) -> MailboxInfo {
        MailboxInfo(
            id: id, account: account, path: path, specialUse: specialUse, subscribed: subscribed,
            selectable: isSelectable, hasChildren: hasChildren, uidValidity: UIDValidity(rawValue: uidValidity),
            uidNext: UID(rawValue: uidNext), messages: messages, unseen: unseen, deleted: deleted,
            recent: max(0, Int(uidNext) - Int(recentFrom)), size: size,
            highestModSeq: ModSequence(rawValue: highestModSeq))
    }
}

/// An account's mailboxes as a tree.
struct MailboxTree {
    let rows: [MailboxRow]
    private(set) var paths: [MailboxID: String] = [:]
    private var byPath: [String: MailboxRow] = [:]

    init(_ rows: [MailboxRow]) {
        self.rows = rows
        let byID = Dictionary(rows.map { ($0.id.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
        for row in rows {
            var path = row.name
            var parent = row.parent
            var depth = 0
            while let above = byID[parent], depth < MailboxName.maximumDepth {
                path = "\(above.name)/\(path)"
                parent = above.parent
                depth += 1
            }
            paths[row.id] = path
            byPath[path] = row
        }
    }

    static func read(_ reader: any SQLReader, _ account: AccountID) throws -> MailboxTree {
        MailboxTree(try reader.query(MailStoreStatements.mailboxes, account) { MailboxRow($0) })
    }

    func row(_ path: String) -> MailboxRow? { byPath[path] }
    func children(of id: MailboxID) -> [MailboxRow] { rows.filter { $0.parent == id.rawValue } }

    /// Levels below a mailbox.
    func height(below id: MailboxID) -> Int {
        guard let path = paths[id] else { return 0 }
        let own = path.utf8.count { $0 == UInt8(ascii: "/") }
        let below = paths.values.filter { $0.hasPrefix("\(path)/") }
        return below.map { $0.utf8.count { $0 == UInt8(ascii: "/") } - own }.max() ?? 0
    }

    func infos(_ account: AccountID, subscribed: Set<String>) -> [MailboxInfo] {
        let parents = Set(rows.map(\.parent))
        return rows.map { row in
            let path = paths[row.id] ?? row.name
            return row.info(
                account, path: path, subscribed: subscribed.contains(path),
                hasChildren: parents.contains(row.id.rawValue))
        }.sorted { $0.path < $1.path }
    }
}

/// Rules for the names of mailboxes.
package enum MailboxName {
    static let maximumDepth = 20
    /// Octets of one level.
    static let maximumLevel = 255

    /// The path in the form that is stored: INBOX in capitals, no trailing separator. RFC 3501 §5.1
    package static func canonical(_ path: String) -> String {
        var levels = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if levels.count > 1, levels.last == "" { levels.removeLast() }
        if let first = levels.first, first.lowercased() == "inbox" { levels[0] = "INBOX" }
        return levels.joined(separator: "/")
    }

    /// - Throws: `MailStoreError.invalidName`.
    static func levels(_ path: String) throws -> [String] {
        let levels = canonical(path).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard levels.count <= maximumDepth else { throw MailStoreError.invalidName("over \(maximumDepth) levels") }
        for level in levels {
            guard !level.isEmpty else { throw MailStoreError.invalidName("an empty level") }
            guard level.utf8.count <= maximumLevel else {
                throw MailStoreError.invalidName("a level over \(maximumLevel) octets")
            }
            guard !level.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) else {
                throw MailStoreError.invalidName("a control character")
            }
        }
        return levels
    }
}

extension MailStore {
    /// The mailboxes that each account starts with. RFC 6154 §2
    static let defaultMailboxes: [(path: String, use: SpecialUse?)] = [
        ("INBOX", nil), ("Sent", .sent), ("Drafts", .drafts), ("Junk", .junk), ("Trash", .trash), ("Archive", .archive),
    ]

    /// Makes what an account needs to receive mail; keeps what is there.
    package func prepareAccount(_ account: AccountID) async throws {
        let now = clock.now()
        try await database.write { writer in
            try writer.execute(MailStoreStatements.insertAccountState, account, now.seconds)
            let tree = try MailboxTree.read(writer, account)
            for (path, use) in Self.defaultMailboxes where tree.row(path) == nil {
                _ = try Self.insertMailbox(writer, account, parent: 0, name: path, use: use, now: now)
                try writer.execute(MailStoreStatements.subscribe, account, path)
            }
        }
    }

    /// Every mailbox with its counts, by path.
    package func mailboxes(_ account: AccountID) async throws -> [MailboxInfo] {
        try await database.read { reader in
            let subscribed = try reader.query(MailStoreStatements.subscriptions, account) { $0.string(0) }
            return try MailboxTree.read(reader, account).infos(account, subscribed: Set(subscribed))
        }
    }

    /// One mailbox with its counts; costs as much as its path has levels.
    package func mailbox(_ account: AccountID, path: String) async throws -> MailboxInfo? {
        let path = MailboxName.canonical(path)
        return try await database.readBriefly { try Self.find($0, account, path)?.info }
    }

    /// A mailbox by its canonical path, and the row nearest above where there is none such.
    static func find(
        _ reader: any SQLReader, _ account: AccountID, _ path: String
    ) throws -> (info: MailboxInfo?, nearest: MailboxID?)? {
        var parent: Int64 = 0
        var found: MailboxRow?
        for level in path.split(separator: "/", omittingEmptySubsequences: false) {
            let row = try reader.first(MailStoreStatements.mailboxByName, account, parent, String(level)) {
                MailboxRow($0)
            }
            guard let row else { return (nil, found?.id) }
            parent = row.id.rawValue
            found = row
        }
        guard let row = found else { return nil }
        let isSubscribed = try reader.first(MailStoreStatements.isSubscribed, account, path) { _ in true }
        let hasChildren = try reader.first(MailStoreStatements.mailboxHasChildren, account, row.id) { _ in true }
        return (
            row.info(account, path: path, subscribed: isSubscribed ?? false, hasChildren: hasChildren ?? false), row.id
        )
    }

    /// The mailbox that the account keeps junk in: the one with the use, or `Junk`; made where it is missing.
    package func junk(_ account: AccountID) async throws -> MailboxID {
        let all = try await mailboxes(account)
        if let found = all.first(where: { $0.specialUse == .junk && $0.selectable }) { return found.id }
        if let found = all.first(where: { $0.path == "Junk" && $0.selectable }) { return found.id }
        do {
            return try await createMailbox(account, path: "Junk", specialUse: .junk).id
        } catch MailStoreError.alreadyExists {
            // Somebody else's message has just made it.
            guard let made = try await mailbox(account, path: "Junk") else { throw MailStoreError.noSuchMailbox }
            return made.id
        }
    }

    /// Makes a mailbox and the levels above it.
    ///
    /// - Throws: `.alreadyExists`, `.invalidName`, `.specialUseTaken`.
    package func createMailbox(
        _ account: AccountID, path: String, specialUse: SpecialUse? = nil
    ) async throws -> MailboxInfo {
        let levels = try MailboxName.levels(path)
        let now = clock.now()
        try await database.write { writer in
            let tree = try MailboxTree.read(writer, account)
            let existing = tree.row(levels.joined(separator: "/"))
            guard existing?.isSelectable != true else { throw MailStoreError.alreadyExists }
            if let specialUse, tree.rows.contains(where: { $0.specialUse == specialUse }) {
                throw MailStoreError.specialUseTaken(specialUse)
            }
            if let existing {
                let modSeq = try Self.bump(writer, account)
                let validity = try Self.nextUIDValidity(writer, account, now)
                try writer.execute(
                    MailStoreStatements.reviveMailbox, existing.id, validity, specialUse?.rawValue, modSeq)
                return
            }
            var parent: Int64 = 0
            for (depth, level) in levels.enumerated() {
                if let row = tree.row(levels[...depth].joined(separator: "/")) {
                    parent = row.id.rawValue
                } else {
                    let use = depth == levels.count - 1 ? specialUse : nil
                    parent = try Self.insertMailbox(writer, account, parent: parent, name: level, use: use, now: now)
                }
            }
        }
        guard let made = try await mailbox(account, path: path) else { throw MailStoreError.noSuchMailbox }
        changeFeed.announce(account, mailboxes: [made.id], kinds: [.messages, .mailboxes])
        return made
    }

    private static func insertMailbox(
        _ writer: any SQLWriter, _ account: AccountID, parent: Int64, name: String, use: SpecialUse?, now: Timestamp
    ) throws -> Int64 {
        let modSeq = try bump(writer, account)
        let validity = try nextUIDValidity(writer, account, now)
        let id = try writer.first(
            MailStoreStatements.insertMailbox, account, parent, name, use?.rawValue, validity, modSeq
        ) { $0.int64(0) }
        guard let id else { throw DatabaseError.other("no id for the mailbox") }
        // RFC 4314 §4 (CREATE): a new mailbox inherits the rights of the one above it
        if parent > 0 { try writer.execute(MailStoreStatements.inheritAccess, id, parent) }
        return id
    }

    /// Rises for every mailbox made in the account, so that a name made again never has the old one. RFC 3501 §2.3.1.1
    private static func nextUIDValidity(
        _ writer: any SQLWriter, _ account: AccountID, _ now: Timestamp
    ) throws -> UInt32 {
        let value = try writer.first(MailStoreStatements.nextUIDValidity, account, now.seconds) { $0.uint32(0) }
        guard let value else { throw MailStoreError.noSuchMailbox }
        return value
    }

    /// Removes a mailbox with its messages; one that has children stays as a name (\Noselect). RFC 3501 §6.3.4
    package func deleteMailbox(_ account: AccountID, path: String) async throws {
        let path = MailboxName.canonical(path)
        guard path != "INBOX" else { throw MailStoreError.cannotDeleteInbox }
        guard let info = try await mailbox(account, path: path) else { throw MailStoreError.noSuchMailbox }
        guard info.selectable || !info.hasChildren else { throw MailStoreError.hasChildren }
        if info.selectable { _ = try await expunge(info.id, onlyDeleted: false) }
        let isRestorable = settings.undelete > .zero
        let now = clock.now()
        try await database.write { writer in
            // What arrived since goes with it.
            var rest = try writer.query(MailStoreStatements.rows, info.id, 0, Int64(UInt32.max), 0, Int(Int32.max)) {
                EntryRow($0)
            }
            try Self.addKeywords(to: &rest, info.id, writer)
            if !rest.isEmpty {
                _ = try Self.remove(writer, account, info.id, rest, now: now, restorable: isRestorable)
            }
            let modSeq = try Self.bump(writer, account)
            if try MailboxTree.read(writer, account).children(of: info.id).isEmpty {
                // Many tombstones would hold the writer: they are the purger's.
                let count = try writer.first(RemovedStatements.countTombstones, info.id, Self.unitLimit) { $0.int(0) }
                if let count, count >= Self.unitLimit {
                    try writer.execute(RemovedStatements.bury, info.id, modSeq)
                    try writer.execute(MailStoreStatements.removeMailboxAccess, info.id)
                    try writer.execute(MailStoreStatements.removeMailboxAnnotations, info.id)
                    try writer.execute(MailStoreStatements.removeMailboxKeywords, info.id)
                } else {
                    try writer.execute(MailStoreStatements.deleteMailbox, info.id)
                }
            } else {
                try writer.execute(MailStoreStatements.hideMailbox, info.id, modSeq)
                // RFC 4314 §4 (DELETE), RFC 5464 §4.1
                try writer.execute(MailStoreStatements.removeMailboxAccess, info.id)
                try writer.execute(MailStoreStatements.removeMailboxAnnotations, info.id)
                try writer.execute(MailStoreStatements.removeMailboxKeywords, info.id)
            }
        }
        changeFeed.announce(account, mailboxes: [info.id], kinds: [.messages, .mailboxes])
    }

    /// Renames a mailbox with all below it. INBOX's messages move to a new mailbox and INBOX stays. RFC 3501 §6.3.5
    package func renameMailbox(_ account: AccountID, from: String, to: String) async throws {
        let from = MailboxName.canonical(from)
        let levels = try MailboxName.levels(to)
        let to = levels.joined(separator: "/")
        guard from != "INBOX" else { return try await renameInbox(account, to: to) }
        guard to != from, !to.hasPrefix("\(from)/") else {
            throw MailStoreError.invalidName("it would be inside itself")
        }
        let now = clock.now()
        let id = try await database.write { writer in
            let tree = try MailboxTree.read(writer, account)
            guard let row = tree.row(from) else { throw MailStoreError.noSuchMailbox }
            guard tree.row(to) == nil else { throw MailStoreError.alreadyExists }
            guard levels.count + tree.height(below: row.id) <= MailboxName.maximumDepth else {
                throw MailStoreError.invalidName("over \(MailboxName.maximumDepth) levels")
            }
            var parent: Int64 = 0
            for depth in levels.indices.dropLast() {
                if let above = tree.row(levels[...depth].joined(separator: "/")) {
                    parent = above.id.rawValue
                } else {
                    parent = try Self.insertMailbox(
                        writer, account, parent: parent, name: levels[depth], use: nil, now: now)
                }
            }
            let modSeq = try Self.bump(writer, account)
            try writer.execute(MailStoreStatements.moveMailbox, row.id, parent, levels[levels.count - 1], modSeq)
            return row.id
        }
        changeFeed.announce(account, mailboxes: [id], kinds: [.messages, .mailboxes])
    }

    private func renameInbox(_ account: AccountID, to: String) async throws {
        let made = try await createMailbox(account, path: to)
        let inbox = try await inbox(account)
        // RFC 5464 §4.1
        try await database.write { try $0.execute(MailStoreStatements.copyAnnotations, inbox, made.id) }
        let uids = try await uidView(inbox).uids.map(UID.init(rawValue:))
        for part in uids.chunks(of: Self.unitLimit) { _ = try await move(inbox, uids: part, to: made.id) }
    }

    /// Subscribes to a name, or takes it back. A name may be subscribed that doesn't exist. RFC 3501 §6.3.6
    package func setSubscribed(_ account: AccountID, path: String, _ isSubscribed: Bool) async throws {
        let path = MailboxName.canonical(path)
        let statement = isSubscribed ? MailStoreStatements.subscribe : MailStoreStatements.unsubscribe
        try await database.write { try $0.execute(statement, account, path) }
        changeFeed.announce(account, kinds: .subscriptions)
    }

    package func subscriptions(_ account: AccountID) async throws -> [String] {
        try await database.read { try $0.query(MailStoreStatements.subscriptions, account) { $0.string(0) } }
    }
}
