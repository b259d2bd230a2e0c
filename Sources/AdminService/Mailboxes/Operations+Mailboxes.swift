import Directory
import MailMessage
import MailStore
import MailSyntax
import SQLEngine

/// Mailboxes as an operator sees them.
extension Operations {
    /// Messages of one answer: more are asked for again, so that no answer takes minutes.
    private static let page = 2000
    /// The same where each one's header is read.
    private static let removedPage = 200

    func mailbox(_ request: MailboxRequest) async throws -> AdminResponse {
        switch request {
        case .list(let address): return .mailboxes(.list(try await list(try requireAccount(address))))
        case .create(let address, let path, let use):
            let account = try requireAccount(address)
            try await stores.mail.prepareAccount(account.id)
            let made = try await stores.mail.createMailbox(
                account.id, path: try own(path), specialUse: try use.map(Self.specialUse))
            try await stores.mail.setSubscribed(account.id, path: made.path, true)
            return .done(lines: ["\(account.address): \(made.path) is made"])
        case .remove(let address, let path):
            let account = try requireAccount(address)
            let found = try await require(account, path)
            try await stores.mail.deleteMailbox(account.id, path: found.path)
            return .done(lines: [
                "\(account.address): \(found.path) is removed"
                    + (found.messages == 0 ? "" : " with \(found.messages) messages")
            ])
        case .rename(let address, let from, let to):
            let account = try requireAccount(address)
            let found = try await require(account, from)
            try await stores.mail.renameMailbox(account.id, from: found.path, to: try own(to))
            return .done(lines: ["\(account.address): \(found.path) is now \(to)"])
        case .check(let address, let after, let repairs, let removes):
            return .mailboxes(
                .check(
                    try await check(try requireAccount(address), after: after, repairs: repairs, removes: removes)))
        case .recount(let address):
            let account = try requireAccount(address)
            let findings = try await stores.mail.recount(account.id, repairs: true)
            return .done(
                lines: findings.isEmpty
                    ? ["\(account.address): all counts are right"]
                    : findings.map { "\(account.address): \($0.text): corrected" })
        case .expunge(let address, let path, let seconds):
            let account = try requireAccount(address)
            let found = try await require(account, path)
            let before = SystemClock().now().adding(.seconds(-seconds))
            let count = try await stores.mail.expunge(found.id, savedBefore: before, limit: Self.page)
            return .mailboxes(.count(count, next: count < Self.page ? nil : 1))
        case .rights(let address, let path):
            let account = try requireAccount(address)
            return .mailboxes(.rights(try await rights(account, try await require(account, path))))
        case .share(let address, let path, let who, let rights):
            return try await share(try requireAccount(address), path, who, rights)
        case .removed(let address, let question, let after):
            let account = try requireAccount(address)
            let (messages, next) = try await stores.mail.removedMessages(
                account.id, Self.filter(question), after: after, limit: Self.removedPage)
            return .mailboxes(.removed(messages.map(Self.summary), next: next))
        case .restore(let address, let question, let after, let target):
            let account = try requireAccount(address)
            let (messages, next) = try await stores.mail.removedMessages(
                account.id, Self.filter(question), after: after, limit: Self.removedPage)
            let count = try await stores.mail.restore(
                account.id, messages.map(\.id), to: try target.map { try own($0) })
            return .mailboxes(.count(count, next: next))
        }
    }

    /// A path of the account itself.
    private func own(_ path: String) throws -> String {
        guard !SharedMailboxName.contains(path) else {
            throw AdminError(.data, "names under \(SharedMailboxName.root) are those of others' mailboxes")
        }
        return path
    }

    private func require(_ account: Account, _ path: String) async throws -> MailboxInfo {
        guard let found = try await stores.mail.mailbox(account.id, path: path) else {
            throw AdminError(
                .noInput, "\(account.address) has no mailbox \(path)",
                remedy: "see: martlet mailbox list \(account.address)")
        }
        return found
    }

    private static func specialUse(_ text: String) throws -> SpecialUse {
        guard let use = SpecialUse(rawValue: text.lowercased()) else {
            throw AdminError(
                .data, "\"\(text)\" is no special use",
                remedy: "write one of: \(SpecialUse.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return use
    }

    private func list(_ account: Account) async throws -> [MailboxSummary] {
        try await stores.mail.mailboxes(account.id).map { info in
            MailboxSummary(
                path: info.path, messages: info.messages, unseen: info.unseen, size: Int(clamping: info.size),
                subscribed: info.subscribed, specialUse: info.specialUse?.rawValue, selectable: info.selectable)
        }
    }

    // MARK: Sharing

    private func rights(_ account: Account, _ mailbox: MailboxInfo) async throws -> [RightsSummary] {
        var lines = [RightsSummary(who: account.address.description, rights: MailboxRights.all.letters)]
        for grant in try await stores.mail.grants(mailbox.id) {
            let who: String
            switch grant.grantee {
            case .anyone: who = "anyone"
            case .account(let id):
                guard let account = directory.snapshot.account(id: id) else { continue }
                who = account.address.description
            }
            lines.append(RightsSummary(who: (grant.isNegative ? "-" : "") + who, rights: grant.rights.letters))
        }
        return lines
    }

    private func share(
        _ account: Account, _ path: String, _ who: String, _ text: String
    ) async throws -> AdminResponse {
        let mailbox = try await require(account, path)
        let isNegative = who.hasPrefix("-")
        let name = isNegative ? String(who.dropFirst()) : who
        let grantee: MailStore.Grantee
        if name.lowercased() == "anyone" {
            grantee = .anyone
        } else {
            let other = try requireAccount(name)
            guard other.id != account.id else {
                throw AdminError(.data, "\(other.address) owns the mailbox and always has all rights")
            }
            grantee = .account(other.id)
        }
        let letters = text == "none" ? "" : text.drop { $0 == "+" || $0 == "-" }
        guard let rights = MailboxRights(letters: letters) else {
            throw AdminError(
                .data, "\"\(text)\" is not a list of rights",
                remedy: "write letters of lrswipkxtea (lr reads, lrswite uses, lrswipkxtea does all), or none")
        }
        let change: MailStore.RightsChange =
            text.hasPrefix("+") ? .add(rights) : text.hasPrefix("-") ? .remove(rights) : .replace(rights)
        try await stores.mail.setRights(mailbox.id, of: grantee, isNegative: isNegative, change)
        let now = try await self.rights(account, mailbox).first { $0.who == who.lowercased() || $0.who == who }
        let shown = SharedMailboxName.path(owner: account.address, mailbox.path)
        return .done(lines: [
            now.map { "\($0.who) has \($0.rights) in \(account.address)'s \(mailbox.path), as \(shown)" }
                ?? "\(who) has no rights of its own in \(account.address)'s \(mailbox.path)"
        ])
    }

    // MARK: What was expunged

    private static func filter(_ question: RemovedQuestion) -> RemovedFilter {
        var filter = RemovedFilter()
        filter.path = question.mailbox
        filter.since = question.since.map { SystemClock().now().adding(.seconds(-$0)) }
        filter.messageIDs = Set(
            question.messageIDs.map { id in
                id.hasPrefix("<") && id.hasSuffix(">") ? String(id.dropFirst().dropLast()) : id
            })
        return filter
    }

    private static func summary(_ message: RemovedMessage) -> RemovedSummary {
        let envelope = message.index.envelope
        let from = envelope.from.first.map { address in
            [address.mailbox, address.host].compactMap(\.self).map { String(decoding: $0, as: UTF8.self) }
                .joined(separator: "@")
        }
        return RemovedSummary(
            id: message.id, mailbox: message.path, removed: time(message.removedAt), from: from ?? "",
            subject: envelope.subject.map { EncodedWord.decode($0) } ?? "", messageID: message.index.messageID,
            size: message.size)
    }
}
