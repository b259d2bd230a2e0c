import Glibc
package import NIOCore

/// A piece of what a client sent.
package enum SMTPFrame: Sendable, Hashable {
    /// A line without its CRLF, and what the framer does after it.
    case line([UInt8], then: SMTPLineSequel)
    /// A line over its limit was skipped.
    case lineTooLong
    /// A line ended with LF alone, or held CR alone, and was skipped.
    case bareLineEnding
    /// Message octets, dots removed, at most 64 KiB. Empty: octets are coming in but are no longer kept.
    case data(ByteBuffer)
    /// The message is whole, or the chunk is; `octets` are those of this DATA or BDAT.
    case dataEnded(octets: Int, fault: SMTPDataFault?)
}

/// What comes after a line.
package enum SMTPLineSequel: Sendable, Hashable {
    /// Another complete line has arrived: the reply may wait for its own, so that a pipelined group is one write.
    case line
    /// Nothing that is complete.
    case nothing
    /// The framer is paused until it is told what to expect.
    case pause
    /// The same, and octets had come behind the line already.
    case pauseAhead
}

/// What is wrong with message text; it was consumed to its true end all the same.
package enum SMTPDataFault: Sendable, Hashable {
    /// CR or LF alone: the stuff of smuggled messages.
    case bareLineEnding
    case lineTooLong
    case tooLarge
}

/// What a client is to send next.
package enum SMTPFramingMode: Sendable, Hashable {
    case command
    /// One line of an AUTH exchange.
    case authResponse
    /// Message text up to the lone dot; `limit` octets are kept.
    case data(limit: Int?)
    /// So many octets; `limit` of them are kept. `isFirst` begins a message; `isBinary`: of any octets below its header.
    case chunk(size: Int, limit: Int?, isFirst: Bool, isBinary: Bool = false)
}

/// Cuts a client's octets into lines, message text and chunks, knowing nothing of commands but which ones pause it.
///
/// It pauses after DATA, BDAT, AUTH, STARTTLS and QUIT and after each line of an AUTH exchange.
/// Lines end with CR LF and nothing else; message text ends with CR LF . CR LF and nothing else. // RFC 5321 §2.3.8
package struct SMTPServerFramer: Sendable {
    private enum State {
        case command
        case authResponse
        case data
        case chunk
    }

    private let limits: SMTPLimits
    private var state = State.command
    package private(set) var isPaused = false
    /// A line over its limit is being skipped.
    private var isSkipping = false
    /// How far the pending octets were searched for LF.
    private var searched = 0
    private var text: SMTPTextScanner
    private var chunkLeft = 0

    package init(limits: SMTPLimits) {
        self.limits = limits
        text = SMTPTextScanner(maximumLine: limits.textLine)
    }

    package mutating func expect(_ mode: SMTPFramingMode) {
        isPaused = false
        switch mode {
        case .command:
            state = .command
        case .authResponse:
            state = .authResponse
        case .data(let limit):
            state = .data
            text.begin(limit: limit)
        case .chunk(let size, let limit, let isFirst, let isBinary):
            state = .chunk
            chunkLeft = size
            if isFirst { text.begin(limit: limit, isBinary: isBinary) } else { text.continueMessage(limit: limit) }
        }
    }

    package mutating func reset() {
        self = SMTPServerFramer(limits: limits)
    }

    package mutating func next(_ buffer: inout ByteBuffer) -> SMTPFrame? {
        guard !isPaused else { return nil }
        switch state {
        case .command: return line(&buffer, limit: limits.commandLine)
        case .authResponse: return line(&buffer, limit: limits.authLine)
        case .data: return data(&buffer)
        case .chunk: return chunk(&buffer)
        }
    }

    // MARK: lines

    private mutating func line(_ buffer: inout ByteBuffer, limit: Int) -> SMTPFrame? {
        let readable = buffer.readableBytes
        let found = buffer.withUnsafeReadableBytes { Self.find(10, in: $0, from: searched) }
        guard let end = found else {
            if readable >= limit || isSkipping {
                isSkipping = true
                buffer.moveReaderIndex(forwardBy: readable)
                searched = 0
            } else {
                searched = readable
            }
            return nil
        }
        searched = 0
        guard let content = buffer.readBytes(length: max(0, end - 1)) else { return nil }
        let ending = buffer.readSlice(length: end + 1 - content.count)
        if isSkipping || end + 1 > limit {
            isSkipping = false
            isPaused = state == .authResponse
            return .lineTooLong
        }
        guard ending?.readableBytesView.elementsEqual([13, 10]) == true, !content.contains(13) else {
            isPaused = state == .authResponse
            return .bareLineEnding
        }
        isPaused = state == .authResponse || Self.pauses(content[...])
        if isPaused { return .line(content, then: buffer.readableBytes > 0 ? .pauseAhead : .pause) }
        let hasMore = buffer.withUnsafeReadableBytes { Self.find(10, in: $0, from: 0) != nil }
        return .line(content, then: hasMore ? .line : .nothing)
    }

    static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let hit = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(hit) - base
    }

    /// Commands after which something other than a command may come.
    private static func pauses(_ line: ArraySlice<UInt8>) -> Bool {
        let verb = line.prefix(9).prefix { $0 != 0x20 && $0 != 0x09 }
        switch verb.count {
        case 4: return ["DATA", "BDAT", "AUTH", "QUIT"].contains { matches(verb, $0) }
        case 8: return matches(verb, "STARTTLS")
        default: return false
        }
    }

    private static func matches(_ verb: ArraySlice<UInt8>, _ name: String) -> Bool {
        zip(verb, name.utf8).allSatisfy { $0 & 0xDF == $1 }
    }

    // MARK: message text

    private mutating func data(_ buffer: inout ByteBuffer) -> SMTPFrame? {
        guard buffer.readableBytes > 0 else { return nil }
        switch text.consume(&buffer) {
        case .needMore:
            return nil
        case .text(let piece):
            return .data(piece)
        case .end:
            state = .command
            return .dataEnded(octets: text.octets, fault: text.fault)
        }
    }

    // RFC 3030 §2
    private mutating func chunk(_ buffer: inout ByteBuffer) -> SMTPFrame? {
        guard chunkLeft > 0 else {
            state = .command
            return .dataEnded(octets: text.octets, fault: text.fault)
        }
        let length = min(chunkLeft, buffer.readableBytes, SMTPTextScanner.maximumPiece)
        guard length > 0, let piece = buffer.readSlice(length: length) else { return nil }
        chunkLeft -= length
        return .data(text.check(piece))
    }
}
