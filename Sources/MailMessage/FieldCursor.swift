import Glibc
import MailSyntax

/// Walks the fields of a header block without allocating.
struct FieldCursor {
    private(set) var position: Int
    private let end: Int

    init(start: Int = 0, end: Int) {
        position = start
        self.end = end
    }

    /// Octet ranges of one field, line end included in `whole` only.
    struct Bounds {
        /// Empty for a line that is not a field.
        var name: Range<Int>
        var value: Range<Int>
        var whole: Range<Int>
    }

    /// The next field; nil at the blank line or at the end.
    mutating func next(_ bytes: UnsafeBufferPointer<UInt8>) -> Bounds? {
        let limit = min(end, bytes.count)
        let start = position
        guard start < limit, !isLineEnd(bytes, at: start, limit: limit) else { return nil }
        var cursor = start
        repeat {
            cursor = lineEnd(bytes, from: cursor, limit: limit)
        } while cursor < limit && (bytes[cursor] == 32 || bytes[cursor] == 9)
        position = cursor
        var valueEnd = cursor
        if valueEnd > start, bytes[valueEnd - 1] == 10 {
            valueEnd -= 1
            if valueEnd > start, bytes[valueEnd - 1] == 13 { valueEnd -= 1 }
        }
        guard let colon = colon(bytes, from: start, to: valueEnd) else {
            return Bounds(name: start..<start, value: start..<valueEnd, whole: start..<cursor)
        }
        return Bounds(name: start..<colon.nameEnd, value: (colon.position + 1)..<valueEnd, whole: start..<cursor)
    }

    /// The octet after the next line feed, or the limit.
    private func lineEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) -> Int {
        guard let base = bytes.baseAddress, let found = memchr(base + start, 10, limit - start) else { return limit }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
    }

    private func isLineEnd(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int, limit: Int) -> Bool {
        bytes[index] == 10 || (bytes[index] == 13 && index + 1 < limit && bytes[index + 1] == 10)
    }

    /// RFC 5322 §2.2: printable octets before the colon; §4.5: blanks may stand in between.
    private func colon(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int
    ) -> (position: Int, nameEnd: Int)? {
        var index = start
        while index < end, bytes[index] > 32, bytes[index] < 127, bytes[index] != 0x3A { index += 1 }
        let nameEnd = index
        while index < end, bytes[index] == 32 || bytes[index] == 9 { index += 1 }
        guard index < end, bytes[index] == 0x3A, nameEnd > start else { return nil }
        return (index, nameEnd)
    }
}

/// True when the octets are `name` in any case; `name` is lower-case ASCII.
func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ name: StaticString) -> Bool {
    guard range.count == name.utf8CodeUnitCount, range.upperBound <= bytes.count else { return false }
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    var index = range.lowerBound
    for byte in wanted {
        var own = bytes[index]
        if own >= 65, own <= 90 { own |= 0x20 }
        guard own == byte else { return false }
        index += 1
    }
    return true
}

/// Field text with line ends taken out (RFC 5322 §2.2.3) and blanks at both ends dropped.
func unfold(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    for byte in bytes where byte != 10 && byte != 13 {
        if out.isEmpty, byte == 32 || byte == 9 { continue }
        out.append(byte)
    }
    while let last = out.last, last == 32 || last == 9 { out.removeLast() }
    return out
}

/// Octets of a header as text: UTF-8 when valid, else Windows-1252; quick where they are ASCII.
func plainText(_ bytes: [UInt8]) -> String {
    var all: UInt8 = 0
    for byte in bytes { all |= byte }
    return all < 0x80 ? String(decoding: bytes, as: UTF8.self) : Charset.decodeUnlabelled(bytes)
}
