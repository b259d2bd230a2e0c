/// A 32-bit number that names a message; sequence numbers and UIDs conform, so that they cannot be mixed.
package protocol MessageNumber: Hashable, Comparable, Sendable {
    /// 1 … 4,294,967,295; zero never names a message.
    var rawValue: UInt32 { get }
    init(rawValue: UInt32)
}

extension MessageNumber {
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The position of a message in a session's view of a mailbox, counted from 1.
package struct SequenceNumber: MessageNumber {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// The unique identifier of a message within one UIDVALIDITY of a mailbox.
package struct IMAPUID: MessageNumber {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A set as a client writes it (`1:4,7,9:*` or `$`), still unresolved.
package struct NumberSet<Number: MessageNumber>: Hashable, Sendable {
    /// One end of a range.
    package enum Bound: Hashable, Sendable {
        case number(Number)
        /// `*`: the largest number in use.
        case last
    }

    /// `n` (both bounds equal) or `n:m`, in the order written.
    package struct Element: Hashable, Sendable {
        package let first: Bound
        package let second: Bound

        package init(_ first: Bound, _ second: Bound) {
            self.first = first
            self.second = second
        }
    }

    /// In the order written; empty only for `$`.
    package let elements: [Element]
    /// Whether the client wrote `$`, the saved search result.
    package let isSavedResult: Bool

    package init(elements: [Element]) {
        self.elements = elements
        self.isSavedResult = false
    }

    private init(savedResult: Bool) {
        self.elements = []
        self.isSavedResult = savedResult
    }

    // RFC 5182 §2.1
    package static var savedResult: Self { Self(savedResult: true) }

    /// Ascending, disjoint, non-adjacent ranges.
    ///
    /// - Parameter last: the largest number in use; nil for an empty mailbox, which makes `*` name nothing.
    /// A range with `*` always takes in `last`, even when its other end is larger.
    package func ranges(last: Number?) -> [ClosedRange<UInt32>] {
        var found: [ClosedRange<UInt32>] = []
        for element in elements {
            guard let first = Self.resolve(element.first, last: last),
                let second = Self.resolve(element.second, last: last)
            else { continue }
            // RFC 3501 §9 (seq-range): the order of the two ends does not matter.
            found.append(min(first, second)...max(first, second))
        }
        return Self.merge(found)
    }

    /// Whether some number in the set is above `last`; `*` never is, unless the mailbox is empty.
    package func reaches(beyond last: Number?) -> Bool {
        elements.contains { element in
            [element.first, element.second].contains { bound in
                switch bound {
                case .last: last == nil
                case .number(let number): number.rawValue > (last?.rawValue ?? 0)
                }
            }
        }
    }

    private static func resolve(_ bound: Bound, last: Number?) -> UInt32? {
        switch bound {
        case .number(let number): number.rawValue
        case .last: last?.rawValue
        }
    }

    private static func merge(_ unsorted: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var merged: [ClosedRange<UInt32>] = []
        for range in unsorted.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let previous = merged.last else {
                merged.append(range)
                continue
            }
            if previous.upperBound == .max || range.lowerBound <= previous.upperBound + 1 {
                merged[merged.count - 1] = previous.lowerBound...max(previous.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}

/// A set of sequence numbers.
package typealias SequenceSet = NumberSet<SequenceNumber>
/// A set of UIDs.
package typealias UIDSet = NumberSet<IMAPUID>

/// What a message is called in what a server says of it.
package enum IMAPMessageNaming: Hashable, Sendable {
    case number
    // RFC 9586 §3
    case uid
}

/// What a command that exists with and without `UID` works on.
package enum MessageSelection: Hashable, Sendable {
    case sequence(SequenceSet)
    case uid(UIDSet)

    /// Whether the command came with the UID prefix, so that its FETCH responses must carry UID.
    package var isUID: Bool {
        if case .uid = self { true } else { false }
    }
}
