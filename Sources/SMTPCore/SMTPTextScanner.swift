import NIOCore

/// Takes message text out of DATA: removes stuffed dots, finds the end, and notices CR or LF alone.
///
/// Whole runs are passed on as slices; octets are copied only around a stuffed dot.
/// // RFC 5321 §4.5.2
struct SMTPTextScanner: Sendable {
    enum Step {
        case needMore
        case text(ByteBuffer)
        case end
    }

    static let maximumPiece = 65_536

    private let maximumLine: Int
    private var limit: Int?
    private var isAtLineStart = true
    private var lineLength = 0
    private var lastWasCR = false
    /// Of chunks: any octets may follow the header.
    private var isBinary = false
    private var isInHeader = true
    private(set) var octets = 0
    private(set) var fault: SMTPDataFault?

    init(maximumLine: Int) {
        self.maximumLine = maximumLine
    }

    mutating func begin(limit: Int?, isBinary: Bool = false) {
        self = SMTPTextScanner(maximumLine: maximumLine)
        self.limit = limit
        self.isBinary = isBinary
    }

    mutating func continueMessage(limit: Int?) {
        self.limit = limit
        octets = 0
    }

    /// Takes text off the front; what can't be judged yet (a last CR, a dot at a line's start) stays.
    mutating func consume(_ buffer: inout ByteBuffer) -> Step {
        if isAtLineStart {
            switch Self.lineStart(buffer) {
            case .undecided: return .needMore
            case .end:
                buffer.moveReaderIndex(forwardBy: 3)
                return .end
            case .stuffed:
                buffer.moveReaderIndex(forwardBy: 1)
                isAtLineStart = false
            case .plain: break
            }
        }
        let run = scan(buffer)
        guard run > 0, var piece = buffer.readSlice(length: run) else { return .needMore }
        joinStuffedLines(&piece, from: &buffer)
        return .text(keep(piece))
    }

    /// After a run that ended at a stuffed dot, goes on in the same piece, so that a message of dots isn't a message of
    /// pieces.
    private mutating func joinStuffedLines(_ piece: inout ByteBuffer, from buffer: inout ByteBuffer) {
        while isAtLineStart, piece.readableBytes < Self.maximumPiece / 2, case .stuffed = Self.lineStart(buffer) {
            buffer.moveReaderIndex(forwardBy: 1)
            isAtLineStart = false
            guard let run = Optional(scan(buffer)), run > 0, var more = buffer.readSlice(length: run) else { return }
            piece.writeBuffer(&more)
        }
    }

    private enum LineStart {
        case undecided
        case end
        case stuffed
        case plain
    }

    // Only CR LF . CR LF ends; any other dot at the start of a line is a stuffed one. // RFC 5321 §4.5.2
    private static func lineStart(_ buffer: ByteBuffer) -> LineStart {
        let bytes = buffer.readableBytesView.prefix(3)
        guard let first = bytes.first else { return .undecided }
        guard first == UInt8(ascii: ".") else { return .plain }
        let rest = bytes.dropFirst()
        guard let second = rest.first else { return .undecided }
        guard second == 13 else { return .stuffed }
        guard let third = rest.dropFirst().first else { return .undecided }
        return third == 10 ? .end : .stuffed
    }

    /// How many octets can be taken: whole lines up to a dot at a line's start, and an unfinished last line.
    private mutating func scan(_ buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { bytes in
            let end = min(bytes.count, Self.maximumPiece)
            let window = UnsafeRawBufferPointer(rebasing: bytes[..<end])
            var position = 0
            while position < end {
                if isAtLineStart, window[position] == UInt8(ascii: ".") { return position }
                guard let lineFeed = SMTPServerFramer.find(10, in: window, from: position) else {
                    return scanUnfinished(window, from: position)
                }
                finishLine(window, from: position, lineFeed: lineFeed)
                position = lineFeed + 1
            }
            return position
        }
    }

    private mutating func finishLine(_ window: UnsafeRawBufferPointer, from start: Int, lineFeed: Int) {
        // A CR is never taken without what follows it, so the one before LF is in the window.
        let line = UnsafeRawBufferPointer(rebasing: window[..<lineFeed])
        let carriageReturn = SMTPServerFramer.find(13, in: line, from: start)
        // After LF alone comes no line start, whatever it looks like; CR in the middle doesn't hide the CR LF that follows.
        isAtLineStart = lineFeed > start && window[lineFeed - 1] == 13
        if !isAtLineStart || carriageReturn != lineFeed - 1 { fault = .bareLineEnding }
        noteLine(lineFeed + 1 - start)
        lineLength = 0
    }

    private mutating func scanUnfinished(_ window: UnsafeRawBufferPointer, from start: Int) -> Int {
        let end = window.last == 13 ? window.count - 1 : window.count
        guard end > start else { return start }
        if let carriageReturn = SMTPServerFramer.find(13, in: window, from: start), carriageReturn < end {
            fault = .bareLineEnding
        }
        isAtLineStart = false
        noteLine(end - start)
        return end
    }

    private mutating func noteLine(_ count: Int) {
        lineLength += count
        if lineLength > maximumLine, fault == nil { fault = .lineTooLong }
    }

    /// Counts, and empties what isn't wanted any more.
    private mutating func keep(_ piece: ByteBuffer) -> ByteBuffer {
        octets += piece.readableBytes
        if let limit, octets > limit, fault == nil { fault = .tooLarge }
        return fault == nil ? piece : ByteBuffer()
    }

    /// A piece of a chunk, where nothing is stuffed: text all the same, but for what follows the header of a binary message.
    // RFC 3030 §3
    mutating func check(_ piece: ByteBuffer) -> ByteBuffer {
        guard !isBinary || isInHeader else { return keep(piece) }
        piece.withUnsafeReadableBytes { bytes in
            var position = 0
            if lastWasCR, bytes.first != 10 { fault = .bareLineEnding }
            if lastWasCR, bytes.first == 10 {
                position = 1
                endChunkLine(1)
            }
            while position < bytes.count, !isBinary || isInHeader {
                let lineFeed = SMTPServerFramer.find(10, in: bytes, from: position)
                // Within the line: a search beyond it, from every line, would take quadratic time.
                let line = UnsafeRawBufferPointer(rebasing: bytes[..<(lineFeed ?? bytes.count)])
                let carriageReturn = SMTPServerFramer.find(13, in: line, from: position)
                guard let lineFeed else {
                    if let carriageReturn, carriageReturn != bytes.count - 1 { fault = .bareLineEnding }
                    noteLine(bytes.count - position)
                    break
                }
                if carriageReturn != lineFeed - 1 || lineFeed == position { fault = .bareLineEnding }
                endChunkLine(lineFeed + 1 - position)
                position = lineFeed + 1
            }
            lastWasCR = bytes.last == 13
        }
        return keep(piece)
    }

    /// The blank line ends the header.
    private mutating func endChunkLine(_ count: Int) {
        noteLine(count)
        if lineLength == 2 { isInHeader = false }
        lineLength = 0
    }
}
