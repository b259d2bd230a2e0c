/// Small changes to the octets of a part's header, blank line included.
enum HeaderEdit {
    private static let encodingField = "content-transfer-encoding"

    /// - Parameters:
    ///   - encoding: nil leaves the fields as they are.
    ///   - fields: whole fields that come at the end of the header.
    static func replaceEncoding(_ header: [UInt8], with encoding: String?, adding fields: [String]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(header.count + 80)
        var tail: [UInt8] = []
        var isDropping = false
        for line in lines(header) {
            if isBlank(line) {
                tail += line
                continue
            }
            let continues = line.first == 0x20 || line.first == 0x09
            if !continues { isDropping = encoding != nil && names(line, encodingField) }
            if !isDropping { out += line }
        }
        if let last = out.last, last != 0x0A { out += [0x0D, 0x0A] }
        var added = fields
        if let encoding { added.append("Content-Transfer-Encoding: \(encoding)") }
        for field in added { out += Array(field.utf8) + [0x0D, 0x0A] }
        return out + (tail.isEmpty ? [0x0D, 0x0A] : tail)
    }

    /// - Parameter name: in lower case.
    static func has(_ name: String, in header: [UInt8]) -> Bool {
        lines(header).contains { names($0, name) }
    }

    /// With their ends.
    private static func lines(_ header: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = header.startIndex
        while start < header.endIndex {
            let end = header[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? header.endIndex
            lines.append(header[start..<end])
            start = end
        }
        return lines
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 == 0x0D || $0 == 0x0A } }

    private static func names(_ line: ArraySlice<UInt8>, _ name: String) -> Bool {
        guard let colon = line.firstIndex(of: 0x3A) else { return false }
        var field = line[..<colon]
        while let last = field.last, last == 0x20 || last == 0x09 { field.removeLast() }
        return field.count == name.utf8.count
            && zip(field, name.utf8).allSatisfy { ((0x41...0x5A).contains($0) ? $0 | 0x20 : $0) == $1 }
    }
}
