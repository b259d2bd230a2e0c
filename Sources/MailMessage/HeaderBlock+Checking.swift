// Header checks look at a field as Postfix shows it, and put whole fields in its place.
package extension HeaderBlock {
    /// The field at an index: name, colon and value as they stand, folded lines parted by a line feed alone, what is no
    /// UTF-8 as Windows-1252.
    func checkedText(_ index: Int) -> String {
        guard fields.indices.contains(index) else { return "" }
        var line = Array(bytes[fields[index].range])
        while let last = line.last, last == 10 || last == 13 { line.removeLast() }
        line.removeAll { $0 == 13 }
        return plainText(line)
    }

    /// A field as it is written into a header, from text whose further lines need not begin with a blank.
    static func field(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        for line in text.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            if !out.isEmpty {
                out += [13, 10]
                if line.first != 32, line.first != 9 { out.append(9) }
            }
            out += line
        }
        return out + [13, 10]
    }

    /// With other octets, whole fields with their line ends, in the place of some fields.
    ///
    /// - Parameter replacements: by index; empty ones remove the field.
    func replacing(_ replacements: [Int: [UInt8]]) -> HeaderBlock {
        guard !replacements.isEmpty else { return self }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var position = 0
        for (index, field) in fields.enumerated() {
            guard let replacement = replacements[index] else { continue }
            out += bytes[position..<field.range.lowerBound]
            out += replacement
            position = field.range.upperBound
        }
        return HeaderBlock(parsing: out + bytes[position...])
    }
}
