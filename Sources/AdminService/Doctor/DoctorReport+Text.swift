import MailDoctor

extension DoctorReport {
    /// For a person: a line for each finding, and below those that are not well why it matters and what to do.
    var text: String {
        var text = "\(domain) on \(hostname)"
        if !addresses.isEmpty { text += " (\(addresses.joined(separator: ", ")))" }
        text += "\nasked: \(resolver)\n\n"
        for finding in findings { text += Self.text(finding) }
        let counts = Finding.Severity.allCases.reversed().map { severity in
            let count = findings.count { $0.severity == severity }
            return "\(count) \(count == 1 || severity == .ok ? severity.rawValue : "\(severity.rawValue)s")"
        }
        return text + "\n\(counts.joined(separator: ", "))\n"
    }

    private static func text(_ finding: Finding) -> String {
        func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        let indent = String(repeating: " ", count: 9)
        var text = pad(finding.severity.rawValue, 9) + pad(finding.check.rawValue, 15)
        text += TextTable.clean("\(finding.subject): \(finding.message)") + "\n"
        if let reason = finding.reason { text += "\(indent)why: \(TextTable.clean(reason))\n" }
        for line in finding.fix { text += "\(indent)  \(TextTable.clean(line))\n" }
        return text
    }
}

extension AdminResponse {
    /// What `martlet dns check` exits with: 0 nothing to do, 1 warnings, 2 errors.
    package var findingStatus: Int32 {
        if case .dnsReport(let report) = self { return report.exitStatus }
        return 0
    }
}

extension ZoneText {
    /// The records as a table.
    package var table: String {
        var table = TextTable(["NAME", "TYPE", "NEEDED", "DATA"])
        for record in records {
            table.add([record.name, record.type, record.required ? "yes" : "optional", record.data])
        }
        return table.text
    }
}
