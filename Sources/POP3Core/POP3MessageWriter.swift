package import NIOCore

/// Turns a stored message into the body of a multi-line reply: dots stuffed, lines ended with CRLF, terminated.
///
/// A line feed without its carriage return, which a client may take for a line end, becomes CRLF, so that no content can look
/// like the terminating line. Fed in pieces of up to `pieceSize`, it writes at most twice as many octets for each.
package struct POP3MessageWriter: Sendable {
    /// What is put right for programs that break on it.
    package struct Repairs: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// NUL goes out as 0x80.
        package static let nul = Repairs(rawValue: 1)
        /// A message that is a header alone ends with an empty line.
        package static let endOfHeader = Repairs(rawValue: 2)
    }

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
    package init(bodyLines: Int? = nil, repairs: Repairs = []) {
        section = bodyLines == nil && !repairs.contains(.endOfHeader) ? .body(linesLeft: .max) : .header
        wantedLines = bodyLines ?? .max
        self.repairs = repairs
    }

    private let wantedLines: Int
    private let repairs: Repairs

    /// Adds the next octets of the message.
    package mutating func write(_ message: [UInt8], into buffer: inout ByteBuffer) {
        var rest = message[...]
        if repairs.contains(.nul), message.contains(0) { rest = message.map { $0 == 0 ? 0x80 : $0 }[...] }
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
        if case .header = section, repairs.contains(.endOfHeader) { buffer.writeStaticString("\r\n") }
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
