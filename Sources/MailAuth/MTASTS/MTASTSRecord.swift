/// The TXT record by which a domain says that it has a policy. // RFC 8461 §3.1
package struct MTASTSRecord: Sendable, Hashable {
    /// Changes with the policy.
    package var id: String

    package init(id: String) { self.id = id }

    /// The record among the texts of `_mta-sts.DOMAIN`; nil unless exactly one of them is one.
    package static func find(in texts: [[UInt8]]) -> MTASTSRecord? {
        let ours = texts.filter(begins)
        // RFC 8461 §3.1: with more than one, or one that can't be read, the domain has no policy.
        guard let only = ours.first, ours.count == 1 else { return nil }
        return MTASTSRecord(parsing: only)
    }

    private static func begins(_ text: [UInt8]) -> Bool {
        let version = Array("v=STSv1".utf8)
        guard text.starts(with: version) else { return false }
        // `v=STSv1` and then a field's end.
        let rest = text.dropFirst(version.count).drop { $0 == 0x20 || $0 == 0x09 }
        return rest.first.map { $0 == UInt8(ascii: ";") } ?? true
    }

    init?(parsing text: [UInt8]) {
        guard text.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else { return nil }
        let fields = String(decoding: text, as: UTF8.self).split(separator: ";", omittingEmptySubsequences: false)
        var ids: [String] = []
        for (index, field) in fields.enumerated().dropFirst() {
            let field = field.trimmed
            if field.isEmpty {
                guard index == fields.count - 1 else { return nil }
                continue
            }
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = parts.first else { return nil }
            if name == "id" { ids.append(String(parts[1])) }
        }
        // sts-id = "id=" 1*32(ALPHA / DIGIT)
        guard let id = ids.first, ids.count == 1, (1...32).contains(id.utf8.count), id.utf8.allSatisfy(\.isAlphanumeric)
        else { return nil }
        self.id = id
    }
}

extension UInt8 {
    var isAlphanumeric: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}

extension Substring {
    /// Without blanks at its ends.
    var trimmed: Substring {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var text = drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
