/// Why a text is not a value of its type: a message that completes "`setting` …", and what to write instead.
package struct ValueProblem: Error, Sendable, Hashable {
    package var message: String
    package var remedy: String
}

/// A number with its unit, as it stands at the front of a text.
private struct Measure {
    var number: Int
    var unit: Substring

    /// Takes digits and the letters after them; nil when there are no digits or too many.
    init?(takingFrom text: inout Substring) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        text = text.dropFirst(digits.count)
        unit = text.prefix { $0.isASCII && $0.isLetter }
        self.number = number
        text = text.dropFirst(unit.count)
    }
}

/// `10s`, `5m`, `1h30m`, `5d`: units from the longest to the shortest.
package enum DurationText {
    static let remedy = "write a number with its unit, `ms`, `s`, `m`, `h`, `d` or `w`, such as `5m` or `1h30m`"

    private static let units: [(name: String, milliseconds: Int)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// `1h30m`; nil for anything that is not a duration.
    package static func duration(_ text: String) -> Duration? { try? parse(text) }

    static func parse(_ text: String) throws(ValueProblem) -> Duration {
        var rest = Substring(text)
        var total = 0
        var lastUnit = Int.max
        repeat {
            guard let measure = Measure(takingFrom: &rest) else {
                throw ValueProblem(message: "is `\(text)`, not a duration", remedy: remedy)
            }
            if measure.unit.isEmpty {
                let hint =
                    rest.isEmpty ? "write `\(measure.number)s` for seconds, `\(measure.number)m` for minutes" : remedy
                throw ValueProblem(message: "is `\(text)`, without a unit", remedy: hint)
            }
            guard let unit = units.first(where: { $0.name == measure.unit }) else {
                throw ValueProblem(message: "is `\(text)`, and `\(measure.unit)` is no unit", remedy: remedy)
            }
            guard unit.milliseconds < lastUnit else {
                throw ValueProblem(
                    message: "is `\(text)`, not in order", remedy: "write the longest unit first: `1h30m`")
            }
            lastUnit = unit.milliseconds
            let (part, tooLong) = measure.number.multipliedReportingOverflow(by: unit.milliseconds)
            let (sum, over) = total.addingReportingOverflow(part)
            guard !tooLong, !over else { throw ValueProblem(message: "is `\(text)`, too long", remedy: remedy) }
            total = sum
        } while !rest.isEmpty
        return .milliseconds(total)
    }

    static func render(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        var text = ""
        for unit in units where unit.name != "w" && rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }
}

/// `50MB` (1000²) or `64KiB` (1024): octets, always with a unit.
enum SizeText {
    static let remedy = "write a whole number with its unit: `50MB` is 50·1000² octets, `50MiB` 50·1024², `512B` octets"

    private static let units: [(name: String, octets: Int)] = [
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20),
        ("MB", 1_000_000), ("KiB", 1024), ("kB", 1000), ("B", 1),
    ]

    static func parse(_ text: String) throws(ValueProblem) -> Int {
        var rest = Substring(text)
        guard let measure = Measure(takingFrom: &rest) else {
            throw ValueProblem(message: "is `\(text)`, not a size", remedy: remedy)
        }
        if rest.first == "." || rest.first == "," {
            throw ValueProblem(message: "is `\(text)`, not a whole number", remedy: "write `1500MB` instead of `1.5GB`")
        }
        if !rest.isEmpty { throw ValueProblem(message: "is `\(text)`, not a size", remedy: remedy) }
        if measure.unit.isEmpty {
            throw ValueProblem(
                message: "is `\(text)`, without a unit",
                remedy: "write `\(measure.number)B` for octets, or `MB`, `MiB` …")
        }
        let wanted = measure.unit.lowercased()
        guard let unit = units.first(where: { $0.name.lowercased() == wanted }) else {
            let letter = wanted.first.map { $0.uppercased() } ?? "M"
            let known = ["K", "M", "G", "T"].contains(letter)
            let hint =
                known ? "write `\(measure.number)\(letter)iB` (1024) or `\(measure.number)\(letter)B` (1000)" : remedy
            throw ValueProblem(message: "is `\(text)`, and `\(measure.unit)` is no unit", remedy: hint)
        }
        let (octets, over) = measure.number.multipliedReportingOverflow(by: unit.octets)
        guard !over else { throw ValueProblem(message: "is `\(text)`, too large", remedy: remedy) }
        return octets
    }

    static func render(_ octets: Int) -> String {
        var best = "\(octets)B"
        var smallest = octets
        for unit in units where octets > 0 && octets.isMultiple(of: unit.octets) && octets / unit.octets < smallest {
            smallest = octets / unit.octets
            best = "\(smallest)\(unit.name)"
        }
        return best
    }
}
