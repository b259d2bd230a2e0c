import IMAPCore

/// A part of a response of an IMAP server. RFC 3501 §9
indirect enum IMAPValue: Equatable, Sendable {
    case atom(String)
    case string([UInt8])
    case list([IMAPValue])
    /// A literal that was handed on while it came.
    case streamed

    var text: String? {
        switch self {
        case .atom(let text): text
        case .string(let bytes): String(decoding: bytes, as: UTF8.self)
        case .list, .streamed: nil
        }
    }

    var items: [IMAPValue] {
        if case .list(let items) = self { return items }
        return []
    }
}

/// A response line: text between literals.
struct IMAPResponseText {
    enum Piece {
        case text([UInt8])
        case literal([UInt8])
        case streamed
    }

    var pieces: [Piece] = []

    /// Everything up to the first literal.
    var head: [UInt8] {
        if case .text(let bytes)? = pieces.first { return bytes }
        return []
    }

    private static let depthLimit = 16

    /// The values of a response; what can't be read ends them.
    func values() -> [IMAPValue] {
        var parser = Parser(pieces: pieces)
        return parser.values(depth: 0)
    }

    private struct Parser {
        let pieces: [Piece]
        var piece = 0
        var offset = 0

        mutating func values(depth: Int) -> [IMAPValue] {
            var found: [IMAPValue] = []
            while piece < pieces.count {
                switch pieces[piece] {
                case .literal(let bytes):
                    found.append(.string(bytes))
                    next()
                case .streamed:
                    found.append(.streamed)
                    next()
                case .text(let bytes):
                    guard offset < bytes.count else {
                        next()
                        continue
                    }
                    switch bytes[offset] {
                    case 0x20: offset += 1
                    case UInt8(ascii: ")"):
                        offset += 1
                        return found
                    case UInt8(ascii: "("):
                        offset += 1
                        guard depth < IMAPResponseText.depthLimit else { return found }
                        found.append(.list(values(depth: depth + 1)))
                    case UInt8(ascii: "\""): found.append(.string(quoted(bytes)))
                    default: found.append(.atom(atom(bytes)))
                    }
                }
            }
            return found
        }

        private mutating func next() {
            piece += 1
            offset = 0
        }

        private mutating func quoted(_ bytes: [UInt8]) -> [UInt8] {
            var result: [UInt8] = []
            offset += 1
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
                if bytes[offset] == UInt8(ascii: "\\"), offset + 1 < bytes.count { offset += 1 }
                result.append(bytes[offset])
                offset += 1
            }
            offset += 1
            return result
        }

        /// `BODY[HEADER (X)]` is one atom.
        private mutating func atom(_ bytes: [UInt8]) -> String {
            let start = offset
            var brackets = 0
            while offset < bytes.count {
                let byte = bytes[offset]
                if byte == UInt8(ascii: "[") { brackets += 1 }
                if byte == UInt8(ascii: "]"), brackets > 0 { brackets -= 1 }
                if brackets == 0, byte == 0x20 || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") { break }
                offset += 1
            }
            if offset == start { offset += 1 }
            return String(decoding: bytes[start..<min(offset, bytes.count)], as: UTF8.self)
        }
    }
}

/// INTERNALDATE as servers write it: ` 1-Feb-2024 13:05:00 +0100`. RFC 3501 §9
enum RemoteDate {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// Seconds since 1970 and minutes east of UTC.
    static func read(_ text: String) -> (seconds: Int64, zone: Int)? {
        let words = text.split(separator: " ")
        guard words.count == 3 else { return nil }
        let day = words[0].split(separator: "-")
        let time = words[1].split(separator: ":").compactMap { Int($0) }
        guard day.count == 3, let number = Int(day[0]), let month = months.firstIndex(of: day[1].lowercased()),
            let year = Int(day[2]), let date = IMAPDate(year: year, month: month + 1, day: number), time.count == 3,
            (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]),
            let zone = Int(words[2].dropFirst()), words[2].count == 5, (0...1400).contains(zone)
        else { return nil }
        let minutes = (zone / 100 * 60 + zone % 100) * (words[2].hasPrefix("-") ? -1 : 1)
        let local = date.dayNumber * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
        return (Int64(local - minutes * 60), minutes)
    }
}
