import Blobs
import Directory
import IMAPCore
import MailMessage
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import SQLEngine

// RFC 3501 §6.3.11, RFC 4315 §3, RFC 7888
extension IMAPSession {
    /// Everything of APPEND, from its first line to its tagged answer.
    func handleAppend(prefix: [UInt8], size: Int, literal: IMAPLiteralKind) async throws {
        var isAccepted = false
        let tag = parser.tag(of: prefix) ?? "*"
        try await answer(tag) {
            self.isChangingMessages = true
            let plan = try await self.plan(prefix: prefix, size: size)
            isAccepted = true
            if literal == .synchronizing { self.encoder.continuation("OK") }
            try await self.control(.expect(.appendAccepted))
            return try await self.append(plan)
        } refused: {
            // Without this the framer would wait for a decision, or take the message for commands.
            if !isAccepted { try await self.control(.expect(.appendRefused)) }
        }
    }

    private struct AppendPlan {
        let account: AccountID
        let mailbox: MailboxID
        let flags: MessageFlags
        let keywords: [String]
        let date: IMAPDateTime?
    }

    /// What can be refused before the message is sent is refused here.
    private func plan(prefix: [UInt8], size: Int) async throws -> AppendPlan {
        let command: IMAPCommand
        do throws(IMAPParseError) {
            command = try parser.parseAppend(prefix: prefix, size: size)
        } catch {
            throw CommandRefusal(
                status: IMAPStatus(error.condition, error.responseCode, "Error in IMAP command: \(error)"))
        }
        guard case .append(let append) = command.body else { throw CommandRefusal.bad(.serverBug, "APPEND expected.") }
        var (flags, keywords) = try append.flags.storable()
        let target = try await destination(append.mailbox)
        // RFC 4314 §4 (APPEND): flags without the right to set them are left out
        flags.formIntersection(target.rights.flags)
        if !target.rights.contains(.write) { keywords = [] }
        guard try await service.store.hasRoom(target.account, for: size) else {
            // RFC 9208 §4.3.1
            throw CommandRefusal.no(.overQuota, "Quota exceeded (mailbox for user is full)")
        }
        return AppendPlan(
            account: target.account, mailbox: target.mailbox, flags: flags, keywords: keywords, date: append.date)
    }

    private func append(_ plan: AppendPlan) async throws -> Completion {
        let message = try await receiveMessage()
        let now = service.clock.now()
        let new = NewMessage(
            content: message.content, index: message.index, flags: plan.flags, keywords: plan.keywords,
            internalDate: plan.date.map { Timestamp(microseconds: $0.secondsSince1970 * 1_000_000) } ?? now,
            zoneMinutes: plan.date?.zoneMinutes ?? 0
        )
        messagesTold += 1
        if let kept = try await sentCopy(
            of: message.index, in: plan.mailbox, flags: plan.flags, keywords: plan.keywords)
        {
            return kept
        }
        let result = try await service.store.append(plan.account, to: plan.mailbox, messages: [new])
        return .ok(
            .appendUID(
                validity: result.uidValidity.rawValue, uids: NumberRanges.collapsing(result.uids.map(\.rawValue))),
            "Append completed."
        )
    }

    /// Reads the literal to its end, whatever is wrong with it: the next command begins behind it.
    private func receiveMessage() async throws -> (content: BlobContent, index: MessageIndex) {
        var message = AppendedMessage(
            blobs: service.blobs,
            memoryLimit: service.settings.appendInMemory,
            headerLimit: service.settings.headerSize
        )
        var failure: (any Error)?
        while true {
            switch try await nextFrame() {
            case .appendData(let piece):
                guard failure == nil else { continue }
                do { try message.consume(piece) } catch { failure = error }
            case .appendEnd(let rest):
                if let failure { throw failure }
                guard rest.isEmpty else {
                    throw CommandRefusal.bad(nil, "Only one message at a time; nothing may follow it.")
                }
                return try finish(message)
            case .fatal(let problem), .refused(_, let problem):
                throw SessionEnd.bye(.limit, problem.text, "protocol")
            case .command, .line, .continuationNeeded, .appendBegin:
                throw SessionEnd.outOfStep
            }
        }
    }

    private func finish(_ message: consuming AppendedMessage) throws(CommandRefusal) -> (BlobContent, MessageIndex) {
        do throws(AppendedMessage.Refusal) {
            return try message.finish()
        } catch {
            switch error {
            case .headerTooLarge: throw .no(.limit, "The message's header is too large.")
            case .containsNUL: throw .no(.cannot, "Message contains NUL octets.")
            case .empty: throw .no(.cannot, "Can't save a zero byte message.")
            }
        }
    }
}
