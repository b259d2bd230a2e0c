extension Base64 {
    /// Undoes base64 a piece at a time, as leniently as ``decodeLenient(_:)`` and with the same result.
    package struct PieceDecoder: Sendable {
        private var word: UInt32 = 0
        private var digits = 0

        package init() {}

        package mutating func decode(_ piece: [UInt8]) -> [UInt8] {
            var word = word
            var digits = digits
            let decoded = [UInt8](unsafeUninitializedCapacity: piece.count / 4 * 3 + 6) { out, count in
                Base64.values.withUnsafeBufferPointer { values in
                    for byte in piece {
                        let value = values[Int(byte)]
                        if value < 64 {
                            word = word << 6 | UInt32(value)
                            digits += 1
                            guard digits == 4 else { continue }
                            out[count] = UInt8(truncatingIfNeeded: word >> 16)
                            out[count + 1] = UInt8(truncatingIfNeeded: word >> 8)
                            out[count + 2] = UInt8(truncatingIfNeeded: word)
                            count += 3
                        } else if value == 64 {
                            // Padding ends a quantum: two digits are one octet, three are two.
                            if digits >= 2 {
                                out[count] = UInt8(truncatingIfNeeded: word >> (digits == 2 ? 4 : 10))
                                count += 1
                            }
                            if digits == 3 {
                                out[count] = UInt8(truncatingIfNeeded: word >> 2)
                                count += 1
                            }
                        } else {
                            continue
                        }
                        word = 0
                        digits = 0
                    }
                }
            }
            self.word = word
            self.digits = digits
            return decoded
        }

        /// What is left where the padding is missing.
        package mutating func finish() -> [UInt8] {
            decode([0x3D])
        }
    }
}
