import Directory
import IMAPCore
import MailStore

// RFC 3501 §6.4.7, RFC 4315 §3, RFC 6851 §3
extension IMAPSession {
    func copy(_ command: CopyCommand) async throws -> Completion {
        isChangingMessages = true
        guard let source = selection?.mailbox else { throw CommandRefusal.noMailbox }
        let uids = try members(of: command.messages)
        let target = try await destination(command.destination)
        guard !uids.isEmpty else { return .ok("No messages found.") }
        let result = try await service.store.copy(
            source, uids: uids.map { UID(rawValue: $0) }, to: target.mailbox, with: target.rights)
        return .ok(
            copyCode(result), result.source.isEmpty ? "No messages found." : "Copy completed.",
            announce: command.messages.isUID ? .everything : .withoutExpunges
        )
    }

    func move(_ command: CopyCommand) async throws -> Completion {
        isChangingMessages = true
        // RFC 6851 §3.3: what COPY, STORE +FLAGS (\Deleted) and EXPUNGE need
        let source = try writableMailbox(needing: [.deleteMessages, .expunge])
        let uids = try members(of: command.messages)
        let target = try await destination(command.destination)
        guard !uids.isEmpty else { return .ok("No messages found.") }
        let result = try await service.store.move(
            source, uids: uids.map { UID(rawValue: $0) }, to: target.mailbox, with: target.rights)
        // RFC 6851 §4.3: COPYUID in an untagged OK before the first EXPUNGE
        if let code = copyCode(result) { untagged(.ok, code, "Moved UIDs.") }
        return .ok("Move completed.")
    }

    /// UIDs of the messages a command names, ascending.
    func members(of messages: MessageSelection) throws -> [UInt32] {
        guard let view = selection?.view else { throw CommandRefusal.noMailbox }
        return view.members(of: try resolved(messages, in: view))
    }

    func resolved(_ messages: MessageSelection, in view: SelectedMailbox) throws(CommandRefusal) -> UIDRanges {
        do throws(SequenceNumberOutOfRange) {
            return try view.resolve(messages)
        } catch {
            throw .bad(.clientBug, "Invalid messageset: the mailbox has no such message.")
        }
    }

    private func copyCode(_ result: CopyResult) -> IMAPResponseCode? {
        guard !result.source.isEmpty else { return nil }
        return .copyUID(
            validity: result.uidValidity.rawValue,
            source: NumberRanges.collapsing(result.source.map(\.rawValue)),
            destination: NumberRanges.collapsing(result.destination.map(\.rawValue))
        )
    }
}
