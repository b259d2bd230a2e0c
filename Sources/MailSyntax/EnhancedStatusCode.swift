/// RFC 3463 §2: class, subject and detail.
package struct EnhancedStatusCode: Hashable, Sendable, CustomStringConvertible {
    /// 2, 4 or 5.
    package let classDigit: Int
    /// 0…999.
    package let subject: Int
    /// 0…999.
    package let detail: Int

    package init(_ c: Int, _ s: Int, _ d: Int) {
        classDigit = c
        subject = s
        detail = d
    }

    /// Reads `x.y.z` that fills the whole text; nil for anything else.
    package init?(parsing text: some StringProtocol) {
        var values: [Int] = []
        for field in text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false) {
            guard (1...3).contains(field.utf8.count), field.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            guard let value = Int(field) else { return nil }
            values.append(value)
        }
        guard values.count == 3, [2, 4, 5].contains(values[0]) else { return nil }
        self.init(values[0], values[1], values[2])
    }

    package var description: String { "\(classDigit).\(subject).\(detail)" }

    package var isPermanentFailure: Bool { classDigit == 5 }
    package var isTemporaryFailure: Bool { classDigit == 4 }
    package var isSuccess: Bool { classDigit == 2 }
}
