/// Commands that take more than one request.
extension CommandContext {
    private static let unexpected = AdminError(.protocolError, "the server answers something else than was asked")

    /// Checks one account's mail, or everybody's.
    ///
    /// - Parameter removes: messages whose files are missing or damaged are taken out of their mailboxes.
    package func checkMailboxes(account: String?, repairs: Bool, removes: Bool) async throws -> AdminResponse {
        let total = try await withSession { session in
            var total = MailboxCheckReport()
            let progress = MoveProgress(isForTerminals: true)
            defer { progress.finish() }
            for address in try await Self.accounts(account, session) {
                progress.began(address, total: nil)
                var after: Int64?
                repeat {
                    let request = MailboxRequest.check(
                        account: address, after: after, repairs: repairs, removes: removes)
                    guard case .mailboxes(.check(let page)) = try await session.perform(.mailbox(request)) else {
                        throw Self.unexpected
                    }
                    progress.moved(messages: page.messages, known: 0, octets: 0)
                    total.messages += page.messages
                    total.problems += page.problems
                    total.repaired += page.repaired
                    total.lost += page.lost
                    after = page.next
                } while after != nil
            }
            return total
        }
        return .mailboxes(.check(total))
    }

    /// Counts the mailboxes of one account anew, or everybody's.
    package func recountMailboxes(account: String?) async throws -> AdminResponse {
        let lines = try await withSession { session in
            var lines: [String] = []
            for address in try await Self.accounts(account, session) {
                guard case .done(let some) = try await session.perform(.mailbox(.recount(account: address))) else {
                    throw Self.unexpected
                }
                lines += some
            }
            return lines
        }
        return .done(lines: lines)
    }

    private static func accounts(_ account: String?, _ session: CommandSession) async throws -> [String] {
        if let account { return [account] }
        guard case .accounts(let list) = try await session.perform(.accountList) else { throw unexpected }
        return list.map(\.address)
    }

    /// Removes messages that have been in a mailbox for longer than so many seconds.
    package func expungeMailbox(account: String, mailbox: String, olderThan: Int) async throws -> AdminResponse {
        let total = try await withSession { session in
            var total = 0
            while true {
                let request = MailboxRequest.expunge(account: account, mailbox: mailbox, olderThan: olderThan)
                guard case .mailboxes(.count(let count, let next)) = try await session.perform(.mailbox(request))
                else { throw Self.unexpected }
                total += count
                if next == nil { return total }
            }
        }
        return .mailboxes(.count(total, next: nil))
    }

    /// What can be brought back.
    package func removedMessages(account: String, _ question: RemovedQuestion) async throws -> AdminResponse {
        let found = try await withSession { session in
            var found: [RemovedSummary] = []
            var after: Int64 = 0
            while true {
                let request = MailboxRequest.removed(account: account, question, after: after)
                guard case .mailboxes(.removed(let page, let next)) = try await session.perform(.mailbox(request))
                else { throw Self.unexpected }
                found += page
                guard let next else { return found }
                after = next
            }
        }
        return .mailboxes(.removed(found, next: nil))
    }

    /// Brings messages back.
    package func restoreMessages(
        account: String, _ question: RemovedQuestion, to path: String?
    ) async throws -> AdminResponse {
        let total = try await withSession { session in
            var total = 0
            var after: Int64 = 0
            while true {
                let request = MailboxRequest.restore(account: account, question, after: after, to: path)
                guard case .mailboxes(.count(let count, let next)) = try await session.perform(.mailbox(request))
                else { throw Self.unexpected }
                total += count
                guard let next else { return total }
                after = next
            }
        }
        return .done(lines: [total == 1 ? "1 message is back" : "\(total) messages are back"])
    }

    /// A time that lies so long ago, as people write it: 30m, 12h, 30d.
    package static func age(_ text: String) throws -> Int {
        do {
            return try BanDuration.parse(text)
        } catch {
            throw AdminError(.usage, "\"\(text)\" is no time", remedy: "write it as 12h or 30d")
        }
    }
}
