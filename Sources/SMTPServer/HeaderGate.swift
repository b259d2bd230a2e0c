/// Lets a message's header through up to its end, and puts in the blank line where text begins without one.
///
/// People's first scripts send text and no header at all. Whatever is put below such a header, or reads it later, would
/// take the text for fields and show an empty message. A first line `From …`, which marks a message in a mailbox file
/// and is no field, is dropped. What is held back is the beginning of a line that can't be judged yet.
// RFC 5322 §2.2
struct HeaderGate {
    private enum Verdict {
        case undecided
        /// A field, or the continuation of one.
        case field
        case blank
        case text
        case mailboxLine
    }

    /// A field's name with the blanks after it that is longer is none.
    private static let longestName = 1000

    private var held: [UInt8] = []
    private var isInLine = false
    private var isDropping = false
    private var isFirstLine = true
    private var hasField = false
    /// The header has ended; nothing more has to pass through here.
    private(set) var isOver = false
    /// What was done, in words.
    private(set) var repairs: [String] = []

    private static let blankLine = "a blank line was put between the header and the text"
    private static let mailboxLine = "the line From of a mailbox file was dropped"

    /// - Returns: what goes on to the message; nil when that is the octets as they are.
    mutating func pass(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var scout = self
        if scout.skipGoodLines(bytes) {
            self = scout
            return nil
        }
        return rewrite(held + bytes)
    }

    /// The message is over: what was held is text.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        guard !isOver, !held.isEmpty, held != [13] else { return held }
        repairs.append(Self.blankLine)
        return [13, 10] + held
    }

    /// Whether the octets can pass as they are, which nearly all do.
    private mutating func skipGoodLines(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard held.isEmpty, !isDropping else { return false }
        var rest = bytes[...]
        while !rest.isEmpty {
            if !isInLine {
                switch judge(rest) {
                case .field: (isInLine, hasField) = (true, true)
                case .blank:
                    isOver = true
                    return true
                case .undecided, .text, .mailboxLine: return false
                }
            }
            rest = endLine(rest)
        }
        return true
    }

    /// Goes to the next line, if it has begun.
    private mutating func endLine<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence
    where Bytes.SubSequence == Bytes {
        guard let feed = bytes.firstIndex(of: 10) else { return bytes[bytes.endIndex...] }
        (isInLine, isDropping, isFirstLine) = (false, false, false)
        return bytes[bytes.index(after: feed)...]
    }

    private mutating func rewrite(_ bytes: [UInt8]) -> [UInt8] {
        held = []
        var out: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if !isInLine, !isDropping {
                switch judge(rest) {
                case .field: (isInLine, hasField) = (true, true)
                case .mailboxLine:
                    isDropping = true
                    repairs.append(Self.mailboxLine)
                case .undecided:
                    held = Array(rest)
                    return out
                case .blank:
                    isOver = true
                    return out + rest
                case .text:
                    isOver = true
                    repairs.append(Self.blankLine)
                    return out + [13, 10] + rest
                }
            }
            let drops = isDropping
            let next = endLine(rest)
            if !drops { out += rest[..<next.startIndex] }
            rest = next
        }
        return out
    }

    /// What the line is that begins here.
    private func judge(_ bytes: some Collection<UInt8>) -> Verdict {
        var length = 0
        var isAfterName = false
        for byte in bytes {
            switch byte {
            case 10: return length == 0 ? .blank : .text
            case 13 where length == 0: continue
            case 9, 32:
                if length == 0 { return hasField ? .field : .text }
                isAfterName = true
            case UInt8(ascii: ":"): return length > 0 ? .field : .text
            case 33...126 where !isAfterName: break
            default: return isAfterName && isFirstLine && bytes.starts(with: "From ".utf8) ? .mailboxLine : .text
            }
            length += 1
            guard length <= Self.longestName else { return .text }
        }
        return .undecided
    }
}
