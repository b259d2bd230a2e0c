package import NIOCore

/// A line of the client.
package enum POP3Frame: Sendable, Equatable {
    /// A line without its line end. It may hold any octet but LF.
    case line([UInt8])
    /// A line was longer than allowed; all of it was consumed.
    case lineTooLong
}

/// Which kind of line comes next.
package enum POP3FramingMode: Sendable, Equatable {
    case command
    case authentication
}

/// Cuts a client's octets into lines that end with CRLF, or with LF alone as some scripts send it.
///
/// It pauses after `STLS` and `AUTH`, and after each line of an authentication exchange, until `expect` says what follows.
package struct POP3Framer: Sendable {
    private let limits: POP3Limits
    private var mode = POP3FramingMode.command
    /// Octets at the front of the buffer that are known to hold no line end.
    private var scanned = 0
    /// The line is over its limit and thrown away up to its end.
    private var isDiscarding = false

    /// True from the moment a line was returned that may change what follows, until `expect`.
    package private(set) var isPaused = false

    package init(limits: POP3Limits = POP3Limits()) {
        self.limits = limits
    }

    /// Takes the next line off the front of `buffer`; nil when more octets are needed or while paused.
    package mutating func next(_ buffer: inout ByteBuffer) -> POP3Frame? {
        guard !isPaused else { return nil }
        // One octet more than the limit, for the CR.
        let longest = (mode == .command ? limits.commandLine : limits.authenticationLine) + 1
        let view = buffer.readableBytesView
        let unscanned = view.dropFirst(scanned)
        guard let end = unscanned.firstIndex(of: UInt8(ascii: "\n")) else {
            holdBack(&buffer, longest)
            return nil
        }
        let length = end - view.startIndex
        guard var line = buffer.readBytes(length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 1)
        scanned = 0
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let isTooLong = isDiscarding || line.count >= longest
        isDiscarding = false
        let frame: POP3Frame = isTooLong ? .lineTooLong : .line(line)
        isPaused = Self.pauses(after: frame, in: mode)
        return frame
    }

    /// Says what the next line is, and ends a pause.
    package mutating func expect(_ mode: POP3FramingMode) {
        self.mode = mode
        isPaused = false
    }

    /// Starts anew, as after the TLS handshake.
    package mutating func reset() {
        self = POP3Framer(limits: limits)
    }

    /// Keeps an unfinished line in the buffer as long as it is within its limit.
    private mutating func holdBack(_ buffer: inout ByteBuffer, _ longest: Int) {
        if isDiscarding || buffer.readableBytes > longest {
            isDiscarding = true
            buffer.moveReaderIndex(forwardBy: buffer.readableBytes)
        }
        scanned = buffer.readableBytes
    }

    /// Whether the framer paused after this frame, which was read in that mode: its answer has to say what follows.
    ///
    /// An answer to any other frame must not, since a later frame may already have paused the framer.
    package static func pauses(after frame: POP3Frame, in mode: POP3FramingMode) -> Bool {
        switch (mode, frame) {
        case (.authentication, _): true
        case (.command, .line(let line)): mayChangeFraming(line)
        case (.command, .lineTooLong): false
        }
    }

    private static func mayChangeFraming(_ line: [UInt8]) -> Bool {
        let verb = line.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }.map { $0 & 0xDF }
        return verb == Array("STLS".utf8) || verb == Array("AUTH".utf8)
    }
}
