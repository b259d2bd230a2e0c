/// Doubles the dot at the start of a line, piece by piece. // RFC 5321 §4.5.2
package struct DotStuffer: Sendable {
    private var atLineStart = true

    package init() {}

    /// - Parameter piece: text whose lines end with CRLF.
    package mutating func stuff(_ piece: [UInt8]) -> [UInt8] {
        guard let last = piece.last else { return [] }
        defer { atLineStart = last == 0x0A }
        var dots: [Int] = []
        piece.withUnsafeBytes { bytes in
            var isStart = atLineStart
            for (index, octet) in bytes.enumerated() {
                if isStart, octet == 0x2E { dots.append(index) }
                isStart = octet == 0x0A
            }
        }
        guard !dots.isEmpty else { return piece }
        var output: [UInt8] = []
        output.reserveCapacity(piece.count + dots.count)
        var start = 0
        for dot in dots {
            output += piece[start..<dot]
            output.append(0x2E)
            start = dot
        }
        output += piece[start...]
        return output
    }
}
