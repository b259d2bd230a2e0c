/// `tag=value; tag=value`, as signatures and key records have it. // RFC 6376 §3.2
struct DKIMTagList {
    struct Tag {
        let name: String
        /// The value with its surrounding white space, as indices into the octets given.
        let range: Range<Int>
        let value: ArraySlice<UInt8>
    }

    let tags: [Tag]

    /// nil when a tag has no name or `=`, or occurs twice.
    init?(_ bytes: ArraySlice<UInt8>) {
        var tags: [Tag] = []
        var names: Set<String> = []
        for piece in bytes.split(separator: Octet.semicolon, omittingEmptySubsequences: false) {
            if piece.allSatisfy(Octet.isFolding) { continue }
            guard let equals = piece.firstIndex(of: Octet.equals) else { return nil }
            let nameBytes = piece[..<equals].trimmingFolding
            guard Self.isName(nameBytes) else { return nil }
            let name = String(decoding: nameBytes, as: UTF8.self)
            guard names.insert(name).inserted else { return nil }
            let value = piece[(equals + 1)...]
            tags.append(Tag(name: name, range: value.startIndex..<value.endIndex, value: value.trimmingFolding))
        }
        self.tags = tags
    }

    subscript(name: String) -> Tag? { tags.first { $0.name == name } }

    func text(_ name: String) -> String? {
        self[name].flatMap { String(validating: $0.value, as: UTF8.self) }
    }

    /// A colon-separated list, trimmed.
    func list(_ name: String) -> [String]? {
        self[name]?.value.split(separator: Octet.colon).map {
            String(decoding: $0.trimmingFolding, as: UTF8.self)
        }
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(Octet.lowercased(octet)) }
}
