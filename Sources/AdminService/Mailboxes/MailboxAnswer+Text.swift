/// How these answers are printed.
extension MailboxAnswer {
    var jsonText: String {
        get throws {
            switch self {
            case .list(let list): try PrettyJSON.text(list)
            case .check(let report): try PrettyJSON.text(report)
            case .rights(let list): try PrettyJSON.text(list)
            case .removed(let list, _): try PrettyJSON.text(list)
            case .count(let count, _): try PrettyJSON.text(["messages": count])
            }
        }
    }

    var text: String {
        switch self {
        case .list(let list):
            var table = TextTable(["MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "USE", "SUBSCRIBED"])
            for mailbox in list {
                table.add([
                    mailbox.path, mailbox.selectable ? "\(mailbox.messages)" : "-",
                    mailbox.selectable ? "\(mailbox.unseen)" : "-", Readable.size(mailbox.size),
                    mailbox.specialUse ?? "", mailbox.subscribed ? "yes" : "no",
                ])
            }
            return table.text
        case .check(let report):
            let summary =
                report.problems.isEmpty
                ? "all is well" : "\(report.problems.count) found, \(report.repaired) put right"
            var lines = report.problems + ["\(report.messages) messages read: \(summary)"]
            if report.lost > 0 {
                lines.append(
                    "\(report.lost) can't be read any more: bring their files back from a backup of the data directory, or "
                        + "take them out of the way with --remove-damaged (martlet undelete brings them back)")
            }
            return lines.map { "\($0)\n" }.joined()
        case .rights(let list):
            var table = TextTable(["WHO", "RIGHTS"])
            for line in list { table.add([line.who, line.rights]) }
            return table.text
        case .removed(let list, _):
            guard !list.isEmpty else { return "nothing can be brought back\n" }
            var table = TextTable(["REMOVED", "MAILBOX", "SIZE", "FROM", "SUBJECT", "MESSAGE-ID"])
            for message in list {
                table.add([
                    message.removed, message.mailbox, Readable.size(message.size), message.from, message.subject,
                    message.messageID.map { "<\($0)>" } ?? "",
                ])
            }
            return table.text
        case .count(let count, _): return count == 1 ? "1 message\n" : "\(count) messages\n"
        }
    }
}
