/// A message as a client gets it that has not said that it reads UTF-8 in headers: the same but for the headers of it, of its
/// parts and of messages in it, which are ASCII. RFC 6858
///
/// Bodies stay as they are. Held at any time: the headers that had to change, 4 MiB at most; beyond that their octets beyond
/// ASCII become question marks on the way.
package struct SurrogateMessage: Sendable {
    /// Reads octets of the stored message; may return fewer than asked for at its end only.
    package typealias Source = (Range<Int>) throws -> [UInt8]

    private enum Segment: Sendable {
        case stored(Range<Int>)
        /// Stored octets, those beyond ASCII as question marks.
        case masked(Range<Int>)
        case made([UInt8])

        var count: Int {
            switch self {
            case .stored(let range), .masked(let range): range.count
            case .made(let octets): octets.count
            }
        }
    }

    private static let largestMade = 4 << 20

    private var segments: [Segment] = []
    /// Of the first segment, so many octets were given out.
    private var position = 0
    /// Octets of the whole.
    package let size: Int
    /// Whether anything differs from what is stored.
    package let isSurrogate: Bool

    /// - Parameters:
    ///   - structure: of the stored message.
    ///   - size: of the stored message.
    /// - Throws: what `source` throws.
    package init(of structure: MIMEPart, size: Int, source: Source) throws {
        var headers: [Range<Int>] = []
        Self.collect(structure, into: &headers)
        var end = 0
        var made = 0
        for header in headers where header.lowerBound >= end && header.upperBound <= size {
            let segment: Segment
            if header.count > SurrogateHeader.largest || made > Self.largestMade {
                segment = .masked(header)
            } else {
                let octets = try source(header)
                guard SurrogateHeader.isNeeded(octets) else { continue }
                segment = .made(SurrogateHeader.make(octets))
                made += segment.count
            }
            if end < header.lowerBound { segments.append(.stored(end..<header.lowerBound)) }
            segments.append(segment)
            end = header.upperBound
        }
        isSurrogate = end > 0
        if end < size { segments.append(.stored(end..<size)) }
        self.size = segments.reduce(0) { $0 + $1.count }
    }

    /// Where headers are, from the front.
    private static func collect(_ part: MIMEPart, into headers: inout [Range<Int>]) {
        // The scanner has no more than a thousand parts, thirty deep.
        if !part.headerRange.isEmpty { headers.append(part.headerRange) }
        for child in part.children { collect(child, into: &headers) }
    }

    /// The next octets, `limit` at most; nil at the end.
    /// - Throws: what `source` throws.
    package mutating func next(_ limit: Int, source: Source) throws -> [UInt8]? {
        while let segment = segments.first {
            guard position < segment.count else {
                segments.removeFirst()
                position = 0
                continue
            }
            let wanted = position..<min(segment.count, position + max(1, limit))
            let octets: [UInt8]
            switch segment {
            case .made(let made): octets = Array(made[wanted])
            case .stored(let range):
                octets = try source(range.lowerBound + wanted.lowerBound..<range.lowerBound + wanted.upperBound)
            case .masked(let range):
                octets = try source(range.lowerBound + wanted.lowerBound..<range.lowerBound + wanted.upperBound)
                    .map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
            }
            guard !octets.isEmpty else { return nil }
            position += octets.count
            return octets
        }
        return nil
    }
}
