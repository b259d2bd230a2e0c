import Glibc

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

    private(set) var fields: [Field] = []
    /// The lowest field of each name, as an index into `fields`.
    private var lowest: [String: Int] = [:]
    /// For each field the next one above it that has its name; -1 for none.
    private var above: [Int] = []

    /// Lines that are no field are passed over; the block ends at the first empty line.
    init(_ block: [UInt8]) {
        fields.reserveCapacity(32)
        lowest.reserveCapacity(24)
        block.withUnsafeBufferPointer { octets in
            var start = 0
            while start < octets.count {
                let end = Self.endOfField(octets, from: start)
                defer { start = end }
                if Self.isEmptyLine(octets[start..<end]) { break }
                guard !Octet.isSpace(octets[start]), let colon = octets[start..<end].firstIndex(of: Octet.colon) else {
                    continue
                }
                let place = DKIMTagList.trimmed(octets, start..<colon)
                guard !place.isEmpty else { continue }
                let name = Self.name(octets[place])
                above.append(lowest.updateValue(fields.count, forKey: name) ?? -1)
                fields.append(Field(name: name, bytes: block[start..<end], valueStart: colon + 1))
            }
        }
    }

    private static func isEmptyLine(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        line.first == Octet.lineFeed
            || (line.count == 2 && line.first == Octet.carriageReturn && line.last == Octet.lineFeed)
    }

    /// A field's name in lower case.
    static func name(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        String(unsafeUninitializedCapacity: bytes.count) { out in
            var count = 0
            for octet in bytes {
                out[count] = Octet.lowercased(octet)
                count += 1
            }
            return count
        }
    }

    private static func endOfField(_ block: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var line = start
        while let base = block.baseAddress, line < block.count,
            let found = memchr(base + line, Int32(Octet.lineFeed), block.count - line)
        {
            let next = UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found)) + 1
            guard line != start || !isEmptyLine(block[start..<next]), next < block.count, Octet.isSpace(block[next])
            else { return next }
            line = next
        }
        return block.count
    }

    /// How many fields have a name, which is lower-case.
    func count(of name: String) -> Int {
        var count = 0
        var place = lowest[name] ?? -1
        while place >= 0 {
            count += 1
            place = above[place]
        }
        return count
    }

    /// The fields of a name, which is lower-case, from the top down, as indices into ``fields``.
    func indices(of name: String) -> [Int] {
        var found: [Int] = []
        var place = lowest[name] ?? -1
        while place >= 0 {
            found.append(place)
            place = above[place]
        }
        return found.reversed()
    }

    /// The fields a list of names in lower case stands for: each name takes the lowest field of that name that is not taken yet,
    /// and nothing when there is none left. // RFC 6376 §5.4.2
    /// - Parameter own: the index of the field being verified, which a list never stands for. // RFC 6376 §3.7
    func selection(_ names: [String], except own: Int? = nil) -> [Field] {
        // For the lowest field of a name, which of that name is next: -1 for none, nil where none has been taken.
        var next: [Int?] = Array(repeating: nil, count: fields.count)
        var selected: [Field] = []
        selected.reserveCapacity(names.count)
        for name in names {
            guard let first = lowest[name] else { continue }
            var place = next[first] ?? first
            if place >= 0, place == own { place = above[place] }
            if place >= 0 { selected.append(fields[place]) }
            next[first] = place >= 0 ? above[place] : -1
        }
        return selected
    }
}
