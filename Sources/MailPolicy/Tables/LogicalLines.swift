/// The lines of a table in Postfix's format: a line that begins with a blank continues the one before it; empty lines
/// and those whose first other character is `#` are left out, also between a line and its continuation.
struct LogicalLines {
    struct Line {
        /// Of its first physical line, from 1.
        var number: Int
        /// Without line ends.
        var bytes: ArraySlice<UInt8>
        /// The first line has nothing before it to continue.
        var isIndented: Bool
    }

    private let text: [UInt8]
    private var position: Int
    private var number = 0

    init(_ text: [UInt8]) {
        self.text = text
        // Editors of other systems begin a file with a byte order mark.
        position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> Line? {
        var line: Line?
        while let physical = nextPhysical() {
            guard let first = physical.first(where: { !$0.isTableSpace }), first != UInt8(ascii: "#") else {
                if line != nil, !continues { return line }
                continue
            }
            if line == nil {
                line = Line(number: number, bytes: physical, isIndented: physical.first?.isTableSpace ?? false)
            } else {
                line?.bytes.append(contentsOf: physical)
            }
            if !continues { return line }
        }
        return line
    }

    /// Whether the next physical line belongs to this one: it is indented, empty or a comment.
    private var continues: Bool {
        guard position < text.count else { return false }
        return text[position].isTableSpace || text[position] == UInt8(ascii: "#")
    }

    private mutating func nextPhysical() -> ArraySlice<UInt8>? {
        guard position < text.count else { return nil }
        number += 1
        let rest = text[position...]
        let end = rest.firstIndex(of: 0x0A) ?? text.count
        var line = rest[..<end]
        position = min(end + 1, text.count)
        if line.last == 0x0D { line = line.dropLast() }
        return line
    }
}

extension UInt8 {
    /// A blank or a control character that C takes for white space.
    var isTableSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

    var isASCIILetterOrDigit: Bool { (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self) }
}

extension ArraySlice<UInt8> {
    var trimmingTableSpace: ArraySlice<UInt8> {
        var bytes = self.drop { $0.isTableSpace }
        while let last = bytes.last, last.isTableSpace { bytes = bytes.dropLast() }
        return bytes
    }

    /// nil when it isn't UTF-8, or holds a NUL.
    var tableText: String? {
        guard !contains(0) else { return nil }
        return String(validating: self, as: UTF8.self)
    }
}

/// The logical lines of files that are written like tables, for who reads another kind of them.
package enum TableLines {
    package struct Line: Sendable {
        /// From 1.
        package var number: Int
        /// nil when it isn't UTF-8.
        package var text: String?
        /// There is no line before it that it could continue.
        package var isIndented: Bool
    }

    package static func all(_ text: [UInt8]) -> [Line] {
        var lines = LogicalLines(text)
        var found: [Line] = []
        while let line = lines.next() {
            found.append(Line(number: line.number, text: line.bytes.tableText, isIndented: line.isIndented))
        }
        return found
    }
}
