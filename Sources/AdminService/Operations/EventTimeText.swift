import MailSyntax

/// Times as operators type them.
enum EventTimeText {
    /// `2026-11-21T10:00:00Z`, seconds and fractions optional; nil for anything else. // RFC 3339 §5.6
    static func parse(_ text: String) -> Timestamp? {
        let parts = text.uppercased().split(separator: "T")
        guard parts.count == 2, let time = parts.last, time.last == "Z", let first = parts.first else { return nil }
        let date = first.split(separator: "-").compactMap { Int64($0) }
        let clock = time.dropLast().split(separator: ".").first.map {
            $0.split(separator: ":").compactMap { Int64($0) }
        }
        guard date.count == 3, let clock, (2...3).contains(clock.count), (1970...9999).contains(date[0]),
            (1...12).contains(date[1]), (1...31).contains(date[2]), (0...23).contains(clock[0]),
            (0...59).contains(clock[1]), (0...60).contains(clock.count == 3 ? clock[2] : 0)
        else { return nil }
        // The year begins in March, so that a leap day is its last.
        let year = date[1] <= 2 ? date[0] - 1 : date[0]
        let dayOfYear = (153 * (date[1] + (date[1] > 2 ? -3 : 9)) + 2) / 5 + date[2] - 1
        let day = year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
        return Timestamp(seconds: day * 86400 + clock[0] * 3600 + clock[1] * 60 + (clock.count == 3 ? clock[2] : 0))
    }
}
