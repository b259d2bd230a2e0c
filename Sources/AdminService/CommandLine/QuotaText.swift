/// Reads a quota as the manifest reads sizes: `2GB`, `500MB`, `1GiB`, `unlimited`.
package enum QuotaText {
    /// Longest names first, so that `GiB` is not read as `B`.
    private static let units: [(name: String, octets: Int)] = [
        ("TIB", 1 << 40), ("GIB", 1 << 30), ("MIB", 1 << 20), ("KIB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000),
        ("T", 1_000_000_000_000), ("G", 1_000_000_000), ("M", 1_000_000), ("K", 1000), ("B", 1),
    ]

    /// Octets; nil is unlimited.
    ///
    /// - Throws: `AdminError` when the text is neither a size nor `unlimited`, or nothing would fit.
    package static func parse(_ text: String) throws -> Int? {
        let upper = text.uppercased()
        if upper == "UNLIMITED" { return nil }
        guard let unit = units.first(where: { upper.hasSuffix($0.name) }),
            let number = Int(upper.dropLast(unit.name.count).trimmedBlanks),
            number > 0
        else { throw wrong(text) }
        let (octets, isOver) = number.multipliedReportingOverflow(by: unit.octets)
        guard !isOver else { throw wrong(text) }
        return octets
    }

    private static func wrong(_ text: String) -> AdminError {
        AdminError(
            .usage,
            "\"\(text)\" is not a quota",
            remedy: "write a whole number with its unit, such as 2GB or 500MB, or the word unlimited"
        )
    }
}

extension Substring {
    fileprivate var trimmedBlanks: Substring {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
