package import NIOCore

/// Turns a stored message into the body of a multi-line reply: dots stuffed, lines ended with CRLF, terminated.
///
/// A line feed without its carriage return, which a client may take for a line end, becomes CRLF, so that no content can look
/// like the terminating line. Fed in pieces of up to `pieceSize`, it writes at most twice as many octets for each.
package struct POP3MessageWriter: Sendable {
    /// What to read from the store at a time.
    package static let pieceSize = 32_768

    private enum Section {
        case header
        case body(linesLeft: Int)
    }

    private var section: Section
    private var isAtLineStart = true
    private var lastWasCR = false
    /// Octets other than CR in the line so far; only counted in the header.
    private var lineIsEmpty = true
    /// Nothing more of the message is wanted.
    package private(set) var isComplete = false

    /// - Parameter bodyLines: for TOP, how many lines follow the header; nil for the whole message.
    package init(bodyLines: Int? = nil) {
        section = bodyLines == nil ? .body(linesLeft: .max) : .header
        wantedLines = bodyLines ?? .max
    }

    private let wantedLines: Int

    /// Adds the next octets of the message.
    package mutating func write(_ message: [UInt8], into buffer: inout ByteBuffer) {
        var rest = message[...]
        while !isComplete, !rest.isEmpty {
            // RFC 1939 §3: a line that begins with the termination octet gets another in front
            if isAtLineStart, rest.first == UInt8(ascii: ".") { buffer.writeInteger(UInt8(ascii: ".")) }
            guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
                buffer.writeBytes(rest)
                note(rest)
                return
            }
            let line = rest[..<end]
            buffer.writeBytes(line)
            note(line)
            buffer.writeStaticString(lastWasCR ? "\n" : "\r\n")
            endLine()
            rest = rest[(end + 1)...]
        }
    }

    /// Adds the line that ends the reply.
    package mutating func finish(into buffer: inout ByteBuffer) {
        if !isAtLineStart { buffer.writeStaticString(lastWasCR ? "\n" : "\r\n") }
        buffer.writeBytes(POP3Reply.end)
        isComplete = true
    }

    private mutating func note(_ octets: ArraySlice<UInt8>) {
        guard let last = octets.last else { return }
        isAtLineStart = false
        if lastWasCR || octets.count > 1 || last != UInt8(ascii: "\r") { lineIsEmpty = false }
        lastWasCR = last == UInt8(ascii: "\r")
    }

    private mutating func endLine() {
        switch section {
        case .header where lineIsEmpty:
            section = .body(linesLeft: wantedLines)
            isComplete = wantedLines == 0
        case .header: break
        case .body(let linesLeft) where linesLeft != .max:
            section = .body(linesLeft: linesLeft - 1)
            isComplete = linesLeft <= 1
        case .body: break
        }
        isAtLineStart = true
        lastWasCR = false
        lineIsEmpty = true
    }
}
