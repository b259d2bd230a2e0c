/// What a server sends in a challenge when it refuses a token: JSON, in words. // RFC 7628 §3.2.2
package struct BearerComplaint: Sendable, Equatable, CustomStringConvertible {
    /// By key, of the strings and numbers anywhere in it; the first of a name.
    package private(set) var values: [String: String] = [:]
    private let raw: String

    private static let longest = 300

    /// Never fails: what is not JSON is shown as it is.
    package init(_ challenge: [UInt8]) {
        let octets = Array(challenge.prefix(SASLLimits.line))
        raw = Self.printable(String(decoding: octets, as: UTF8.self))
        var scanner = Scanner(octets: octets)
        while values.count < 32, let (key, value) = scanner.next() {
            if values[key] == nil { values[key] = Self.printable(value) }
        }
    }

    package var description: String {
        var words: [String] = []
        if let status = values["status"] { words.append("status \(status)") }
        for key in ["error", "error_description"] { if let value = values[key] { words.append(value) } }
        if let scope = values["scope"], !scope.isEmpty { words.append("scope \(scope)") }
        if words.isEmpty { return raw.isEmpty ? "no reason given" : raw }
        return words.joined(separator: ", ")
    }

    static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(longest) {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            result.append(isControl ? " " : scalar)
        }
        return String(result)
    }

    /// Finds `"key": "value"` and `"key": 123`, however deep; the structure around does not matter.
    private struct Scanner {
        let octets: [UInt8]
        var position = 0

        mutating func next() -> (String, String)? {
            while position < octets.count {
                guard octets[position] == UInt8(ascii: "\"") else {
                    position += 1
                    continue
                }
                guard let key = string() else { return nil }
                skipSpace()
                guard position < octets.count, octets[position] == UInt8(ascii: ":") else { continue }
                position += 1
                skipSpace()
                guard position < octets.count else { return nil }
                if octets[position] == UInt8(ascii: "\"") {
                    guard let value = string() else { return nil }
                    return (key, value)
                }
                let number = octets[position...].prefix { (0x30...0x39).contains($0) }
                guard !number.isEmpty else { continue }
                position += number.count
                return (key, String(decoding: number, as: UTF8.self))
            }
            return nil
        }

        private mutating func skipSpace() {
            while position < octets.count, [0x20, 0x09, 0x0A, 0x0D].contains(octets[position]) { position += 1 }
        }

        /// From the quote at the position to the one that ends it; nil without one.
        private mutating func string() -> String? {
            var bytes: [UInt8] = []
            position += 1
            while position < octets.count {
                let octet = octets[position]
                position += 1
                switch octet {
                case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard position < octets.count else { return nil }
                    bytes += escaped(octets[position])
                    position += 1
                default: bytes.append(octet)
                }
            }
            return nil
        }

        private mutating func escaped(_ octet: UInt8) -> [UInt8] {
            switch octet {
            case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): return [0x20]
            case UInt8(ascii: "u"):
                let digits = octets[position...].dropFirst().prefix(4)
                guard digits.count == 4, let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                    let scalar = Unicode.Scalar(value)
                else { return [0x3F] }
                position += 4
                return Array(String(Character(scalar)).utf8)
            default: return [octet]
            }
        }
    }
}
