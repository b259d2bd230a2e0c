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
        let result: CopyResult
        do {
            result = try await service.store.copy(
                source, uids: uids.map { UID(rawValue: $0) }, to: target.mailbox, with: target.rights,
                missing: command.messages.onMissing)
        } catch MailStoreError.messagesGone {
            return .messagesGone
        }
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
        let result: CopyResult
        do {
            result = try await service.store.move(
                source, uids: uids.map { UID(rawValue: $0) }, to: target.mailbox, with: target.rights,
                missing: command.messages.onMissing)
        } catch MailStoreError.messagesGone {
            return .messagesGone
        }
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

extension MessageSelection {
    /// A UID that is gone is passed over, RFC 3501 §6.4.8; a number stands for a message that this session still sees, and
    /// of those either all are copied or none, RFC 3501 §6.4.7.
    fileprivate var onMissing: MissingMessages { isUID ? .leaveOut : .refuse }
}

extension Completion {
    // RFC 2180 §4.4.1, §4.4.2: nothing is copied, and the client is told which ones went
    fileprivate static let messagesGone = Completion(
        .no, .expungeIssued, "Some of the messages no longer exist.", announce: .everything)
}
