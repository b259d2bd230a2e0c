import Directory
import MailDoctor

/// How answers are printed.
extension AdminResponse {
    /// What a command prints: a table or lines for a person, or JSON for a program.
    package func output(json: Bool) throws -> String {
        json ? try jsonText + "\n" : plainText
    }

    /// The payload alone, without the name of the case.
    private var jsonText: String {
        get throws {
            switch self {
            case .done(let lines): try PrettyJSON.text(["done": lines])
            case .failed(let error): try PrettyJSON.text(error)
            case .status(let status): try PrettyJSON.text(status)
            case .explanation(let explanation): try PrettyJSON.text(explanation)
            case .accounts(let list): try PrettyJSON.text(list)
            case .aliases(let list): try PrettyJSON.text(list)
            case .domains(let list): try PrettyJSON.text(list)
            case .keys(let list): try PrettyJSON.text(list.keys)
            case .rotation(let report): try PrettyJSON.text(report)
            case .key(let key): try PrettyJSON.text(key)
            case .zone(let zone): try PrettyJSON.text(zone.records)
            case .dnsReport(let report): try PrettyJSON.text(report)
            case .queue(let list): try PrettyJSON.text(list)
            case .queueEntry(let detail): try PrettyJSON.text(detail)
            case .queueSummary(let list): try PrettyJSON.text(list)
            case .queueRules(let list): try PrettyJSON.text(list)
            case .message(let text): try PrettyJSON.text(["message": text])
            case .traces(let list): try PrettyJSON.text(list)
            case .bans(let list): try PrettyJSON.text(list)
            case .dmarcReports(let overview): try PrettyJSON.text(overview)
            case .tlsReports(let overview): try PrettyJSON.text(overview)
            case .receivedReports(let list): try PrettyJSON.text(list)
            case .receivedReport(let detail): try PrettyJSON.text(detail)
            case .reportImports(let list): try PrettyJSON.text(list)
            case .selfTest(let ticket): try PrettyJSON.text(ticket)
            case .loginPrompt(let prompt): try PrettyJSON.text(prompt.shown)
            case .routes(let routes): try PrettyJSON.text(routes)
            case .loginPending: try PrettyJSON.text(["pending": true])
            case .routeTest(let report): try PrettyJSON.text(report)
            case .reports(let list): try PrettyJSON.text(list)
            case .moving(let answer): try PrettyJSON.text(answer)
            case .reindex(let answer): try PrettyJSON.text(answer)
            case .fetchJobs(let list): try PrettyJSON.text(list)
            case .mailboxes(let answer): try answer.jsonText
            }
        }
    }

    private var plainText: String {
        switch self {
        case .done(let lines): lines.map { "\($0)\n" }.joined()
        case .failed(let error): "\(error)\n"
        case .status(let status): Self.text(status)
        case .explanation(let explanation): explanation.text
        case .accounts(let list): Self.text(list)
        case .aliases(let list): Self.text(list)
        case .domains(let list): Self.text(list)
        case .keys(let list): Self.text(list.keys)
        case .rotation(let report): report.text
        case .key(let key): key.privateKey
        case .zone(let zone): zone.text
        case .dnsReport(let report): report.text
        case .queue(let list): Self.text(list)
        case .queueEntry(let detail): Self.text(detail)
        case .queueSummary(let list): Self.text(list)
        case .queueRules(let list): Self.text(list)
        case .message(let text): Self.printable(text)
        case .traces(let list): list.map(Self.text).joined(separator: "\n")
        case .bans(let list): Self.text(list)
        case .dmarcReports(let overview): overview.text
        case .tlsReports(let overview): overview.text
        case .receivedReports(let list): ReceivedReportSummary.text(list)
        case .receivedReport(let detail): detail.text
        case .reportImports(let list): ReportImport.text(list)
        case .selfTest(let ticket): "self-test \(ticket.ticket)\n"
        case .loginPrompt(let prompt): prompt.text
        case .routes(let routes): routes.map(\.text).joined()
        case .loginPending: "nobody has logged in yet\n"
        case .routeTest(let report): report.text
        case .reports(let list): ReportSummary.text(list)
        case .moving, .reindex: ""
        case .fetchJobs(let list): FetchJobSummary.text(list)
        case .mailboxes(let answer): answer.text
        }
    }

    static func text(_ status: ServerStatus) -> String {
        var text = "martlet \(status.version) on \(status.hostname), process \(status.processID), "
        text += "up \(Readable.duration(.seconds(status.uptimeSeconds)))\n\n"
        var table = TextTable(["LISTENER", "KIND", "ADDRESS"])
        for listener in status.listeners { table.add([listener.name, listener.kind, listener.endpoint]) }
        return text + table.text
    }

    static func text(_ list: [BanSummary]) -> String {
        var table = TextTable(["NETWORK", "UNTIL", "TIMES", "BY", "REASON"])
        for ban in list {
            table.add([
                ban.network, ban.until ?? "removed", "\(ban.count)", ban.isManual ? "operator" : "server", ban.reason,
            ])
        }
        return table.text
    }

    static func text(_ list: [AccountSummary]) -> String {
        var table = TextTable(["ACCOUNT", "STATE", "USED", "QUOTA", "MESSAGES", "NAME"])
        for account in list {
            table.add([
                account.address,
                account.enabled ? "enabled" : "disabled",
                Readable.size(account.used),
                account.quota.map { Readable.size($0) } ?? "unlimited",
                "\(account.messages)",
                account.name ?? "",
            ])
        }
        return table.text
    }

    static func text(_ list: [AliasSummary]) -> String {
        var table = TextTable(["ALIAS", "GOES TO", "SEND AS IT"])
        for alias in list {
            table.add([
                alias.address, alias.targets.joined(separator: ", "), alias.senders.joined(separator: ", "),
            ])
        }
        return table.text
    }

    static func text(_ list: [DomainSummary]) -> String {
        var table = TextTable(["DOMAIN", "KIND", "ACCOUNTS", "ALIASES", "DKIM SELECTORS"])
        for domain in list {
            table.add([
                domain.unicode.map { "\(domain.name) (\($0))" } ?? domain.name,
                domain.kind.rawValue,
                "\(domain.accounts)",
                "\(domain.aliases)",
                domain.selectors.joined(separator: ", "),
            ])
        }
        return table.text
    }

    static func text(_ list: [DKIMKeySummary]) -> String {
        var table = TextTable(["DOMAIN", "SELECTOR", "ALGORITHM", "STATE", "SINCE", "FROM", "RECORD", "REMARK"])
        for key in list {
            table.add([
                key.domain, key.selector, key.algorithm, key.stateWord, key.since ?? "", key.origin, key.recordName,
                key.remark,
            ])
        }
        return table.text
    }
}

extension DKIMKeySummary {
    /// A key that can't be read has no state.
    fileprivate var stateWord: String { problem != nil && !active ? "broken" : state.rawValue }

    /// The record as it stands in a zone file.
    package var zoneLine: String { "\(recordName) IN TXT \(ZoneFile.quoted(recordText))\n" }
}
