/// Picks fields of a header for `HEADER.FIELDS` and `HEADER.FIELDS.NOT`.
package struct HeaderFilter: Hashable, Sendable {
    package enum Mode: Hashable, Sendable {
        case only
        case except
    }

    /// Upper case.
    private let names: [[UInt8]]
    private let mode: Mode

    package init(_ names: [String], _ mode: Mode) {
        self.names = names.map { $0.utf8.map(IMAPOctet.upper) }
        self.mode = mode
    }

    // RFC 3501 §6.4.5
    /// The fields kept, in their order and as they stand, and the blank line if the header has one.
    ///
    /// Takes time proportional to the header, times the number of names for each field.
    package func apply(to header: some Collection<UInt8>) -> [UInt8] {
        let copied = header.withContiguousStorageIfAvailable { filter($0) }
        return copied ?? Array(header).withUnsafeBufferPointer { filter($0) }
    }

    private func filter(_ header: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        var keeps = false
        var start = 0
        while start < header.count {
            let line = UnsafeBufferPointer(rebasing: header[start...])
            let length = line.firstIndex(of: 0x0A).map { $0 + 1 } ?? line.count
            let text = UnsafeBufferPointer(rebasing: line[..<length])
            start += length
            if Self.isBlank(text) {
                output.append(contentsOf: [0x0D, 0x0A])
                return output
            }
            // A folded line belongs to the field above it.
            let isFolded = start > length && (text[0] == 0x20 || text[0] == 0x09)
            if !isFolded { keeps = matches(text) == (mode == .only) }
            if keeps { output.append(contentsOf: text) }
        }
        return output
    }

    private static func isBlank(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        line.count == 1 && line[0] == 0x0A || line.count == 2 && line[0] == 0x0D && line[1] == 0x0A
    }

    private func matches(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard var end = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
        // RFC 5322 §4.5: obsolete fields may have blanks before the colon.
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        return names.contains { name in
            guard name.count == end else { return false }
            for index in 0..<end where IMAPOctet.upper(line[index]) != name[index] { return false }
            return true
        }
    }
}
