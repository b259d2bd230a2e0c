import MailConfig
import MailSyntax

extension RoutePace.WarmUp {
    /// Days since 1970-01-01 UTC.
    static func day(_ now: Timestamp) -> Int { Int(now.seconds / 86400) }

    /// The first moment of the next day.
    static func tomorrow(_ now: Timestamp) -> Timestamp {
        Timestamp(seconds: Int64(day(now) + 1) * 86400)
    }

    /// Messages on a day at most; nil when the cap has ended, or has no readable first day.
    ///
    /// Before the first day the cap is that of the first day.
    func cap(on day: Int) -> Int? {
        guard let began = Self.day(of: began) else { return nil }
        guard growth > 100 else { return first < until ? max(1, first) : nil }
        var cap = max(1, first)
        for _ in 0..<max(0, min(day - began, 10_000)) {
            guard cap < until else { return nil }
            let (product, overflow) = cap.multipliedReportingOverflow(by: growth)
            // A cap of few messages grows too.
            cap = overflow ? until : max(cap + 1, product / 100)
        }
        return cap < until ? cap : nil
    }

    /// `2026-11-21` as days since 1970-01-01; nil for anything else.
    static func day(of text: String) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        // The year begins in March, so that a leap day is its last.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
