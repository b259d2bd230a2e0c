import MailSyntax

/// `tag=value; tag=value`, as signatures and key records have it. // RFC 6376 §3.2
struct DKIMTagList {
    struct Tag {
        let name: String
        /// The value with its surrounding white space, as indices into the octets given.
        let range: Range<Int>
        let value: ArraySlice<UInt8>
    }

    /// More than any standard has; whoever writes more wants work done.
    static let maximumTags = 64

    let tags: [Tag]

    /// nil when a tag has no name or `=`, occurs twice, or has a value with control characters; when a semicolon
    /// stands alone, except at the end; or when there are too many tags.
    init?(_ bytes: ArraySlice<UInt8>) {
        var tags: [Tag] = []
        tags.reserveCapacity(16)
        let isList = bytes.withUnsafeBufferPointer { octets in
            var start = 0
            while true {
                guard let piece = Self.piece(octets, from: start) else { return false }
                let isLast = piece.end == octets.count
                if isLast, piece.isBlank { return true }
                guard piece.equals >= 0, tags.count < Self.maximumTags else { return false }
                let nameBytes = UnsafeBufferPointer(rebasing: octets[Self.trimmed(octets, start..<piece.equals)])
                guard Self.isName(nameBytes) else { return false }
                // RFC 6376 §3.2: names are case-sensitive, and duplicates void the whole list.
                let name = String(decoding: nameBytes, as: UTF8.self)
                guard !tags.contains(where: { $0.name == name }) else { return false }
                let value = Self.trimmed(octets, (piece.equals + 1)..<piece.end)
                let base = bytes.startIndex
                tags.append(
                    Tag(
                        name: name, range: (base + piece.equals + 1)..<(base + piece.end),
                        value: bytes[(base + value.lowerBound)..<(base + value.upperBound)]))
                if isLast { return true }
                start = piece.end + 1
            }
        }
        guard isList else { return nil }
        self.tags = tags
    }

    /// Where a tag ends and where its first `=` is, -1 without one. nil when its value has control characters.
    private static func piece(
        _ octets: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (end: Int, equals: Int, isBlank: Bool)? {
        var index = start
        var equals = -1
        var isBlank = true
        while index < octets.count {
            let octet = octets[index]
            if octet == Octet.semicolon { break }
            if equals >= 0 {
                guard isAllowed(octet) else { return nil }
            } else if octet == Octet.equals {
                equals = index
                isBlank = false
            } else if !Octet.isFolding(octet) {
                isBlank = false
            }
            index += 1
        }
        return (index, equals, isBlank)
    }

    /// The range without white space at its ends.
    static func trimmed(_ octets: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while lower < upper, Octet.isFolding(octets[lower]) { lower += 1 }
        while lower < upper, Octet.isFolding(octets[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    subscript(name: String) -> Tag? {
        for index in tags.indices where tags[index].name == name { return tags[index] }
        return nil
    }

    /// nil when there is no such tag, or it is not UTF-8.
    func text(_ name: String) -> String? {
        guard let value = self[name]?.value else { return nil }
        let isASCII = value.withUnsafeBufferPointer { octets in octets.allSatisfy { $0 < 0x80 } }
        return isASCII ? String(decoding: value, as: UTF8.self) : String(validating: value, as: UTF8.self)
    }

    /// A colon-separated list, each item trimmed; empty items stay.
    func list(_ name: String) -> [String]? {
        self[name]?.value.split(separator: Octet.colon, omittingEmptySubsequences: false).map {
            String(decoding: $0.trimmingFolding, as: UTF8.self)
        }
    }

    /// The octets of a base64 value, blanks anywhere and padding optional; nil when the tag is missing or malformed.
    func base64(_ name: String) -> [UInt8]? {
        guard let tag = self[name] else { return nil }
        // RFC 6376 §2.10: base64string
        let isWellFormed = tag.value.withUnsafeBufferPointer { octets in
            var digits = 0
            var padding = 0
            for octet in octets {
                if Self.isBase64(octet) {
                    guard padding == 0 else { return false }
                    digits += 1
                } else if octet == Octet.equals {
                    padding += 1
                } else if !Octet.isFolding(octet) {
                    return false
                }
            }
            return padding <= 2 && digits % 4 != 1
        }
        // Blanks are passed over.
        return isWellFormed ? Base64.decodeLenient(tag.value) : nil
    }

    /// RFC 6376 §3.2: printable characters and folding; RFC 8616 §5: and UTF-8.
    private static func isAllowed(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x7F || Octet.isFolding(octet)
    }

    private static func isBase64(_ octet: UInt8) -> Bool {
        // A bit for each octet below 128: digits, + and /; letters.
        let bits: UInt64 = octet < 0x40 ? 0x03FF_8800_0000_0000 : 0x07FF_FFFE_07FF_FFFE
        return octet < 0x80 && bits >> UInt64(octet & 0x3F) & 1 == 1
    }

    private static func isName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(Octet.lowercased(octet)) }
}
