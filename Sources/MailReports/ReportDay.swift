package import MailSyntax

/// A day of UTC, which reports are about.
package struct ReportDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    package var number: Int

    package init(number: Int) { self.number = number }

    package init(at time: Timestamp) { number = Int(time.seconds / 86400) }

    /// Reads `2026-11-20`.
    package init?(_ text: String) {
        guard text.utf8.count == 10, let begin = InternetTimestamp.parse(Array("\(text)T00:00:00Z".utf8)[...]) else {
            return nil
        }
        self.init(at: begin)
    }

    package var begin: Timestamp { Timestamp(seconds: Int64(number) * 86400) }
    /// The last second.
    package var end: Timestamp { Timestamp(seconds: Int64(number) * 86400 + 86399) }
    package var next: ReportDay { ReportDay(number: number + 1) }
    package var previous: ReportDay { ReportDay(number: number - 1) }

    package static func < (a: ReportDay, b: ReportDay) -> Bool { a.number < b.number }

    /// `2026-11-20`
    package var description: String { String(InternetTimestamp.utc(begin).prefix(10)) }
}

/// What a report is about.
package enum ReportKind: String, Sendable, Hashable, CaseIterable, Codable {
    /// What became of mail that names a domain. // RFC 7489 §7.2
    case dmarc
    /// How sessions with a domain's hosts fared. // RFC 8460
    case tls
}
