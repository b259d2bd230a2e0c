// How reports of others are printed.

extension DMARCOverview {
    var text: String {
        let place = domain.map { " as \($0)" } ?? ""
        guard messages > 0 else {
            return "no reports of DMARC on mail\(place) that ends after \(since)\n"
        }
        var text =
            "\(passed) of \(messages) messages\(place) pass (\(Self.percent(passed, of: messages)) %), "
            + "from \(sources) \(sources == 1 ? "address" : "addresses"), since \(since)\n\n"
        var table = TextTable(["SOURCE", "NAME", "FROM", "MESSAGES", "DMARC", "SPF", "DKIM", "DISPOSITION", "REASONS"])
        for sender in senders {
            table.add([
                sender.source, sender.name ?? "", sender.headerFrom, "\(sender.messages)", sender.result,
                Self.cell(sender.spf, sender.spfDomain), Self.cell(sender.dkim, sender.dkimDomain), sender.disposition,
                sender.reasons.joined(separator: " "),
            ])
        }
        text += table.text + "\n"
        for sender in senders.prefix(20) { text += TextTable.clean(sender.summary) + "\n" }
        if senders.count > 20 { text += "and so on: the table has \(senders.count) lines\n" }
        return text + "\n" + Self.text(reporters, unit: "MESSAGES")
    }

    /// A verdict, with the domain where that is another one.
    private static func cell(_ word: String, _ domain: String?) -> String {
        word == "other domain" ? "pass for \(domain ?? "another")" : word
    }

    static func percent(_ part: Int, of all: Int) -> Int {
        all > 0 ? Int((Double(part) / Double(all) * 100).rounded(.down)) : 100
    }

    static func text(_ reporters: [Reporter], unit: String) -> String {
        var table = TextTable(["REPORTER", "REPORTS", "VERIFIED", unit, "PASS", "FAIL"])
        for reporter in reporters {
            table.add([
                reporter.organization, "\(reporter.reports)", "\(reporter.verified)",
                "\(Double(reporter.passed) + Double(reporter.failed) < 9e18 ? reporter.passed + reporter.failed : 0)",
                "\(reporter.passed)", "\(reporter.failed)",
            ])
        }
        var text = table.text
        if reporters.contains(where: { $0.verified < $0.reports }) {
            text += "\nNot verified: nothing shows that these reports are from whom they say. Anybody can send one.\n"
        }
        return text
    }
}

extension TLSOverview {
    var text: String {
        let place = domain.map { " for \($0)" } ?? ""
        guard !lines.isEmpty else { return "no reports of TLS\(place) that end after \(since)\n" }
        var text = "\(successes) sessions\(place) succeeded and \(failures) failed, since \(since)\n\n"
        var table = TextTable(["DAY", "DOMAIN", "POLICY", "SUCCEEDED", "FAILED", "RESULT", "HOST"])
        for line in lines {
            table.add([
                line.day, line.domain, line.policy, line.result == nil ? "\(line.successes)" : "",
                line.result == nil ? "" : "\(line.failures)", line.result ?? "", line.host ?? "",
            ])
        }
        text += table.text + "\n"
        let sentences = lines.compactMap { line in line.summary.map { "\(line.day) \(line.domain): \($0)" } }
        for sentence in sentences.prefix(20) { text += TextTable.clean(sentence) + "\n" }
        return text + (sentences.isEmpty ? "" : "\n") + DMARCOverview.text(reporters, unit: "SESSIONS")
    }
}

extension ReceivedReportSummary {
    static func text(_ list: [ReceivedReportSummary]) -> String {
        var table = TextTable(["ID", "KIND", "DOMAIN", "REPORTER", "BEGIN", "PASS", "FAIL", "TRUST", "REPORT ID"])
        for report in list {
            table.add([
                "\(report.id)", report.kind, report.domain, report.organization, String(report.begin.prefix(16)),
                "\(report.passed)", "\(report.failed)", report.trust, report.reportID,
            ])
        }
        return table.text
    }
}

extension ReceivedReportDetail {
    var text: String {
        var lines = [
            "\(report.kind) report \(report.id) on \(report.domain), by \(report.organization)",
            "report id:  \(report.reportID)", "time:       \(report.begin) to \(report.end)",
            "received:   \(report.receivedAt), \(report.trust)" + (report.sender.map { ", from \($0)" } ?? ""),
        ]
        let contacts = [email, contact].compactMap(\.self)
        if !contacts.isEmpty { lines.append("contact:    \(contacts.joined(separator: ", "))") }
        if let policy { lines.append("policy:     \(policy)") }
        lines += errors.map { "error:      \($0)" }
        let head = lines.map { TextTable.clean($0) + "\n" }.joined()
        return head + "\n" + (report.kind == "tls" ? sessionText : recordText)
    }

    private var recordText: String {
        var table = TextTable([
            "SOURCE", "MESSAGES", "DISPOSITION", "FROM", "ENVELOPE FROM", "DKIM", "SPF", "RESULTS", "REASONS",
        ])
        for record in records {
            let results =
                record.dkim.map { "dkim=\($0.result) \($0.domain)" }
                + record.spf.map { "spf=\($0.result) \($0.domain)" }
            table.add([
                record.source, "\(record.messages)", record.disposition, record.headerFrom, record.envelopeFrom ?? "",
                record.dkimAligned ? "pass" : "fail", record.spfAligned ? "pass" : "fail",
                results.joined(separator: ", "), record.reasons.joined(separator: ", "),
            ])
        }
        return table.text
    }

    private var sessionText: String {
        var table = TextTable(["DOMAIN", "POLICY", "SUCCEEDED", "FAILED", "RESULT", "HOST", "FROM", "TO", "REASON"])
        for line in sessions {
            table.add([
                line.domain, line.policy, line.result == nil ? "\(line.successes)" : "",
                line.result == nil ? "" : "\(line.failures)", line.result ?? "",
                line.host ?? line.hosts.joined(separator: " "), line.sendingAddress ?? "", line.receivingAddress ?? "",
                [line.reason, line.information].compactMap(\.self).joined(separator: " "),
            ])
        }
        return table.text
    }
}

extension ReportImport {
    static func text(_ list: [ReportImport]) -> String {
        list.map { one in
            let what =
                "\(one.kind ?? "") report \(one.reportID ?? "") of \(one.organization ?? "") on \(one.domain ?? "")"
            let line =
                switch one.outcome {
                case "imported": "\(one.file): \(what), \(one.rows ?? 0) rows, kept as \(one.id ?? 0)"
                case "known": "\(one.file): \(what) is there already"
                default: "\(one.file): refused: \(one.reason ?? "")"
                }
            return TextTable.clean(line) + "\n"
        }.joined()
    }
}
