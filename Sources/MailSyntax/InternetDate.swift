import Glibc

/// RFC 5322 §3.3 dates.
package enum InternetDate {
    /// `Sat, 21 Nov 2026 00:04:28 +0000 (UTC)`. `offsetMinutes` is the zone east of UTC (-1439…1439, clamped); nil takes
    /// the zone of the host. The name in parentheses stands for UTC only.
    package static func format(_ time: Timestamp, offsetMinutes: Int? = nil) -> String {
        let offset = min(max(offsetMinutes ?? localOffsetMinutes(at: time), -1439), 1439)
        let (local, _) = time.seconds.addingReportingOverflow(Int64(offset) * 60)
        let days = floorDivide(local, 86400)
        let second = Int(local - days * 86400)
        let date = civil(fromDays: days)
        let weekday = Int(((days % 7) + 11) % 7)  // 1970-01-01 was a Thursday
        let sign = offset < 0 ? "-" : "+"
        let zone = pad(abs(offset) / 60) + pad(abs(offset) % 60)
        let clock = "\(pad(second / 3600)):\(pad(second / 60 % 60)):\(pad(second % 60))"
        let year = date.year < 1000 && date.year >= 0 ? String(repeating: "0", count: 4 - String(date.year).count) : ""
        return "\(weekdays[weekday]), \(date.day) \(months[date.month - 1]) \(year)\(date.year) \(clock) \(sign)\(zone)"
            + (offset == 0 ? " (UTC)" : "")
    }

    /// `Sat, 21 Nov 2026 00:04:28 GMT`, as HTTP writes it. // RFC 9110 §5.6.7
    package static func http(_ time: Timestamp) -> String {
        let words = format(time, offsetMinutes: 0).split(separator: " ").map(String.init)
        return words.prefix(5).map { $0.utf8.count == 1 ? "0\($0)" : $0 }.joined(separator: " ") + " GMT"
    }

    /// Reads a date with or without weekday, seconds, zone and comments, two-digit years and obsolete zones; nil when
    /// day, month, year or time are not there or not in range.
    package static func parse(_ bytes: some Collection<UInt8>) -> (Timestamp, offsetMinutes: Int)? {
        var scanner = DateScanner(bytes: Array(bytes.prefix(256)))
        return scanner.parse()
    }

    package static func parse(_ text: some StringProtocol) -> (Timestamp, offsetMinutes: Int)? {
        parse(Array(text.utf8))
    }

    /// Minutes east of UTC that the host's zone has at `time`.
    package static func localOffsetMinutes(at time: Timestamp) -> Int {
        var seconds = time_t(time.seconds)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return parts.tm_gmtoff / 60
    }

    /// Seconds since 1970 of a civil UTC date and time; fields must be in range, the year within ±999999.
    package static func seconds(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) -> Int64 {
        days(year: year, month: month, day: day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    }

    /// Civil date and time in UTC.
    package static func civil(
        _ time: Timestamp
    ) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        let total = time.seconds
        let days = floorDivide(total, 86400)
        let second = Int(total - days * 86400)
        let date = civil(fromDays: days)
        return (date.year, date.month, date.day, second / 3600, second / 60 % 60, second % 60)
    }

    package static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    /// The first three letters, lower-case, as a number.
    static let monthCodes = months.map { DateScanner.code($0) }
    static let weekdayCodes = weekdays.map { DateScanner.code($0) }
    static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// Days since 1970-01-01 in the Gregorian calendar.
    package static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    package static func civil(fromDays days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719468
        let era = floorDivide(shifted, 146097)
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * monthIndex + 2) / 5) + 1
        let month = Int(monthIndex < 10 ? monthIndex + 3 : monthIndex - 9)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
    }

    static func daysInMonth(_ month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a / b
        return a % b < 0 ? quotient - 1 : quotient
    }

    private static func pad(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
}
