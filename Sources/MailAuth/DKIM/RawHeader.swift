/// The fields of a header block, as the octets stand.
struct RawHeader {
    struct Field {
        /// Lower-case, without white space.
        let name: String
        /// The whole field with its final line break.
        let bytes: ArraySlice<UInt8>
        /// Where the value begins, after the colon.
        let valueStart: Int

        /// What follows the colon, with the final line break.
        var value: ArraySlice<UInt8> { bytes[valueStart...] }
    }

    let fields: [Field]
    /// Where the fields of each name are, from the top down.
    private let places: [String: [Int]]

    /// Lines that are no field are passed over; the block ends at the first empty line.
    init(_ block: [UInt8]) {
        var fields: [Field] = []
        var places: [String: [Int]] = [:]
        var start = 0
        while start < block.count {
            let end = Self.endOfField(block, from: start)
            let bytes = block[start..<end]
            start = end
            if bytes.droppingFinalBreak.isEmpty { break }
            guard let first = bytes.first, !Octet.isSpace(first), let colon = bytes.firstIndex(of: Octet.colon) else {
                continue
            }
            let name = bytes[..<colon].trimmingFolding.map(Octet.lowercased)
            guard !name.isEmpty else { continue }
            let text = String(decoding: name, as: UTF8.self)
            places[text, default: []].append(fields.count)
            fields.append(Field(name: text, bytes: bytes, valueStart: colon + 1))
        }
        self.fields = fields
        self.places = places
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

    /// How many fields have a name, which is lower-case.
    func count(of name: String) -> Int { places[name]?.count ?? 0 }

    /// The fields of a name, which is lower-case, from the top down, as indices into ``fields``.
    func indices(of name: String) -> [Int] { places[name] ?? [] }

    /// The fields a list of names stands for: each name takes the lowest field of that name that is not taken yet,
    /// and nothing when there is none left. // RFC 6376 §5.4.2
    /// - Parameter own: the index of the field being verified, which a list never stands for. // RFC 6376 §3.7
    func selection(_ names: [String], except own: Int? = nil) -> [Field] {
        var left: [String: Int] = [:]
        var selected: [Field] = []
        for name in names {
            let key = name.lowercased()
            guard let places = places[key] else { continue }
            var index = left[key] ?? places.count
            repeat { index -= 1 } while index >= 0 && places[index] == own
            left[key] = max(index, 0)
            if index >= 0 { selected.append(fields[places[index]]) }
        }
        return selected
    }
}
