/// Dates and times as protocols write them. // RFC 3339 §5.6
package enum InternetTimestamp {
    /// `2026-11-21T10:00:00Z`: UTC, a fraction of a second left out.
    package static func utc(_ time: Timestamp) -> String {
        let parts = InternetDate.civil(time)
        return "\(pad(parts.year, 4))-\(pad(parts.month, 2))-\(pad(parts.day, 2))"
            + "T\(pad(parts.hour, 2)):\(pad(parts.minute, 2)):\(pad(parts.second, 2))Z"
    }

    /// Reads a `date-time` with its zone, the years 1970 to 9999; nil for anything else. What is beyond microseconds
    /// counts as one more, so that nothing is early.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> Timestamp? {
        var rest = bytes
        guard let year = number(&rest, 4), take(&rest, "-"), let month = number(&rest, 2), take(&rest, "-"),
            let day = number(&rest, 2), take(&rest, "T"), let hour = number(&rest, 2), take(&rest, ":"),
            let minute = number(&rest, 2), take(&rest, ":"), let second = number(&rest, 2),
            let fraction = fraction(&rest), let offset = offset(&rest), rest.isEmpty,
            year >= 1970, (1...12).contains(month), day >= 1, day <= InternetDate.daysInMonth(month, year: year),
            hour <= 23, minute <= 59, second <= 60
        else { return nil }
        let seconds =
            InternetDate.seconds(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
            - Int64(offset) * 60
        // RFC 3339 §5.7: a leap second ends a month in UTC.
        if second == 60, seconds % 86400 != 0 { return nil }
        guard seconds >= 0 else { return nil }
        return Timestamp(microseconds: seconds * 1_000_000 + fraction)
    }

    private static func number(_ bytes: inout ArraySlice<UInt8>, _ digits: Int) -> Int? {
        let word = bytes.prefix(digits)
        guard word.count == digits, word.allSatisfy({ (48...57).contains($0) }) else { return nil }
        bytes = bytes.dropFirst(digits)
        return word.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// A letter is taken in either case. // RFC 3339 §5.6
    private static func take(_ bytes: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool {
        guard let first = bytes.first, UInt32(first) == character.value || character == "T" && first == 0x74 else {
            return false
        }
        bytes = bytes.dropFirst()
        return true
    }

    /// Microseconds, rounded up; 0 where there is none, nil for a point without digits.
    private static func fraction(_ bytes: inout ArraySlice<UInt8>) -> Int64? {
        guard take(&bytes, ".") else { return 0 }
        let digits = bytes.prefix { (48...57).contains($0) }
        guard !digits.isEmpty else { return nil }
        bytes = bytes.dropFirst(digits.count)
        var value: Int64 = 0
        for place in 0..<6 { value = value * 10 + Int64(digits.dropFirst(place).first.map { $0 - 48 } ?? 0) }
        return digits.dropFirst(6).contains { $0 != 48 } ? value + 1 : value
    }

    /// Minutes east of UTC.
    private static func offset(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.popFirst() else { return nil }
        switch first {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return 0
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let hours = number(&bytes, 2), take(&bytes, ":"), let minutes = number(&bytes, 2), hours <= 23,
                minutes <= 59
            else { return nil }
            return (first == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
        default: return nil
        }
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
