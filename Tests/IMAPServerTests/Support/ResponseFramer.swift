import NIOCore
import NetTransport

/// The client's side: whole responses, with the literals in them in place.
struct ResponseFramer: ConnectionFramer {
    enum Mode: Sendable {
        case responses
    }

    private var gathered: [UInt8] = []
    private var lineStart = 0
    private var literal = 0
    let isPaused = false

    mutating func next(_ buffer: inout ByteBuffer) -> String? {
        while true {
            if literal > 0 {
                guard let octets = buffer.readBytes(length: min(literal, buffer.readableBytes)), !octets.isEmpty else {
                    return nil
                }
                literal -= octets.count
                gathered += octets
                lineStart = gathered.count
                continue
            }
            guard let end = buffer.readableBytesView.firstIndex(of: 0x0A) else { return nil }
            gathered += buffer.readBytes(length: end - buffer.readerIndex + 1) ?? []
            if let size = announcedLiteral() {
                literal = size
                lineStart = gathered.count
                continue
            }
            let line = String(decoding: gathered.dropLast(2), as: UTF8.self)
            gathered = []
            lineStart = 0
            return line
        }
    }

    private func announcedLiteral() -> Int? {
        let line = gathered[lineStart...].dropLast(2)
        guard line.last == UInt8(ascii: "}"), let open = line.lastIndex(of: UInt8(ascii: "{")) else { return nil }
        return Int(String(decoding: line[(open + 1)..<(line.endIndex - 1)], as: UTF8.self))
    }

    mutating func expect(_ mode: Mode) {}

    mutating func reset() {
        self = ResponseFramer()
    }
}
