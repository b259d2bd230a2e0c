/// Which reports `martlet reports` means.
package struct ReportSelection: Codable, Sendable, Equatable {
    /// `dmarc`, `tls`; empty: both.
    package var kinds: [String]
    package var domain: String?
    /// `2026-11-20`; nil: the days that are over.
    package var day: String?
    /// Nothing is sent: the reports are shown.
    package var isDryRun: Bool

    package init(kinds: [String] = [], domain: String? = nil, day: String? = nil, isDryRun: Bool = false) {
        self.kinds = kinds
        self.domain = domain
        self.day = day
        self.isDryRun = isDryRun
    }
}

/// A report to another domain, and where it stands.
package struct ReportSummary: Codable, Sendable, Equatable {
    /// `dmarc` or `tls`.
    package var kind: String
    package var day: String
    package var domain: String
    /// `counting`, `waiting`, `sent`, `dropped`, or `draft` of a dry run.
    package var state: String
    /// When it is sent, or tried again.
    package var due: String?
    /// Messages, or sessions.
    package var count: Int?
    /// Why it waits, or what became of it.
    package var note: String?
    /// Where it would go, and where it would not, with the reason.
    package var destinations: [String]?
    package var refused: [String]?
    /// XML or JSON.
    package var document: String?

    package init(kind: String, day: String, domain: String, state: String) {
        self.kind = kind
        self.day = day
        self.domain = domain
        self.state = state
    }
}

extension ReportSummary {
    /// Drafts in full, the others as a table.
    static func text(_ list: [ReportSummary]) -> String {
        let drafts = list.filter { $0.document != nil }.map(\.draftText).joined(separator: "\n")
        let others = list.filter { $0.document == nil }
        guard !others.isEmpty else { return list.isEmpty ? "there is nothing to report\n" : drafts }
        var table = TextTable(["DAY", "KIND", "DOMAIN", "STATE", "DUE", "COUNT", "NOTE"])
        for one in others {
            table.add([
                one.day, one.kind, one.domain, one.state, one.due ?? "", one.count.map { "\($0)" } ?? "",
                Self.printable(one.note ?? ""),
            ])
        }
        return drafts.isEmpty ? table.text : drafts + "\n" + table.text
    }

    private var draftText: String {
        var lines = ["\(kind) report on \(domain), \(day)"]
        lines += (destinations ?? []).map { "to: \($0)" }
        lines += (refused ?? []).map { "not to: \(Self.printable($0))" }
        return lines.joined(separator: "\n") + "\n\n" + (document ?? "") + "\n"
    }

    /// Records of strangers are on their way to a terminal.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }
}
