package import MailSyntax

/// Simple network time: one packet asks, one answers. // RFC 5905 §14
package struct TimePacket: Sendable {
    /// A word of our own that the answer must repeat.
    private let nonce: UInt64

    package init(nonce: UInt64) { self.nonce = nonce }

    /// What is sent: version 4, client.
    package var request: [UInt8] {
        [0x23] + [UInt8](repeating: 0, count: 39) + (0..<8).map { UInt8(truncatingIfNeeded: nonce >> (56 - 8 * $0)) }
    }

    /// How far this machine's clock is ahead of the server's.
    ///
    /// - Parameters:
    ///   - sent: this machine's time when the request left.
    ///   - received: when the answer came.
    /// - Returns: nil when it is no answer to this request, or the server has no time to give.
    package func ahead(_ answer: [UInt8], sent: Timestamp, received: Timestamp) -> Duration? {
        guard answer.count >= 48, answer[0] & 7 == 4, answer[0] >> 6 != 3, (1...15).contains(answer[1]),
            Self.word(answer, 24) == nonce, let arrived = Self.time(answer, 32), let left = Self.time(answer, 40)
        else { return nil }
        // RFC 5905 §8: the server's clock less ours, the way there and back taken as equally long.
        let there = arrived.since(sent)
        let back = left.since(received)
        return Duration.zero - (there + back) / 2
    }

    private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        bytes[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Seconds since 1900, or since 2036 in the era after that; the low half is a fraction. // RFC 5905 §6
    private static func time(_ bytes: [UInt8], _ start: Int) -> Timestamp? {
        let word = word(bytes, start)
        guard word != 0 else { return nil }
        let seconds = Int64(word >> 32)
        let era: Int64 = seconds < 0x8000_0000 ? 0x1_0000_0000 : 0
        let fraction = Int64(((word & 0xFFFF_FFFF) * 1_000_000) >> 32)
        return Timestamp(microseconds: (seconds + era - 2_208_988_800) * 1_000_000 + fraction)
    }
}
