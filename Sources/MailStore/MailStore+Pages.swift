package import Blobs
import IMAPCore
import MailMessage
package import MailSyntax
import SQLEngine

/// How much of each message a walk over a mailbox is to see.
package enum EntryDetail: Sendable {
    case flags
    /// Date and size too.
    case row
    /// Flags and the text of BODYSTRUCTURE.
    case structure
    /// Date, size, and the text of ENVELOPE.
    case envelope
    /// Date, size, and the texts of ENVELOPE and BODYSTRUCTURE.
    case texts

    /// Where the row has what is there whenever texts were made.
    fileprivate var textColumns: Range<Int> {
        switch self {
        case .flags, .row: 0..<0
        case .structure: 3..<4
        case .envelope: 6..<7
        case .texts: 6..<8
        }
    }
}

/// A message as a walk over its mailbox sees it. The texts lie in the database's own memory: they are valid only inside
/// the closure that was handed the message.
package struct EntrySight {
    package let uid: UInt32
    package let flags: MessageFlags
    package let modSeq: ModSequence
    /// Zero, as the two below, where the row is not read.
    package let internalDate: Timestamp
    package let zoneMinutes: Int
    /// Octets.
    package let size: Int
    /// As ``FetchText`` makes it; empty where it was not asked for.
    package let envelope: UnsafeRawBufferPointer
    package let structure: UnsafeRawBufferPointer

    init(_ row: borrowing SQLRow, _ detail: EntryDetail) {
        uid = row.uint32(0)
        flags = MessageFlags(rawValue: row.int(1))
        modSeq = ModSequence(rawValue: UInt64(clamping: row.int64(2)))
        let hasRow = detail != .flags && detail != .structure
        internalDate = hasRow ? row.timestamp(3) : Timestamp(microseconds: 0)
        zoneMinutes = hasRow ? row.int(4) : 0
        size = hasRow ? row.int(5) : 0
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        switch detail {
        case .flags, .row: (envelope, structure) = (none, none)
        case .structure: (envelope, structure) = (none, row.octets(3))
        case .envelope: (envelope, structure) = (row.octets(6), none)
        case .texts: (envelope, structure) = (row.octets(6), row.octets(7))
        }
    }
}

/// How a walk over a part of a mailbox ended.
package struct EntryWalk<State: Sendable>: Sendable {
    package enum End: Sendable, Equatable {
        /// All messages were seen.
        case done
        /// The body wanted no more; this UID was the last it saw.
        case stopped(UInt32)
        /// This message has no texts and can't be given any now: tell it from its index.
        case withoutTexts(UInt32)
    }

    package let state: State
    package let end: End
}

private struct WalkStop: Error {}

extension MailStore {
    /// Messages that are given their texts in one write.
    private static let textUnit = 200

    /// Walks over the messages of some UIDs, ascending, in one snapshot, and hands each over where it is read.
    ///
    /// - Parameters:
    ///   - uids: sorted; the keywords of all of these messages are held at once, so keep them to a page.
    ///   - state: what the body works on. It may start anew from this value when texts had to be made first.
    ///   - prepare: sees the keywords of the messages, where any has some, before the first message; false ends the walk,
    ///     as stopped at 0.
    ///   - body: pure code; false ends the walk after this message.
    package func walk<State: Sendable>(
        _ mailbox: MailboxID, uids: [ClosedRange<UInt32>], changedSince: ModSequence?, detail: EntryDetail,
        state: State,
        prepare: @Sendable @escaping (inout State, [UID: [String]]) -> Bool,
        body: @Sendable @escaping (inout State, EntrySight, [String]) -> Bool
    ) async throws -> EntryWalk<State> {
        let pass: @Sendable (any SQLReader) throws -> EntryWalk<State> = { reader in
            try Self.pass(reader, mailbox, uids, changedSince, detail, state, prepare, body)
        }
        let first = try await database.read(pass)
        guard case .withoutTexts(let uid) = first.end, let last = uids.last?.upperBound else { return first }
        guard await makeTexts(mailbox, uid...max(uid, last)) else { return first }
        return try await database.read(pass)
    }

    private static func pass<State>(
        _ reader: any SQLReader, _ mailbox: MailboxID, _ uids: [ClosedRange<UInt32>], _ changedSince: ModSequence?,
        _ detail: EntryDetail, _ initial: State, _ prepare: (inout State, [UID: [String]]) -> Bool,
        _ body: (inout State, EntrySight, [String]) -> Bool
    ) throws -> EntryWalk<State> {
        var state = initial
        guard let low = uids.first?.lowerBound, let high = uids.last?.upperBound else {
            return EntryWalk(state: state, end: .done)
        }
        var keywords: [UID: [String]] = [:]
        try reader.forEach(MailStoreStatements.keywords, binds: [mailbox, low, high]) { row in
            keywords[UID(rawValue: row.uint32(0)), default: []].append(row.string(1))
        }
        if !keywords.isEmpty, !prepare(&state, keywords) { return EntryWalk(state: state, end: .stopped(0)) }
        var end = EntryWalk<State>.End.done
        do {
            for range in uids {
                var binds: [any SQLBindable] = [mailbox, range.lowerBound, range.upperBound, changedSince.low]
                if !detail.textColumns.isEmpty { binds.append(FetchText.version) }
                try reader.forEach(statement(detail), binds: binds) { row in
                    if detail.textColumns.contains(where: { row.isNull($0) }) {
                        end = .withoutTexts(row.uint32(0))
                        throw WalkStop()
                    }
                    let sight = EntrySight(row, detail)
                    let words = keywords.isEmpty ? [] : keywords[UID(rawValue: sight.uid)] ?? []
                    guard body(&state, sight, words) else {
                        end = .stopped(sight.uid)
                        throw WalkStop()
                    }
                }
            }
        } catch is WalkStop {
            // Said by `end`.
        }
        return EntryWalk(state: state, end: end)
    }

    private static func statement(_ detail: EntryDetail) -> SQLStatement {
        switch detail {
        case .flags: MailStoreStatements.flagRows
        case .row: MailStoreStatements.narrowRows
        case .structure: MailStoreStatements.structureRows
        case .envelope: MailStoreStatements.envelopeRows
        case .texts: MailStoreStatements.textRows
        }
    }

    /// Makes the texts of messages that came before texts were kept, or under another version of them.
    /// - Returns: whether any were made. A store that can't be written, or an index that can't be read, is no error here.
    private func makeTexts(_ mailbox: MailboxID, _ uids: ClosedRange<UInt32>) async -> Bool {
        var made = 0
        while true {
            let found = try? await database.read { reader in
                try reader.query(
                    MailStoreStatements.emailsWithoutText, mailbox, uids.lowerBound, uids.upperBound,
                    FetchText.version, Self.textUnit
                ) { (EmailID(rawValue: $0.int64(0)), $0.bytes(1)) }
            }
            let texts = (found ?? []).compactMap { email, parsed -> (EmailID, [UInt8], [UInt8])? in
                guard let index = try? MessageIndex.decode(parsed, headerBlock: []) else { return nil }
                return (email, FetchText.envelope(index.envelope), FetchText.structure(index.structure))
            }
            guard !texts.isEmpty else { return made > 0 }
            // They can be made again: nobody waits for the disk.
            do {
                try await database.write(.bulk, .ordered) { writer in
                    for (email, envelope, structure) in texts {
                        // Not where the email went away meanwhile.
                        guard try writer.first(MailStoreStatements.emailBlob, email, map: { _ in true }) != nil else {
                            continue
                        }
                        try Self.write(writer, email, envelope: envelope, structure: structure)
                    }
                }
            } catch {
                return made > 0
            }
            made += texts.count
            if texts.count < Self.textUnit { return true }
        }
    }

    /// Keeps a message's texts, in place of those it had.
    static func write(
        _ writer: any SQLWriter, _ email: EmailID, envelope: [UInt8], structure: [UInt8]
    ) throws {
        try writer.execute(MailStoreStatements.insertEnvelope, email, FetchText.version, envelope)
        try writer.execute(MailStoreStatements.insertStructure, email, FetchText.version, structure)
    }

    /// Where the octets of messages are; those that are gone are left out.
    package func places(of emails: [EmailID]) async throws -> [EmailID: MessagePlace] {
        try await database.readBriefly { reader in
            var places: [EmailID: MessagePlace] = [:]
            for email in emails {
                places[email] = try reader.first(MailStoreStatements.emailPlace, email) { row in
                    MessagePlace(
                        id: BlobID(
                            key: BlobKey(rawValue: row.int64(0)), random: UInt64(bitPattern: row.int64(1))),
                        size: row.int(2))
                }
            }
            return places
        }
    }

    /// Opens a message's octets.
    /// - Throws: `FileError`.
    package func open(_ place: MessagePlace) throws -> BlobReader {
        try blobs.open(place.id, size: place.size)
    }
}

/// Where a message's octets are.
package struct MessagePlace: Sendable {
    let id: BlobID
    /// Octets.
    package let size: Int
}
