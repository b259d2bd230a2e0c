import MailSyntax

/// The line between two messages of an mbox: `From anna@example.org Sat Jan  3 01:05:34 1996`. RFC 4155 appendix A
enum FromLine {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// The time of delivery; nil for a line that is none of these, such as one of a text.
    static func date(_ line: [UInt8]) -> Timestamp? {
        guard line.starts(with: "From ".utf8), line.count < 1000 else { return nil }
        let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).dropFirst()
        for (index, word) in zip(words.indices, words) {
            guard let time = time(word), index - 2 >= words.startIndex,
                let month = months.firstIndex(of: words[index - 2].lowercased()), let day = Int(words[index - 1]),
                (1...31).contains(day)
            else { continue }
            // The zone, where one is told, stands before the year or after it.
            let rest = words[(index + 1)...]
            guard let year = rest.compactMap({ $0.count == 4 ? Int($0) : nil }).first(where: { $0 >= 1970 }) else {
                continue
            }
            let zone = rest.compactMap { zoneMinutes($0) }.first ?? 0
            let seconds = dayNumber(year, month + 1, day) * 86_400 + time - zone * 60
            return Timestamp(seconds: Int64(seconds))
        }
        return nil
    }

    /// Of a message of ours, without the line end.
    static func text(_ date: Timestamp) -> String {
        let seconds = max(0, date.seconds)
        let (year, month, day) = civil(Int(seconds / 86_400))
        let clock = Int(seconds % 86_400)
        func two(_ number: Int, _ fill: String = "0") -> String { (number < 10 ? fill : "") + "\(number)" }
        let name = months[month - 1].prefix(1).uppercased() + months[month - 1].dropFirst()
        return "From MAILER-DAEMON \(days[Int(seconds / 86_400 % 7)]) \(name) \(two(day, " ")) "
            + "\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)) \(year)"
    }

    private static func time(_ word: Substring) -> Int? {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2 || parts.count == 3, let hours = parts[0], let minutes = parts[1],
            (0...23).contains(hours), (0...59).contains(minutes)
        else { return nil }
        let seconds = parts.count == 3 ? parts[2] : 0
        guard let seconds, (0...60).contains(seconds) else { return nil }
        return hours * 3600 + minutes * 60 + seconds
    }

    private static func zoneMinutes(_ word: Substring) -> Int? {
        guard word.count == 5, let sign = word.first, sign == "+" || sign == "-", let number = Int(word.dropFirst()),
            number >= 0
        else { return nil }
        return (number / 100 * 60 + number % 100) * (sign == "-" ? -1 : 1)
    }

    /// Days since 1970 of a date of the Gregorian calendar.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ number: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let place = (5 * dayOfYear + 2) / 153
        let month = place < 10 ? place + 3 : place - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * place + 2) / 5 + 1)
    }
}
