/// An instant: UTC microseconds since 1970-01-01.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// Saturates at the ends of the range.
    package init(seconds: Int64) {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        microseconds = overflow ? (seconds < 0 ? .min : .max) : value
    }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 {
        let quotient = microseconds / 1_000_000
        return microseconds % 1_000_000 < 0 ? quotient - 1 : quotient
    }

    /// The instant `d` later (earlier when negative); saturates at the ends of the range.
    package func adding(_ d: Duration) -> Timestamp {
        let (seconds, attoseconds) = d.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        let (delta, deltaOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        let (sum, sumOverflow) = microseconds.addingReportingOverflow(delta)
        guard !deltaOverflow, !sumOverflow else { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        return Timestamp(microseconds: sum)
    }

    /// Time from `earlier` to this instant.
    package func since(_ earlier: Timestamp) -> Duration {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
        return .microseconds(overflow ? (microseconds < 0 ? Int64.min : .max) : difference)
    }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
}
