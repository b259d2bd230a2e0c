/// A range of places in a result, from its start or from its end: PARTIAL. RFC 9394 §3.1, RFC 5267 §4.4
package struct PartialRange: Hashable, Sendable {
    package enum Origin: Hashable, Sendable {
        /// 1 is the first result, that with the lowest UID.
        case start
        /// 1, written `-1`, is the last.
        case end
    }

    package let origin: Origin
    /// Counted from 1, in the order written: 500:400 is the same as 400:500.
    package let first: UInt32
    package let second: UInt32

    package init(origin: Origin, first: UInt32, second: UInt32) {
        self.origin = origin
        self.first = first
        self.second = second
    }

    /// As the client wrote it, which the answer repeats.
    package var text: String {
        switch origin {
        case .start: "\(first):\(second)"
        case .end: "-\(first):-\(second)"
        }
    }

    /// The offsets meant in a result of `count` messages; empty where it has none of them.
    package func offsets(in count: Int) -> Range<Int> {
        let low = Int(max(1, min(first, second))) - 1
        let high = Int(max(first, second))
        guard low < count else { return 0..<0 }
        let end = min(high, count)
        return switch origin {
        case .start: low..<end
        case .end: (count - end)..<(count - low)
        }
    }
}
