import IMAPCore
import MailStore
import SQLEngine

/// A search whose result is followed. RFC 5267 §4.3
struct SearchContext {
    let tag: String
    var numbering: SearchCommand.Numbering
    /// Sequence numbers and `$` are those of when it was asked.
    let key: SearchKey
    let charset: String
    /// Empty for SEARCH, whose results stand in the order of the mailbox.
    let order: [SortOrder]
    /// UIDs in the order of the result, as the client was told.
    var uids: [UInt32]
}

// RFC 5267 §4
extension IMAPSession {
    /// Contexts of one session: each keeps four octets a message and is asked at every change.
    private static let maximumContexts = 8

    /// - Throws: BAD for a tag that is in use. RFC 5267 §4.3
    func checkContextTag(_ command: SearchCommand, tag: String) throws(CommandRefusal) {
        guard command.returns?.contains(.update) == true else { return }
        if selection?.contexts.contains(where: { $0.tag == tag }) == true { throw .bad(.clientBug, "Tag reuse.") }
    }

    /// Follows a result from now on, where the client asked for that.
    func follow(_ found: FoundMessages, _ command: SearchCommand, order: [SortOrder] = [], tag: String) {
        guard command.returns?.contains(.update) == true, let view = selection?.view else { return }
        guard let count = selection?.contexts.count, count < Self.maximumContexts else {
            // RFC 5267 §4.3.1
            untagged(.no, .noUpdate(tag), "Too many contexts.")
            return
        }
        selection?.contexts.append(
            SearchContext(
                tag: tag, numbering: command.numbering, key: command.key.frozen(in: view),
                charset: command.charset ?? "UTF-8", order: order, uids: found.inOrder))
    }

    // RFC 5267 §4.3.5
    func cancelUpdate(_ tags: [String]) throws(CommandRefusal) -> Completion {
        guard let known = selection?.contexts.map(\.tag) else { throw .noMailbox }
        for tag in tags where !known.contains(tag) { throw .bad(.clientBug, "No such search is followed.") }
        selection?.contexts.removeAll { tags.contains($0.tag) }
        return .ok("No further updates.")
    }

    /// Takes out what is about to be announced as expunged, while sequence numbers still mean it. RFC 5267 §4.3.4
    func tellContextsOfExpunges() {
        guard let selection, !selection.contexts.isEmpty, selection.view.hasPendingExpunges else { return }
        let gone = UIDRanges(uids: selection.view.pendingExpunges)
        for index in selection.contexts.indices {
            let left = selection.contexts[index].uids.filter { !gone.contains($0) }
            tell(of: left, inContext: index)
        }
    }

    /// Looks at messages that are new or changed. RFC 5267 §4.3.2
    ///
    /// - Parameter changed: ascending UIDs, after they were announced.
    func tellContexts(of changed: [UInt32]) async throws {
        guard let selection, !selection.contexts.isEmpty, !changed.isEmpty else { return }
        let ranges = UIDRanges(uids: changed)
        for index in selection.contexts.indices {
            let context = selection.contexts[index]
            let translation = SearchTranslation(
                view: selection.view, charset: context.charset, now: service.clock.now())
            let query = SearchQuery.and([.uids(ranges.ranges), try translation.query(context.key)])
            let matching = try await service.store.search(selection.mailbox, query).map(\.rawValue)
                .filter { selection.view.sequenceNumber(of: $0) != nil }
            let kept = context.uids.filter { !ranges.contains($0) }
            let members = (kept + matching).sorted()
            if context.order.isEmpty {
                tell(of: members, inContext: index)
            } else {
                // What was there and still is keeps its order, as nothing that is sorted by ever changes.
                let sorted = try await service.store.sort(selection.mailbox, uids: members, by: context.order)
                tell(of: sorted, inContext: index)
            }
        }
    }

    /// Tells the difference to a new result, and keeps it.
    private func tell(of result: [UInt32], inContext index: Int) {
        guard let context = selection?.contexts[index], context.uids != result else { return }
        var answer = IMAPSearchResult(tag: context.tag, numbering: context.numbering)
        let new = Set(result)
        let old = Set(context.uids)
        if context.order.isEmpty {
            let removed = numbers(context.uids.filter { !new.contains($0) }, context.numbering)
            let added = numbers(result.filter { !old.contains($0) }, context.numbering)
            // RFC 5267 §4.3.3, §4.3.4: position 0 is the order of the mailbox
            answer.add(.removal, 0, removed)
            answer.add(.addition, 0, added)
        } else {
            for (place, uid) in context.uids.enumerated().reversed() where !new.contains(uid) {
                answer.add(.removal, place + 1, numbers([uid], context.numbering))
            }
            for (place, uid) in result.enumerated() where !old.contains(uid) {
                answer.add(.addition, place + 1, numbers([uid], context.numbering))
            }
        }
        selection?.contexts[index].uids = result
        if !answer.updates.isEmpty { encoder.esearch(answer) }
    }
}

extension IMAPSearchResult {
    fileprivate enum Direction {
        case addition
        case removal
    }

    fileprivate mutating func add(_ direction: Direction, _ position: Int, _ numbers: [UInt32]) {
        guard !numbers.isEmpty else { return }
        updates.append(
            Update(
                isAddition: direction == .addition, position: position, numbers: NumberRanges.collapsing(numbers)))
    }
}

extension SearchKey {
    /// The key with sequence numbers and `$` as the UIDs they mean now: errata of RFC 3501, RFC 5267 §4.3
    func frozen(in view: SelectedMailbox) -> SearchKey {
        switch self {
        case .and(let keys): .and(keys.map { $0.frozen(in: view) })
        case .or(let left, let right): .or(left.frozen(in: view), right.frozen(in: view))
        case .not(let key): .not(key.frozen(in: view))
        case .sequence(let set): .uids(view.members(of: view.clipped(set)))
        case .uid(let set) where set.isSavedResult: .uids(view.members(of: view.resolve(set)))
        default: self
        }
    }

    private static func uids(_ uids: [UInt32]) -> SearchKey {
        let elements = NumberRanges.collapsing(uids).map { range in
            UIDSet.Element(
                .number(IMAPUID(rawValue: range.lowerBound)), .number(IMAPUID(rawValue: range.upperBound)))
        }
        return .uid(UIDSet(elements: elements))
    }
}
