import Directory
import MailConfig
import MailStore

/// `martlet mailbox check`
extension Operations {
    /// Messages of one answer: each one's file is read.
    private static let checkPage = 500

    /// A page of messages; with the first everything about mailboxes, with the last all counts.
    func check(
        _ account: Account, after: Int64?, repairs: Bool, removes: Bool
    ) async throws -> MailboxCheckReport {
        if removes, manifest.storage.undelete == .zero {
            throw AdminError(
                .config, "storage.undelete is 0: what is taken out of mailboxes would be gone for good",
                remedy: "set storage.undelete to some days, and run: martlet reload")
        }
        var repair: MailCheck.Repairs = repairs || removes ? .mend : []
        if removes { repair.insert(.removeDamaged) }
        var report = MailboxCheckReport()
        var findings: [MailCheck.Finding] = []
        if after == nil { findings += try await stores.mail.checkMailboxes(account.id, repairs: !repair.isEmpty) }
        let messages = try await stores.mail.checkMessages(
            account.id, after: EmailID(rawValue: after ?? 0), limit: Self.checkPage, repairs: repair)
        findings += messages.findings
        report.messages = messages.messages
        report.next = messages.next?.rawValue
        // Last, since what was put right before counts too.
        if messages.next == nil {
            findings += try await stores.mail.recount(account.id, repairs: !repair.isEmpty)
        }
        for finding in findings {
            let outcome = finding.outcome(repair)
            if outcome != nil { report.repaired += 1 }
            let rest = outcome ?? (repair.isEmpty ? nil : "left as it is")
            report.problems.append("\(account.address): \(finding.text)" + (rest.map { ": \($0)" } ?? ""))
            if finding.isLoss, outcome == nil { report.lost += 1 }
        }
        return report
    }
}

extension MailCheck.Finding {
    /// The message can't be read any more.
    var isLoss: Bool {
        switch self {
        case .missing, .corrupt: true
        default: false
        }
    }

    /// For a person.
    var text: String {
        switch self {
        case .wrongCounts(let path): "\(path ?? "the account"): wrong counts"
        case .wrongNumbers(let path): "\(path ?? "the account"): numbers would be given twice"
        case .wrongKeywords(let path): "\(path): keywords of no message, or that the mailbox does not know"
        case .lostMailbox(let name, let messages):
            "a mailbox \(name) with \(messages) messages stands below one that is gone"
        case .wrongRows(let place, let what):
            "\(place.shown): the database says something else than the message's file "
                + "(\(what.map(\.rawValue).joined(separator: ", ")))"
        case .missing(let place, let message): "\(place.shown): the message's file is missing (\(message.shown))"
        case .corrupt(let place, let message): "\(place.shown): the message's file is damaged (\(message.shown))"
        case .unused(let count): "\(count) messages take room and stand in no mailbox"
        case .unindexed(let count): "\(count) messages are not in the text index: searches read them"
        }
    }

    /// What was done about it; nil for nothing.
    func outcome(_ repairs: MailCheck.Repairs) -> String? {
        switch self {
        case .wrongCounts, .wrongNumbers, .wrongKeywords: repairs.contains(.mend) ? "corrected" : nil
        case .lostMailbox: repairs.contains(.mend) ? "brought to the first level" : nil
        case .wrongRows: repairs.contains(.mend) ? "written anew" : nil
        case .missing, .corrupt: repairs.contains(.removeDamaged) ? "taken out of the mailbox" : nil
        case .unused: repairs.contains(.mend) ? "removed" : nil
        case .unindexed: repairs.contains(.mend) ? "indexed" : nil
        }
    }
}

extension MailCheck.Place {
    fileprivate var shown: String { "\(path), UID \(uid.rawValue)" }
}

extension MailCheck.Message {
    /// What is still known of it, to ask for it again.
    fileprivate var shown: String {
        let known = [
            from.map { "from \($0)" }, subject.map { "\"\(TextTable.clean($0).prefix(60))\"" },
            messageID.map { "<\($0)>" },
        ].compactMap(\.self)
        return known.isEmpty ? "nothing is known of it" : known.map { TextTable.clean($0) }.joined(separator: ", ")
    }
}
