/// Lines up columns for a terminal; the last column is not padded.
package struct TextTable {
    private var rows: [[String]]

    package init(_ titles: [String]) {
        rows = [titles]
    }

    package mutating func add(_ cells: [String]) {
        rows.append(cells.map(Self.clean))
    }

    package var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 {
                    line += String(repeating: " ", count: widths[column] - cell.count + 2)
                }
            }
            return line.trimmedEnd + "\n"
        }.joined()
    }

    /// What a peer wrote (a reply, an address) moves no cursor.
    static func clean(_ cell: String) -> String {
        String(
            String.UnicodeScalarView(
                cell.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : $0 }))
    }
}

extension String {
    fileprivate var trimmedEnd: Substring {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// Sizes and times as people read them.
package enum Readable {
    /// `1.5 GB` and the like: powers of 1000, at most one decimal.
    package static func size(_ octets: Int) -> String {
        var value = Double(octets)
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if value < 999.95 || unit == "TB" {
                let tenths = Int((value * 10).rounded())
                return unit == "B" || tenths % 10 == 0
                    ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
            }
            value /= 1000
        }
        return "\(octets) B"
    }

    /// `950 ms`, `2.4 s`, `3 min`, `5 h`, `2 d`.
    package static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        switch milliseconds {
        case ..<1000: return "\(milliseconds) ms"
        case ..<60_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        case ..<7_200_000: return "\(milliseconds / 60_000) min"
        case ..<172_800_000: return "\(milliseconds / 3_600_000) h"
        default: return "\(milliseconds / 86_400_000) d"
        }
    }
}

extension Duration {
    /// Rounded down; the largest number when it does not fit.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        let (product, isOver) = Int(seconds).multipliedReportingOverflow(by: 1000)
        let (sum, isOverToo) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000_000_000))
        return isOver || isOverToo ? Int.max : sum
    }
}
