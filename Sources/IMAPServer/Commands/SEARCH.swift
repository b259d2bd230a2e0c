import IMAPCore
import MailStore
import MailSyntax
import SQLEngine

// RFC 3501 §6.4.4, RFC 4731 §3, RFC 5182 §2, RFC 7162 §3.1.5, RFC 9394 §3
extension IMAPSession {
    func search(_ command: SearchCommand, tag: String) async throws -> Completion {
        guard selection != nil else { throw CommandRefusal.noMailbox }
        try checkContextTag(command, tag: tag)
        return try await savingNothingOnFailure(command) {
            try self.checkCharset(ofSearch: command.charset)
            let found = try await self.find(command)
            let result = FoundMessages(inOrder: found, ascending: found)
            self.save(result, command)
            try await self.answer(result, to: command, tag: tag, as: .search)
            self.follow(result, command, tag: tag)
            return .ok("Search completed.", announce: command.announcement)
        }
    }

    /// The messages of the selected mailbox that match and that the client has been told of, ascending.
    func find(_ command: SearchCommand) async throws -> [UInt32] {
        guard let selected = selection else { throw CommandRefusal.noMailbox }
        if command.key.usesModSequence { enableCondstore() }
        let translation = SearchTranslation(
            view: selected.view, charset: command.charset ?? "UTF-8", now: service.clock.now())
        let query = try translation.query(command.key)
        // RFC 9585 §4
        var found = try await service.store.search(selected.mailbox, query) { done, total in
            try await self.tellProgress(done, of: total)
        }.map(\.rawValue)
        // Messages the client has not been told of are none of its business yet.
        found.removeAll { selection?.view.sequenceNumber(of: $0) == nil }
        return found
    }

    /// The charset of SEARCH and ESEARCH, which may be left out.
    func checkCharset(ofSearch charset: String?) throws(CommandRefusal) {
        if charset != nil, enabled.contains(.utf8Accept) {
            // RFC 9755 §3: of SEARCH alone, as SORT and THREAD can't do without one
            throw .bad(.clientBug, "UTF8=ACCEPT is enabled: everything is UTF-8.")
        }
        try checkCharset(charset)
    }

    func checkCharset(_ charset: String?) throws(CommandRefusal) {
        if let charset, !Charset.isKnown(charset) {
            throw .no(.badCharset(["US-ASCII", "UTF-8"]), "Unknown charset.")
        }
    }

    // MARK: The saved result

    /// RFC 5182 §2.1: a SEARCH with SAVE that is answered NO leaves an empty result; BAD leaves it as it is.
    func savingNothingOnFailure(
        _ command: SearchCommand, _ body: () async throws -> Completion
    ) async throws -> Completion {
        guard command.returns?.contains(.save) == true else { return try await body() }
        do {
            return try await body()
        } catch let refusal as CommandRefusal where refusal.status.condition == .bad {
            throw refusal
        } catch {
            selection?.view.savedResult = .none
            throw error
        }
    }

    /// Keeps what `$` will mean. RFC 5182 §2.4, RFC 9394 §3.2
    func save(_ found: FoundMessages, _ command: SearchCommand) {
        guard let returns = command.returns, returns.contains(.save) else { return }
        selection?.view.savedResult = UIDRanges(uids: found.referred(by: command))
    }

    // MARK: Answers

    /// How results are told where the client asks for no ESEARCH.
    enum PlainAnswer {
        case search
        case sort
    }

    func answer(_ found: FoundMessages, to command: SearchCommand, tag: String, as plain: PlainAnswer) async throws {
        guard let mailbox = selection?.mailbox else { return }
        // RFC 7162 §3.1.10, RFC 4731 §3.2: the highest of "all messages being returned"; a PARTIAL returns no others
        let modSeq =
            command.key.usesModSequence
            ? try await highestModSeq(of: found.referred(by: command), in: mailbox) : nil
        // RFC 9051 §6.4.4: an IMAP4rev2 client is answered by ESEARCH always
        let isAlwaysExtended = plain == .search && enabled.contains(.imap4rev2)
        guard let returns = command.returns ?? (isAlwaysExtended ? [] : nil) else {
            let numbers = numbers(found.inOrder, command.numbering)
            switch plain {
            case .search: encoder.search(numbers, modSequence: numbers.isEmpty ? nil : modSeq)
            case .sort: encoder.sort(numbers, modSequence: numbers.isEmpty ? nil : modSeq)
            }
            return
        }
        // RFC 5182 §2.1: SAVE alone asks to be told nothing
        guard returns.isTold else { return }
        var result = IMAPSearchResult(tag: tag, numbering: command.numbering)
        found.fill(&result, command) { self.numbers($0, command.numbering) }
        result.modSequence = modSeq
        encoder.esearch(result)
    }

    /// UIDs as the command counts; those the client doesn't know are left out.
    func numbers(_ uids: [UInt32], _ numbering: SearchCommand.Numbering) -> [UInt32] {
        guard numbering == .sequence, let view = selection?.view else { return uids }
        return uids.compactMap { view.sequenceNumber(of: $0)?.rawValue }
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
}

/// What a search found.
struct FoundMessages {
    /// UIDs in the order of the result, which SORT makes another than that of the mailbox.
    let inOrder: [UInt32]
    /// The same UIDs ascending.
    let ascending: [UInt32]

    /// Puts in what the client asked to be told. RFC 4731 §3.1
    func fill(_ result: inout IMAPSearchResult, _ command: SearchCommand, numbers: ([UInt32]) -> [UInt32]) {
        let returns = command.returns ?? []
        // RFC 4731 §3.1: without hits MIN, MAX and ALL are left out; COUNT is 0
        if returns.contains(.min) { result.min = inOrder.first.flatMap { numbers([$0]).first } }
        if returns.contains(.max) { result.max = inOrder.last.flatMap { numbers([$0]).first } }
        if returns.tellsAll { result.all = NumberRanges.collapsing(numbers(inOrder)) }
        if returns.contains(.count) { result.count = inOrder.count }
        if let range = command.partial {
            let part = Array(inOrder[range.offsets(in: inOrder.count)])
            result.partial = .init(range: range, numbers: NumberRanges.collapsing(numbers(part)))
        }
    }

    /// The messages that the answer is about: those a saved result refers to (RFC 5182 §2.4, RFC 9394 §3.2), and whose
    /// mod-sequences count (RFC 4731 §3.2).
    func referred(by command: SearchCommand) -> [UInt32] {
        let returns = command.returns ?? []
        let narrow: SearchReturn = [.min, .max, .partial]
        guard returns.isDisjoint(with: [.all, .count]), !returns.isDisjoint(with: narrow) else { return ascending }
        var referred: [UInt32] = []
        if returns.contains(.min) { referred += inOrder.prefix(1) }
        if returns.contains(.max) { referred += inOrder.suffix(1) }
        if let range = command.partial { referred += inOrder[range.offsets(in: inOrder.count)] }
        return referred
    }
}

extension SearchReturn {
    private static let told: SearchReturn = [.min, .max, .all, .count, .partial]

    /// Whether ALL is meant: it is, too, where nothing else is asked for. RFC 4731 §3.1
    var tellsAll: Bool { contains(.all) || isDisjoint(with: [.min, .max, .count, .partial, .save]) }

    /// Whether there is anything to tell; SAVE alone asks for nothing. RFC 5182 §2.1
    var isTold: Bool { tellsAll || !isDisjoint(with: Self.told) }
}

extension SearchCommand {
    /// RFC 3501 §7.4.1, RFC 7162 §3.2.10.2: no EXPUNGE, and no VANISHED, while sequence numbers are in use
    var announcement: Completion.Announcement {
        numbering == .sequence || key.usesSequenceNumbers ? .withoutExpunges : .everything
    }
}
