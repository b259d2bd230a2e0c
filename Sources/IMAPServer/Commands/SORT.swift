import IMAPCore
import MailStore

// RFC 5256 §3, RFC 5267 §3, RFC 5957 §4
extension IMAPSession {
    func sort(_ command: SortCommand, tag: String) async throws -> Completion {
        guard let mailbox = selection?.mailbox else { throw CommandRefusal.noMailbox }
        let search = command.search
        try checkContextTag(search, tag: tag)
        let order = command.criteria.map(SortOrder.init)
        return try await savingNothingOnFailure(search) {
            try self.checkCharset(search.charset)
            let found = try await self.candidates(search)
            let sorted = try await self.service.store.sort(
                mailbox, uids: found, by: command.criteria.map(SortOrder.init))
            let ascending = sorted.count == found.count ? found : sorted.sorted()
            let result = FoundMessages(inOrder: sorted, ascending: ascending)
            self.save(result, search)
            try await self.answer(result, to: search, tag: tag, as: .sort)
            self.follow(result, search, order: order, tag: tag)
            return .ok("Sort completed.", announce: search.announcement)
        }
    }

    /// What is to be ordered; of ALL nothing is asked, since what is gone is left out when its keys are read.
    private func candidates(_ command: SearchCommand) async throws -> [UInt32] {
        if case .all = command.key { return (selection?.view.uids).map(Array.init) ?? [] }
        return try await find(command)
    }

    func thread(_ command: ThreadCommand) async throws -> Completion {
        guard let mailbox = selection?.mailbox else { throw CommandRefusal.noMailbox }
        try checkCharset(command.search.charset)
        let found = try await candidates(command.search)
        let algorithm: ThreadAlgorithm =
            switch command.algorithm {
            case .orderedSubject: .orderedSubject
            case .references: .references
            }
        let (forest, uids) = try await service.store.threads(mailbox, uids: found, algorithm)
        encoder.thread(forest, numbers: numbers(uids, command.search.numbering))
        return .ok("Thread completed.", announce: command.search.announcement)
    }
}

extension SortOrder {
    init(_ criterion: SortCommand.Criterion) {
        let key: Key =
            switch criterion.key {
            case .arrival: .arrival
            case .cc: .cc
            case .date: .date
            case .from: .from
            case .size: .size
            case .subject: .subject
            case .to: .to
            case .displayFrom: .displayFrom
            case .displayTo: .displayTo
            }
        self.init(key, isDescending: criterion.direction == .descending)
    }
}
