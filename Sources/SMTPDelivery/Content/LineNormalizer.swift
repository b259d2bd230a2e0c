/// Makes every line end CRLF, piece by piece.
///
/// What came by BDAT may hold a lone CR or LF. Sent as it is, a lenient receiver could take part of the text for the end
/// of data and the rest for commands.
package struct LineNormalizer: Sendable {
    private var endedWithCarriageReturn = false
    private var atLineStart = true

    package init() {}

    /// The piece with its line ends made whole; a CR at its end waits for the next.
    package mutating func normalize(_ piece: [UInt8]) -> [UInt8] {
        if !endedWithCarriageReturn, Self.isNormal(piece) {
            if !piece.isEmpty { atLineStart = piece.last == 0x0A }
            return piece
        }
        var output: [UInt8] = []
        output.reserveCapacity(piece.count + 16)
        for octet in piece {
            if endedWithCarriageReturn {
                endedWithCarriageReturn = false
                output.append(contentsOf: [0x0D, 0x0A])
                if octet == 0x0A { continue }
            }
            switch octet {
            case 0x0D: endedWithCarriageReturn = true
            case 0x0A: output.append(contentsOf: [0x0D, 0x0A])
            default: output.append(octet)
            }
        }
        if let last = output.last { atLineStart = last == 0x0A }
        return output
    }

    /// What is missing at the end: the line end that waits, or one for a last line without.
    package mutating func finish() -> [UInt8] {
        defer { self = LineNormalizer() }
        return endedWithCarriageReturn || !atLineStart ? [0x0D, 0x0A] : []
    }

    /// Every CR is followed by LF and every LF preceded by CR, within the piece.
    private static func isNormal(_ piece: [UInt8]) -> Bool {
        piece.withUnsafeBytes { bytes in
            var previous: UInt8 = 0
            for octet in bytes {
                if (octet == 0x0A) != (previous == 0x0D) { return false }
                previous = octet
            }
            return previous != 0x0D
        }
    }
}
