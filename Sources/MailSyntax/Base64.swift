/// RFC 4648 §4 base64.
package enum Base64 {
    /// Encodes; with `lineLength` (a multiple of 4 is best) CRLF stands between lines and none at the end.
    package static func encode(_ bytes: some Collection<UInt8>, lineLength: Int? = nil) -> String {
        let encoded =
            bytes.withContiguousStorageIfAvailable { encodeBytes($0, lineLength: lineLength) }
            ?? Array(bytes).withUnsafeBufferPointer { encodeBytes($0, lineLength: lineLength) }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Encodes to octets.
    package static func encodeToBytes(_ bytes: some Collection<UInt8>, lineLength: Int? = nil) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { encodeBytes($0, lineLength: lineLength) }
            ?? Array(bytes).withUnsafeBufferPointer { encodeBytes($0, lineLength: lineLength) }
    }

    /// Strict: only the alphabet, full padding, zero spare bits; nil otherwise.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        text.withContiguousStorageIfAvailable { decodeStrict($0) }
            ?? Array(text).withUnsafeBufferPointer { decodeStrict($0) }
    }

    /// Strict, from text.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? { decode(Array(text.utf8)) }

    /// Never fails: what is not in the alphabet is passed over (RFC 2045 §6.8); padding ends a quantum, so that
    /// joined base64 texts are read through.
    package static func decodeLenient(_ text: some Sequence<UInt8>) -> [UInt8] {
        text.withContiguousStorageIfAvailable { decodeLoose($0) }
            ?? Array(text).withUnsafeBufferPointer { decodeLoose($0) }
    }

    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 0…63, 64 for `=`, 255 for anything else.
    static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        table[0x3D] = 64
        return table
    }()

    private static func encodeBytes(_ input: UnsafeBufferPointer<UInt8>, lineLength: Int?) -> [UInt8] {
        let width = max(4, lineLength ?? Int.max) / 4 * 4
        let quanta = (input.count + 2) / 3
        let breaks = quanta == 0 ? 0 : (quanta * 4 - 1) / width
        return [UInt8](unsafeUninitializedCapacity: quanta * 4 + breaks * 2) { out, count in
            alphabet.withUnsafeBufferPointer { alphabet in
                var column = 0
                var position = 0
                while position < input.count {
                    if column == width {
                        out[count] = 13
                        out[count + 1] = 10
                        count += 2
                        column = 0
                    }
                    let left = input.count - position
                    let a = UInt32(input[position])
                    let b = left > 1 ? UInt32(input[position + 1]) : 0
                    let c = left > 2 ? UInt32(input[position + 2]) : 0
                    let word = a << 16 | b << 8 | c
                    out[count] = alphabet[Int(word >> 18)]
                    out[count + 1] = alphabet[Int(word >> 12 & 63)]
                    out[count + 2] = left > 1 ? alphabet[Int(word >> 6 & 63)] : 0x3D
                    out[count + 3] = left > 2 ? alphabet[Int(word & 63)] : 0x3D
                    count += 4
                    column += 4
                    position += 3
                }
            }
        }
    }

    private static func decodeStrict(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard input.count % 4 == 0 else { return nil }
        guard input.count > 0 else { return [] }
        var out: [UInt8] = []
        out.reserveCapacity(input.count / 4 * 3)
        for position in stride(from: 0, to: input.count, by: 4) {
            let a = values[Int(input[position])]
            let b = values[Int(input[position + 1])]
            let c = values[Int(input[position + 2])]
            let d = values[Int(input[position + 3])]
            guard a < 64, b < 64 else { return nil }
            if c < 64, d < 64 {
                out.append(a << 2 | b >> 4)
                out.append(b << 4 | c >> 2)
                out.append(c << 6 | d)
                continue
            }
            guard position + 4 == input.count, d == 64 else { return nil }
            if c == 64 {
                guard b & 15 == 0 else { return nil }
                out.append(a << 2 | b >> 4)
            } else {
                guard c < 64, c & 3 == 0 else { return nil }
                out.append(a << 2 | b >> 4)
                out.append(b << 4 | c >> 2)
            }
        }
        return out
    }

    private static func decodeLoose(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: input.count / 4 * 3 + 3) { out, count in
            values.withUnsafeBufferPointer { values in
                var word: UInt32 = 0
                var digits = 0
                func flush() {
                    if digits >= 2 {
                        out[count] = UInt8(truncatingIfNeeded: word >> (digits == 2 ? 4 : 10))
                        count += 1
                    }
                    if digits == 3 {
                        out[count] = UInt8(truncatingIfNeeded: word >> 2)
                        count += 1
                    }
                    word = 0
                    digits = 0
                }
                for byte in input {
                    let value = values[Int(byte)]
                    if value < 64 {
                        word = word << 6 | UInt32(value)
                        digits += 1
                        if digits == 4 {
                            out[count] = UInt8(truncatingIfNeeded: word >> 16)
                            out[count + 1] = UInt8(truncatingIfNeeded: word >> 8)
                            out[count + 2] = UInt8(truncatingIfNeeded: word)
                            count += 3
                            word = 0
                            digits = 0
                        }
                    } else if value == 64 {
                        flush()
                    }
                }
                flush()
            }
        }
    }
}
