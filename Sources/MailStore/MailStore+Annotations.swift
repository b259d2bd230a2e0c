package import Directory
import SQLEngine

/// Notes that clients keep beside mailboxes and beside the account. RFC 5464
extension MailStore {
    /// Bounds on annotations.
    package enum AnnotationLimits {
        /// Octets of one value. RFC 5464 §4.1 asks for 1024 at least.
        package static let value = 65_536
        /// Entries of one mailbox that one account, or everybody, has. RFC 5464 §4.1 asks for 10 at least.
        package static let entries = 200
        /// Octets of all these.
        package static let total = 1_048_576
    }

    /// What an annotation belongs to.
    package enum AnnotationPlace: Sendable {
        case mailbox(MailboxID)
        case server
    }

    /// One change of an annotation.
    package struct AnnotationChange: Sendable {
        package let entry: String
        package let isShared: Bool
        /// Nil removes it.
        package let value: [UInt8]?

        package init(entry: String, isShared: Bool, value: [UInt8]?) {
            self.entry = entry
            self.isShared = isShared
            self.value = value
        }
    }

    /// Everything noted that an account may see, by name: its own and, of a mailbox, what is shared.
    package func annotations(
        _ place: AnnotationPlace, for account: AccountID
    ) async throws -> [(entry: String, value: [UInt8])] {
        try await database.read { reader in
            switch place {
            case .mailbox(let mailbox):
                try reader.query(MailStoreStatements.annotations, mailbox, account) { ($0.string(0), $0.bytes(1)) }
            case .server:
                try reader.query(MailStoreStatements.serverAnnotations, account) { ($0.string(0), $0.bytes(1)) }
            }
        }
    }

    /// Changes annotations, all or none.
    /// - Throws: `.tooManyAnnotations`, `.noSuchMailbox`.
    package func setAnnotations(
        _ place: AnnotationPlace, for account: AccountID, _ changes: [AnnotationChange]
    ) async throws {
        let owner = try await database.write { writer -> AccountID? in
            switch place {
            case .mailbox(let mailbox):
                let owner = try writer.first(MailStoreStatements.mailbox, mailbox) { AccountID(rawValue: $0.int64(0)) }
                guard let owner else { throw MailStoreError.noSuchMailbox }
                // RFC 7162 §3.2: a mailbox's mod-sequence rises with its annotations
                let modSeq = try Self.bump(writer, owner)
                try writer.execute(MailStoreStatements.adjustMailbox, mailbox, 0, 0, 0, 0, modSeq)
                for change in changes {
                    let owner = change.isShared ? 0 : account.rawValue
                    if let value = change.value {
                        try writer.execute(MailStoreStatements.setAnnotation, mailbox, owner, change.entry, value)
                    } else {
                        try writer.execute(MailStoreStatements.removeAnnotation, mailbox, owner, change.entry)
                    }
                }
                for owner in Set(changes.lazy.filter { $0.value != nil }.map { $0.isShared ? 0 : account.rawValue }) {
                    try Self.check(
                        try writer.first(MailStoreStatements.annotationUsage, mailbox, owner) {
                            ($0.int(0), $0.int(1))
                        })
                }
                return owner
            case .server:
                for change in changes {
                    if let value = change.value {
                        try writer.execute(MailStoreStatements.setServerAnnotation, account, change.entry, value)
                    } else {
                        try writer.execute(MailStoreStatements.removeServerAnnotation, account, change.entry)
                    }
                }
                guard changes.contains(where: { $0.value != nil }) else { return nil }
                try Self.check(
                    try writer.first(MailStoreStatements.serverAnnotationUsage, account) { ($0.int(0), $0.int(1)) })
                return nil
            }
        }
        announce(changes, of: place, by: account, owner: owner)
    }

    /// What one has to oneself is told to oneself alone.
    private func announce(
        _ changes: [AnnotationChange], of place: AnnotationPlace, by account: AccountID, owner: AccountID?
    ) {
        guard case .mailbox(let mailbox) = place, let owner else {
            let news = AnnotationNews(mailbox: nil, entries: changes.map(\.entry))
            return changeFeed.announce(account, kinds: .annotations, annotations: news)
        }
        changeFeed.announce(owner, mailboxes: [mailbox])
        for isShared in [false, true] {
            let entries = changes.filter { $0.isShared == isShared }.map(\.entry)
            guard !entries.isEmpty else { continue }
            let news = AnnotationNews(mailbox: mailbox, entries: entries)
            changeFeed.announce(isShared ? owner : account, kinds: .annotations, annotations: news)
        }
    }

    private static func check(_ usage: (entries: Int, octets: Int)?) throws {
        guard let usage else { return }
        guard usage.entries <= AnnotationLimits.entries, usage.octets <= AnnotationLimits.total else {
            throw MailStoreError.tooManyAnnotations
        }
    }

    /// Gives a mailbox a special use, or takes it. RFC 6154 §4
    /// - Throws: `.specialUseTaken`, `.noSuchMailbox`.
    package func setSpecialUse(_ account: AccountID, _ mailbox: MailboxID, _ use: SpecialUse?) async throws {
        try await database.write { writer in
            let modSeq = try Self.bump(writer, account)
            let rows = try MailboxTree.read(writer, account).rows
            guard rows.contains(where: { $0.id == mailbox && $0.isSelectable }) else {
                throw MailStoreError.noSuchMailbox
            }
            if let use, rows.contains(where: { $0.specialUse == use && $0.id != mailbox }) {
                throw MailStoreError.specialUseTaken(use)
            }
            try writer.execute(MailStoreStatements.setSpecialUse, mailbox, use?.rawValue, modSeq)
        }
        changeFeed.announce(account, mailboxes: [mailbox])
    }
}
