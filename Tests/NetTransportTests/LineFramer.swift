import NIOCore

@testable import NetTransport

/// Lines ended by CRLF; "STARTTLS" and "PAUSE" pause.
struct LineFramer: ConnectionFramer {
    var isPaused = false

    mutating func next(_ buffer: inout ByteBuffer) -> String? {
        guard !isPaused else { return nil }
        let view = buffer.readableBytesView
        guard let end = view.firstIndex(of: 10) else { return nil }
        let line = buffer.readString(length: end - view.startIndex + 1) ?? ""
        let text = String(line.dropLast())
        isPaused = text == "STARTTLS" || text == "PAUSE"
        return text
    }

    mutating func expect(_ mode: Bool) { isPaused = false }
    mutating func reset() { isPaused = false }
}
