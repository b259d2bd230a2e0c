/// The text of a `C:` line as octets: `\r \n \t \0 \\ \xNN`, and `<<TEXT*N>>` for a text N times.
struct TranscriptOctets {
    private(set) var octets: [UInt8] = []

    init(_ text: String) {
        var rest = text[...]
        while let open = rest.firstRange(of: "<<"), let close = rest[open.upperBound...].firstRange(of: ">>") {
            append(rest[..<open.lowerBound])
            let inner = rest[open.upperBound..<close.lowerBound]
            if let star = inner.lastIndex(of: "*"), let count = Int(inner[inner.index(after: star)...]) {
                let piece = TranscriptOctets(String(inner[..<star])).octets
                for _ in 0..<count { octets += piece }
            } else {
                append("<<" + inner + ">>")
            }
            rest = rest[close.upperBound...]
        }
        append(rest)
    }

    private mutating func append(_ text: Substring) {
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                octets.append(octet)
                continue
            }
            switch escape {
            case UInt8(ascii: "r"): octets.append(13)
            case UInt8(ascii: "n"): octets.append(10)
            case UInt8(ascii: "t"): octets.append(9)
            case UInt8(ascii: "0"): octets.append(0)
            case UInt8(ascii: "x"):
                octets.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: octets.append(escape)
            }
        }
    }
}
