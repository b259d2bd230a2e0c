/// The fields of a header block, as the octets stand.
struct RawHeader {
    struct Field {
        /// Lower-case, without white space.
        let name: String
        /// The whole field with its final line break.
        let bytes: ArraySlice<UInt8>

        /// What follows the colon, with the final line break.
        var value: ArraySlice<UInt8> {
            bytes.firstIndex(of: Octet.colon).map { bytes[($0 + 1)...] } ?? []
        }
    }

    let fields: [Field]

    /// Lines that are no field are passed over; the block ends at the first empty line.
    init(_ block: [UInt8]) {
        var fields: [Field] = []
        var start = 0
        while start < block.count {
            let end = Self.endOfField(block, from: start)
            let bytes = block[start..<end]
            start = end
            if bytes.droppingFinalBreak.isEmpty { break }
            guard let colon = bytes.firstIndex(of: Octet.colon) else { continue }
            let name = bytes[..<colon].trimmingFolding.map(Octet.lowercased)
            guard !name.isEmpty else { continue }
            fields.append(Field(name: String(decoding: name, as: UTF8.self), bytes: bytes))
        }
        self.fields = fields
    }

    private static func endOfField(_ block: [UInt8], from start: Int) -> Int {
        var index = start
        while let feed = block[index...].firstIndex(of: Octet.lineFeed) {
            index = feed + 1
            let isEmptyLine = block[start..<index].droppingFinalBreak.isEmpty
            guard !isEmptyLine, index < block.count, Octet.isSpace(block[index]) else { return index }
        }
        return block.count
    }

    /// The fields a list of names stands for: each name takes the lowest field of that name that is not taken yet,
    /// and nothing when there is none left. // RFC 6376 §5.4.2
    func selection(_ names: [String]) -> [Field] {
        var remaining: [String: [Field]] = [:]
        for field in fields { remaining[field.name, default: []].append(field) }
        return names.compactMap { remaining[$0.lowercased()]?.popLast() }
    }
}
