/// A calendar day without a zone, as SEARCH uses it.
package struct IMAPDate: Hashable, Comparable, Sendable {
    package let year: Int
    /// 1 … 12
    package let month: Int
    /// 1 … 31, valid for the month
    package let day: Int

    /// Nil unless it is a day of the Gregorian calendar, years 1 … 9999.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Days since 1970-01-01, negative before.
    package var dayNumber: Int {
        // Civil-from-days by eras of 400 years that begin on 1 March.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The day that `dayNumber` names; nil outside the years 1 … 9999.
    package init?(dayNumber: Int) {
        guard (-719_162...2_932_896).contains(dayNumber) else { return nil }
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.init(year: year, month: month, day: dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// English three-letter names, January first.
    static let monthNames: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

/// An instant with the zone it was written in: INTERNALDATE.
package struct IMAPDateTime: Hashable, Sendable {
    /// UTC, since 1970-01-01.
    package let secondsSince1970: Int64
    /// East of Greenwich, −1439 … 1439.
    package let zoneMinutes: Int

    /// `zoneMinutes` outside ±1439 counts as 0.
    package init(secondsSince1970: Int64, zoneMinutes: Int) {
        self.secondsSince1970 = secondsSince1970
        self.zoneMinutes = (-1439...1439).contains(zoneMinutes) ? zoneMinutes : 0
    }
}
