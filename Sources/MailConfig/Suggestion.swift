/// "Did you mean": the nearest of the known names.
enum Suggestion {
    /// The candidate nearest to `word`, when near enough to be what was meant.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let wanted = normalised(word)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = normalised(candidate)
            let distance = wanted == other ? 0 : editDistance(wanted, other)
            if distance < (best?.distance ?? Int.max) { best = (candidate, distance) }
        }
        if let best, best.distance <= max(1, wanted.count / 3) { return best.name }
        // `password` for `password_file`, `size` for `message_size`
        let plain = String(wanted)
        guard plain.count >= 4 else { return nil }
        return candidates.filter { $0.contains(plain) || plain.contains($0) }.min { $0.count < $1.count }
    }

    /// Case, `-` and `_` are what people mix up most: they count nothing.
    private static func normalised(_ word: String) -> [Character] {
        Array(word.lowercased().map { $0 == "-" ? "_" : $0 }.prefix(100))
    }

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for (j, y) in b.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (x == y ? 0 : 1))
                if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
