package import NIOCore

/// Takes the head of one request off a connection, and nothing after it.
///
/// What can't become a request is said as soon as it is seen: a head that is too large, or a line that does not end with
/// CRLF. Each octet is looked at once, however the head is cut.
package struct HTTPHeadFramer: Sendable {
    package enum Mode: Sendable {
        case head
    }

    /// Octets of a head at most.
    package static let limit = 8 * 1024

    package private(set) var isPaused = false
    /// Octets of the buffer that were looked at.
    private var scanned = 0
    /// Octets of the line that is being looked at.
    private var lineLength = 0
    /// A line with something in it has ended.
    private var hasStarted = false

    package init() {}

    package mutating func next(_ buffer: inout ByteBuffer) -> HTTPHead? {
        guard !isPaused else { return nil }
        let bytes = buffer.readableBytesView
        var previous: UInt8? = scanned > 0 ? bytes.dropFirst(scanned - 1).first : nil
        for byte in bytes.dropFirst(scanned) {
            guard scanned < Self.limit else { return end(.tooLarge) }
            scanned += 1
            // RFC 9112 §2.2: a CR stands before LF alone; a LF without one is no end that everybody sees.
            guard (byte == 0x0A) == (previous == 0x0D) else { return end(.malformed) }
            previous = byte
            lineLength += 1
            guard byte == 0x0A else { continue }
            let isEmpty = lineLength == 2
            lineLength = 0
            guard isEmpty else {
                hasStarted = true
                continue
            }
            // RFC 9112 §2.2: an empty line before the request line is passed over.
            guard hasStarted else { continue }
            let head = buffer.readBytes(length: scanned) ?? []
            return end(HTTPRequest.parse(head))
        }
        return nil
    }

    private mutating func end(_ head: HTTPHead) -> HTTPHead {
        isPaused = true
        return head
    }

    package mutating func expect(_ mode: Mode) { reset() }

    package mutating func reset() { self = HTTPHeadFramer() }
}
