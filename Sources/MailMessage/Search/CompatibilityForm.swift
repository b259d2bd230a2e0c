/// Compatibility decompositions by character.
enum CompatibilityForm {
    /// What each character stands for that has another form; canonical decomposition is done, recursion too.
    static let table: [UInt32: [Unicode.Scalar]] = parse(CompatibilityTables.mappings)

    private static func parse(_ text: String) -> [UInt32: [Unicode.Scalar]] {
        var table: [UInt32: [Unicode.Scalar]] = [:]
        table.reserveCapacity(4000)
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let sides = word.split(separator: "=", maxSplits: 1)
            guard sides.count == 2 else { continue }
            let from = sides[0].split(separator: "+").compactMap { UInt32($0, radix: 16) }
            let to = sides[1].split(separator: ",").compactMap { UInt32($0, radix: 16) }
            guard let first = from.first, let target = to.first else { continue }
            table[first] = to.compactMap(Unicode.Scalar.init)
            guard from.count == 2 else { continue }
            for offset in 1...max(1, from[1]) {
                table[first &+ offset] = [Unicode.Scalar(target &+ offset)].compactMap { $0 }
            }
        }
        return table
    }
}
