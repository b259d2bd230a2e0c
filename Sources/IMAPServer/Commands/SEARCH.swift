import IMAPCore
import MailStore
import MailSyntax

// RFC 3501 §6.4.4, RFC 4731 §3, RFC 7162 §3.1.5 and §3.1.10
extension IMAPSession {
    func search(_ command: SearchCommand, tag: String) async throws -> Completion {
        guard let mailbox = selection?.mailbox else { throw CommandRefusal.noMailbox }
        if let charset = command.charset, !Charset.isKnown(charset) {
            throw CommandRefusal.no(.badCharset(["US-ASCII", "UTF-8"]), "Unknown charset.")
        }
        if command.returns?.contains(.save) == true {
            throw CommandRefusal.bad(nil, "RETURN (SAVE) is not supported.")
        }
        let query = try translated(command)
        if command.key.usesModSequence { enableCondstore() }
        var found = try await service.store.search(mailbox, query).map(\.rawValue)
        // Messages the client has not been told of are none of its business yet.
        var cursor = 0
        found.removeAll { selection?.view.sequenceNumber(of: $0, after: &cursor) == nil }
        let modSeq =
            command.key.usesModSequence
            ? try await highestModSeq(of: Self.counted(found, by: command.returns), in: mailbox) : nil
        let numbers = command.numbering == .uid ? found : sequenceNumbers(of: found)
        try await answer(numbers, to: command, tag: tag, modSeq: modSeq)
        // RFC 7162 §3.2.10.2: no VANISHED, and no EXPUNGE, while sequence numbers are in use
        let usesNumbers = command.numbering == .sequence || command.key.usesSequenceNumbers
        return .ok("Search completed.", announce: usesNumbers ? .withoutExpunges : .everything)
    }

    private func answer(_ numbers: [UInt32], to command: SearchCommand, tag: String, modSeq: UInt64?) async throws {
        guard let returns = command.returns else {
            encoder.search(numbers, modSequence: numbers.isEmpty ? nil : modSeq)
            return
        }
        var result = IMAPSearchResult(tag: tag, numbering: command.numbering)
        // RFC 4731 §3.1: without hits MIN, MAX and ALL are left out; COUNT is 0
        if returns.contains(.min) { result.min = numbers.first }
        if returns.contains(.max) { result.max = numbers.last }
        if returns.isEmpty || returns.contains(.all) { result.all = UIDRanges(uids: numbers).ranges }
        if returns.contains(.count) { result.count = numbers.count }
        result.modSequence = numbers.isEmpty ? nil : modSeq
        encoder.esearch(result)
    }

    private func sequenceNumbers(of uids: [UInt32]) -> [UInt32] {
        var cursor = 0
        return uids.compactMap { selection?.view.sequenceNumber(of: $0, after: &cursor)?.rawValue }
    }

    /// The messages whose mod-sequences count for the answer. RFC 7162 §3.1.10
    private static func counted(_ found: [UInt32], by returns: SearchReturn?) -> [UInt32] {
        guard let returns, !returns.isEmpty, returns.isSubset(of: [.min, .max]) else { return found }
        var counted: [UInt32] = []
        if returns.contains(.min), let first = found.first { counted.append(first) }
        if returns.contains(.max), let last = found.last, counted.last != last { counted.append(last) }
        return counted
    }

    private func highestModSeq(of uids: [UInt32], in mailbox: MailboxID) async throws -> UInt64? {
        var rest = UIDRanges(uids: uids)
        var highest: UInt64?
        while !rest.isEmpty {
            let rows = try await service.store.rows(mailbox, uids: rest.ranges, limit: service.settings.rowPage)
            for row in rows { highest = max(highest ?? 0, row.modSeq.rawValue) }
            guard let last = rows.last, rows.count >= service.settings.rowPage else { break }
            rest = rest.above(last.uid.rawValue)
        }
        return highest
    }

    private func translated(_ command: SearchCommand) throws -> SearchQuery {
        guard let view = selection?.view else { throw CommandRefusal.noMailbox }
        return try SearchTranslation(view: view, charset: command.charset ?? "UTF-8").query(command.key)
    }
}
