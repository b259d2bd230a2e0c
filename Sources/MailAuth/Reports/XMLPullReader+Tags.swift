// Parts of tags.
extension XMLPullReader {
    static func string(_ octets: ArraySlice<UInt8>) throws(ReportError) -> String {
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw ReportError(.malformed, "text that is not UTF-8")
        }
        return text
    }

    static func isName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, first >= 0x80 || isLetter(first) || first == 0x5F || first == 0x3A else {
            return false
        }
        return name.allSatisfy {
            $0 >= 0x80 || isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x3A || $0 == 0x2D
                || $0 == 0x2E
        }
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(octet | 0x20) }

    static func split(_ name: ArraySlice<UInt8>) throws(ReportError) -> (prefix: String, local: String) {
        guard let colon = name.firstIndex(of: 0x3A) else { return ("", try string(name)) }
        return (try string(name[..<colon]), try string(name[name.index(after: colon)...]))
    }

    static func attributes(_ octets: ArraySlice<UInt8>) throws(ReportError) -> [Attribute] {
        var rest = octets
        var found: [Attribute] = []
        func skipBlanks() { rest = rest.drop(while: isBlank) }
        while true {
            let isSeparated = rest.first.map(isBlank) ?? true
            skipBlanks()
            guard !rest.isEmpty else { return found }
            let name = rest.prefix { !isBlank($0) && $0 != 0x3D }
            rest = rest[name.endIndex...]
            skipBlanks()
            guard isSeparated, isName(name), rest.popFirst() == 0x3D else {
                throw ReportError(.malformed, "an attribute without a value")
            }
            skipBlanks()
            guard let quote = rest.popFirst(), quote == 0x22 || quote == 0x27, let end = rest.firstIndex(of: quote)
            else {
                throw ReportError(.malformed, "an attribute's value without quotes")
            }
            guard found.count < maximumAttributes else {
                throw ReportError(.tooLarge, "an element with many attributes")
            }
            let attribute = Attribute(name: try string(name), value: try unescaped(rest[..<end]))
            guard !found.contains(where: { $0.name == attribute.name }) else {
                throw ReportError(.malformed, "an attribute twice")
            }
            found.append(attribute)
            rest = rest[(end + 1)...]
        }
    }

    private static func unescaped(_ value: ArraySlice<UInt8>) throws(ReportError) -> String {
        guard value.contains(0x26) else { return try string(value) }
        var out: [UInt8] = []
        var rest = value
        while let octet = rest.popFirst() {
            guard octet == 0x26 else {
                out.append(octet)
                continue
            }
            guard let end = rest.prefix(maximumEntity + 1).firstIndex(of: 0x3B) else {
                throw ReportError(.malformed, "an entity without an end")
            }
            out += try entity(Array(rest[..<end]))
            rest = rest[(end + 1)...]
        }
        return try string(out[...])
    }

    /// What stands between `&` and `;`.
    static func entity(_ name: [UInt8]) throws(ReportError) -> [UInt8] {
        switch String(decoding: name, as: UTF8.self) {
        case "amp": return [0x26]
        case "lt": return [0x3C]
        case "gt": return [0x3E]
        case "quot": return [0x22]
        case "apos": return [0x27]
        default: break
        }
        guard name.first == 0x23 else {
            throw ReportError(.malformed, "an entity that XML does not know by itself")
        }
        let isHexadecimal = name.dropFirst().first == 0x78
        let digits = name.dropFirst(isHexadecimal ? 2 : 1)
        guard !digits.isEmpty, digits.first != 0x2B, digits.first != 0x2D,
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: isHexadecimal ? 16 : 10),
            value >= 0x20 || value == 0x09 || value == 0x0A || value == 0x0D, Unicode.Scalar(value) != nil
        else { throw ReportError(.malformed, "a number that stands for no character") }
        var out: [UInt8] = []
        XMLDecoding.append(value, to: &out)
        return out
    }
}
