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
        var pieces = bytes.split(separator: Octet.semicolon, omittingEmptySubsequences: false)
        if let last = pieces.last, last.allSatisfy(Octet.isFolding) { pieces.removeLast() }
        guard pieces.count <= Self.maximumTags else { return nil }
        for piece in pieces {
            guard let equals = piece.firstIndex(of: Octet.equals) else { return nil }
            let nameBytes = piece[..<equals].trimmingFolding
            guard Self.isName(nameBytes) else { return nil }
            // RFC 6376 §3.2: names are case-sensitive, and duplicates void the whole list.
            let name = String(decoding: nameBytes, as: UTF8.self)
            guard !tags.contains(where: { $0.name == name }) else { return nil }
            let value = piece[(equals + 1)...]
            guard value.allSatisfy(Self.isAllowed) else { return nil }
            tags.append(Tag(name: name, range: value.startIndex..<value.endIndex, value: value.trimmingFolding))
        }
        self.tags = tags
    }

    subscript(name: String) -> Tag? { tags.first { $0.name == name } }

    func text(_ name: String) -> String? {
        self[name].flatMap { String(validating: $0.value, as: UTF8.self) }
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
        let text = tag.value.withoutFolding
        let digits = text.prefix { $0 != Octet.equals }
        guard text.count - digits.count <= 2, text[digits.endIndex...].allSatisfy({ $0 == Octet.equals }),
            digits.count % 4 != 1, digits.allSatisfy(Self.isBase64)
        else { return nil }
        return Base64.decodeLenient(digits)
    }

    /// RFC 6376 §3.2: printable characters and folding; RFC 8616 §5: and UTF-8.
    private static func isAllowed(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x7F || Octet.isFolding(octet)
    }

    private static func isBase64(_ octet: UInt8) -> Bool {
        isLetter(octet) || (0x30...0x39).contains(octet) || octet == 0x2B || octet == 0x2F
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(Octet.lowercased(octet)) }
}
