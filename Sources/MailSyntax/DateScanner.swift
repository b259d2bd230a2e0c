/// Reads RFC 5322 §3.3 and §4.3 dates, and the shapes old software writes.
struct DateScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() -> (Timestamp, offsetMinutes: Int)? {
        skipBlanks()
        if let word = word() {  // weekday, which is not checked: many are wrong
            guard InternetDate.weekdayCodes.contains(word.prefix) else { return nil }
            skip(UInt8(ascii: ","))
        }
        guard let (day, month, yearField) = date() else { return nil }
        var year = yearField
        var clockRead: (hour: Int, minute: Int, second: Int)?
        if year == nil {  // asctime: Sat Nov 21 00:04:28 2026
            clockRead = clock()
            year = number(digits: 4)?.value
        }
        guard let year, year >= 1900, year <= 9999, let (hour, minute, second) = clockRead ?? clock() else {
            return nil
        }
        guard day >= 1, day <= InternetDate.daysInMonth(month, year: year) else { return nil }
        let offset = zone()
        // RFC 5322 §3.3: a leap second is allowed.
        let local = InternetDate.seconds(
            year: year, month: month, day: day, hour: hour, minute: minute, second: min(second, 59)
        )
        return (Timestamp(seconds: local - Int64(offset) * 60), offset)
    }

    /// Day, month and year; the year is nil where the clock comes first.
    private mutating func date() -> (day: Int, month: Int, year: Int?)? {
        if let month = month() {
            guard let day = number(digits: 2) else { return nil }
            skip(UInt8(ascii: ","))
            let mark = index
            if let year = number(digits: 4), year.digits == 4 { return (day.value, month, year.value) }
            index = mark
            return (day.value, month, nil)
        }
        guard let day = number(digits: 2) else { return nil }
        skip(UInt8(ascii: "-"))
        guard let month = month() else { return nil }
        skip(UInt8(ascii: "-"))
        guard let field = number(digits: 5) else { return nil }
        return (day.value, month, fullYear(field.value, digits: field.digits))
    }

    /// RFC 5322 §4.3: 00 to 49 are 20xx, 50 to 99 and three digits count from 1900.
    private func fullYear(_ value: Int, digits: Int) -> Int {
        switch digits {
        case 1, 2: value < 50 ? 2000 + value : 1900 + value
        case 3: 1900 + value
        default: value
        }
    }

    private mutating func clock() -> (hour: Int, minute: Int, second: Int)? {
        guard let hour = number(digits: 2), hour.value < 24 else { return nil }
        guard skip(UInt8(ascii: ":")) || skip(UInt8(ascii: ".")) else { return nil }
        guard let minute = number(digits: 2), minute.value < 60 else { return nil }
        guard skip(UInt8(ascii: ":")) || skip(UInt8(ascii: ".")) else { return (hour.value, minute.value, 0) }
        guard let second = number(digits: 2), second.value <= 60 else { return nil }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {  // fractions of a second
            index += 1
            while index < bytes.count, (48...57).contains(bytes[index]) { index += 1 }
            skipBlanks()
        }
        return (hour.value, minute.value, second.value)
    }

    /// Minutes east of UTC; 0 for what can't be read (RFC 5322 §4.3).
    private mutating func zone() -> Int {
        guard index < bytes.count else { return 0 }
        let sign = bytes[index]
        if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            index += 1
            guard let field = number(digits: 4) else { return 0 }
            var (hours, minutes) = (field.value / 100, field.value % 100)
            if field.digits <= 2 { (hours, minutes) = (field.value, 0) }
            if field.digits == 2, skip(UInt8(ascii: ":")) { minutes = number(digits: 2)?.value ?? 0 }
            guard hours < 24, minutes < 60 else { return 0 }
            return (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
        guard let name = word() else { return 0 }
        switch String(decoding: bytes[name.letters], as: UTF8.self).lowercased() {
        case "edt": return -240
        case "est", "cdt": return -300
        case "cst", "mdt": return -360
        case "mst", "pdt": return -420
        case "pst": return -480
        case "bst", "met", "cet": return 60
        case "cest", "mest", "eet": return 120
        case "jst": return 540
        default: return 0  // RFC 5322 §4.3: military zones are taken as -0000
        }
    }

    private mutating func month() -> Int? {
        let mark = index
        guard let name = word() else { return nil }
        if let found = InternetDate.monthCodes.firstIndex(of: name.prefix) { return found + 1 }
        index = mark
        return nil
    }

    /// A run of letters and the blanks after it.
    private mutating func word() -> (prefix: UInt32, letters: Range<Int>)? {
        let start = index
        while index < bytes.count, (65...90).contains(bytes[index] & 0xDF) { index += 1 }
        guard index > start else { return nil }
        let letters = start..<index
        skipBlanks()
        return (Self.code(bytes[letters]), letters)
    }

    static func code(_ text: String) -> UInt32 { code(Array(text.utf8)[...]) }

    /// The first three letters, lower-case, as a number; fewer give one that no name has.
    private static func code(_ letters: ArraySlice<UInt8>) -> UInt32 {
        letters.prefix(3).reduce(0) { $0 << 8 | UInt32($1 | 0x20) }
    }

    private mutating func number(digits limit: Int) -> (value: Int, digits: Int)? {
        var value = 0
        var digits = 0
        while index < bytes.count, (48...57).contains(bytes[index]) {
            guard digits < limit else { return nil }
            value = value * 10 + Int(bytes[index] - 48)
            digits += 1
            index += 1
        }
        guard digits > 0 else { return nil }
        skipBlanks()
        return (value, digits)
    }

    @discardableResult
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        skipBlanks()
        return true
    }

    /// Blanks, line ends and comments, nested ones too.
    private mutating func skipBlanks() {
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")") where depth > 0: depth -= 1
            case 32, 9, 13, 10: break
            case UInt8(ascii: "\\") where depth > 0: index += 1
            default: if depth == 0 { return }
            }
            index += 1
        }
        index = min(index, bytes.count)
    }
}
