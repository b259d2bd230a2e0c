import Blobs
import Directory
import MailConfig
import MailMessage
import MailMove
import MailStore
import MailSyntax

extension Operations {
    /// The most messages of one answer.
    private static let pageLimit = 50_000
    /// Messages up to this size are held in memory while they are taken in.
    private static let memoryLimit = 262_144

    func moving(_ request: MovingRequest) async throws -> MovingAnswer {
        switch request {
        case .begin(let account, let folder): return .place(try await begin(try requireAccount(account), folder))
        case .known(let place, let after, let limit):
            return .known(
                try await stores.mail.incomingItems(
                    Self.target(place), after: after, limit: min(max(limit, 1), Self.pageLimit)))
        case .add(let account, let batch): return .count(try await add(batch, to: try requireAccount(account)))
        case .subscribe(let account, let paths):
            let id = try requireAccount(account).id
            for path in paths { try await stores.mail.setSubscribed(id, path: path, true) }
            return .done
        case .folders(let account): return .folders(try await folders(of: try requireAccount(account)))
        case .messages(let mailbox, let after, let limit):
            return .messages(try await messages(mailbox, after: after, limit: min(max(limit, 1), Self.pageLimit)))
        }
    }

    /// Where messages wait for the store, in a data directory.
    static func stagingFolder(_ dataDirectory: String) -> String { "\(dataDirectory)/moving" }

    private static func target(_ place: IncomingPlace) -> IncomingTarget {
        IncomingTarget(
            mailbox: MailboxID(rawValue: place.mailbox), source: place.source, keepsUIDs: place.keepsUIDs,
            uidValidity: UIDValidity(rawValue: place.uidValidity))
    }

    private func begin(_ account: Account, _ folder: IncomingFolder) async throws -> IncomingPlace {
        // An account that was never used has no mailboxes yet.
        try await stores.mail.prepareAccount(account.id)
        let target = try await stores.mail.beginIncoming(
            account.id,
            IncomingMailbox(
                path: folder.path, source: folder.source,
                uidValidity: folder.uidValidity.map { UIDValidity(rawValue: $0) },
                uidNext: folder.uidNext.map { UID(rawValue: $0) },
                specialUse: folder.specialUse.flatMap { SpecialUse(rawValue: $0) }))
        return IncomingPlace(
            mailbox: target.mailbox.rawValue, source: target.source, keepsUIDs: target.keepsUIDs,
            uidValidity: target.uidValidity.rawValue)
    }

    private func add(_ batch: StagedBatch, to account: Account) async throws -> MoveCount {
        guard batch.messages.count <= MailStore.unitLimit else {
            throw AdminError(.data, "a batch of \(batch.messages.count) messages is too large")
        }
        let file = try StagedFileReader(
            folder: Self.stagingFolder(manifest.storage.dataDirectory), name: batch.file)
        var messages: [IncomingMessage] = []
        for message in batch.messages {
            messages.append(
                IncomingMessage(
                    item: message.item, uid: message.uid.map { UID(rawValue: $0) },
                    message: try read(message, from: file)))
        }
        let count = try await stores.mail.addIncoming(account.id, to: Self.target(batch.place), messages)
        return MoveCount(added: count.added, known: count.known)
    }

    private func read(_ message: StagedMessage, from file: StagedFileReader) throws -> NewMessage {
        var scanner = MessageScanner()
        let content: BlobContent
        if message.length <= Self.memoryLimit {
            let bytes = try file.read(message.offset, message.length)
            scanner.consume(bytes)
            content = .bytes(bytes)
        } else {
            let spool = try stores.mail.makeSpool()
            var done = 0
            while done < message.length {
                let piece = try file.read(message.offset + done, min(Self.memoryLimit, message.length - done))
                scanner.consume(piece)
                try spool.append(piece)
                done += piece.count
            }
            content = .joined(prefix: [], spool: spool)
        }
        return NewMessage(
            content: content, index: scanner.finish(), flags: MessageFlags(rawValue: message.flags),
            keywords: message.keywords, internalDate: Timestamp(microseconds: message.date),
            zoneMinutes: message.zone,
            pop3UIDL: message.uniqueID.flatMap { POP3UniqueID($0) })
    }

    private func folders(of account: Account) async throws -> [OutgoingFolder] {
        let subscribed = Set(try await stores.mail.subscriptions(account.id))
        var folders: [OutgoingFolder] = []
        for info in try await stores.mail.mailboxes(account.id) {
            folders.append(
                OutgoingFolder(
                    mailbox: info.id.rawValue, path: info.path, uidValidity: info.uidValidity.rawValue,
                    uidNext: info.uidNext.rawValue, messages: info.messages,
                    keywords: info.selectable ? try await stores.mail.keywords(info.id) : [],
                    subscribed: subscribed.contains(info.path), selectable: info.selectable))
        }
        return folders
    }

    private func messages(_ mailbox: Int64, after: UInt32, limit: Int) async throws -> [OutgoingEntry] {
        let found = try await stores.mail.outgoing(MailboxID(rawValue: mailbox), after: after, limit: limit)
        return found.map { message in
            OutgoingEntry(
                uid: message.row.uid.rawValue, flags: message.row.flags.rawValue, keywords: message.row.keywords,
                date: message.row.internalDate.microseconds, zone: message.row.zoneMinutes, size: message.row.size,
                file: FileBytes.absolute(message.file))
        }
    }
}
