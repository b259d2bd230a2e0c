import IMAPCore
import MailStore

// RFC 3501 §6.4.2, §6.4.3, RFC 3691, RFC 4315 §2.1
extension IMAPSession {
    func expunge() async throws -> Completion {
        let mailbox = try writableMailbox(needing: .expunge)
        let gone = try await service.store.expunge(mailbox, uids: nil, onlyDeleted: true)
        return try await expunged(gone)
    }

    func expunge(_ set: UIDSet) async throws -> Completion {
        let mailbox = try writableMailbox(needing: .expunge)
        let uids = selection.map { $0.view.members(of: $0.view.resolve(set)) } ?? []
        let gone =
            uids.isEmpty
            ? [] : try await service.store.expunge(mailbox, uids: uids.map { UID(rawValue: $0) }, onlyDeleted: true)
        return try await expunged(gone)
    }

    private func expunged(_ gone: [UID]) async throws -> Completion {
        isChangingMessages = true
        try await announce(.everything)
        // RFC 7162 §3.2.7, §3.2.9: the value after the removal, for a client that keeps one
        if !gone.isEmpty, enabled.contains(.condstore), let modSeq = selection?.view.tellableModSeq {
            return .ok(.highestModSequence(modSeq), "Expunge completed.", announce: .nothing)
        }
        return .ok("Expunge completed.", announce: .nothing)
    }

    func close() async throws -> Completion {
        guard let selected = selection else { throw CommandRefusal.noMailbox }
        // RFC 4314 §4 (CLOSE): without the right nothing is removed, and nothing said
        if selected.access == .readWrite, selected.rights.contains(.expunge) {
            _ = try await service.store.expunge(selected.mailbox, uids: nil, onlyDeleted: true)
        }
        await deselect()
        // RFC 3501 §6.4.2: no EXPUNGE is announced. RFC 7162 §3.2.8: nor HIGHESTMODSEQ, which would cover what was not told
        return .ok("Close completed.", announce: .nothing)
    }

    func unselect() async throws -> Completion {
        guard selection != nil else { throw CommandRefusal.noMailbox }
        await deselect()
        return .ok("Unselect completed.", announce: .nothing)
    }

    /// The selected mailbox, for a command that changes it.
    func writableMailbox(needing rights: MailboxRights = []) throws(CommandRefusal) -> MailboxID {
        guard let selection else { throw .noMailbox }
        guard selection.access == .readWrite else { throw .no(.noPermission, "Mailbox is selected read-only.") }
        guard selection.rights.isSuperset(of: rights) else { throw .notPermitted }
        return selection.mailbox
    }
}

extension CommandRefusal {
    static var noMailbox: CommandRefusal { .bad(.clientBug, "No mailbox selected.") }
}
