package import NIOCore

// One direction of a connection, cut into commands.
//
// Gathers a line and the literals that it announces into one command frame. The messages of APPEND and REPLACE are not
// gathered but streamed. What is over a limit is refused without being stored: a synchronizing literal at once (the client sends
// nothing until it has its answer), a non-synchronizing one after it has been read and dropped.
// Octets that wait while the framer is paused stay in the caller's buffer.
// Not handled here: what a command means, except for the words after which the framing may change, and which literals
// of APPEND and REPLACE are arguments (a mailbox name, a URL); all others are message text.

/// Cuts a client's octets into frames; see ``IMAPFrame`` for when it pauses.
package struct IMAPFramer: Sendable {
    enum State: Sendable, Equatable {
        case command
        /// So many octets of a literal are still to be gathered.
        case literal(remaining: Int)
        /// The same of one that stands behind message text: a URL.
        case appendLiteral(remaining: Int)
        case plainLine(limit: Int)
        /// APPEND's message was announced and nothing decided.
        case appendPending(size: Int, IMAPLiteralKind)
        case appendData(remaining: Int)
        case appendTail
        case discarding(Discard)
        case failed
    }

    /// Octets being read and dropped.
    struct Discard: Sendable, Equatable {
        enum Outcome: Sendable, Equatable {
            case refused(prefix: [UInt8], IMAPFramingProblem)
            case appendEnd([UInt8])
            case silence
        }

        /// Of the literal; 0 inside a line.
        var remaining: Int
        /// The last octets of the line, which may announce another literal.
        var tail: [UInt8] = []
        /// Octets that may still be dropped before the connection is given up.
        var budget: Int
        var outcome: Outcome
    }

    let limits: IMAPLimits
    var stage = IMAPFramingStage.notAuthenticated
    var state = State.command
    var gathered: [UInt8] = []
    /// Where the line being gathered begins, behind the last literal.
    var lineStart = 0
    var literals = 0
    package private(set) var isPaused = false

    package init(limits: IMAPLimits = IMAPLimits()) {
        self.limits = limits
    }

    var lineLimit: Int { stage == .authenticated ? limits.line : limits.lineBeforeLogin }
    var literalLimit: Int { stage == .authenticated ? limits.literal : limits.literalBeforeLogin }
    var commandLimit: Int { stage == .authenticated ? limits.command : limits.commandBeforeLogin }

    /// Takes the next frame off the front of `buffer`; nil when more octets are needed or the framer is paused.
    ///
    /// Octets of an unfinished command move into the framer, never more than `IMAPLimits.command` and a line.
    package mutating func next(_ buffer: inout ByteBuffer) -> IMAPFrame? {
        while !isPaused {
            let before = buffer.readableBytes
            let stateBefore = state
            if let frame = step(&buffer) {
                isPaused = Self.pauses(after: frame)
                return frame
            }
            if buffer.readableBytes == before, state == stateBefore { return nil }
        }
        return nil
    }

    /// Says what comes next; ends a pause. Legal at any time: a command that is half read is kept.
    package mutating func expect(_ mode: IMAPFramingMode) {
        isPaused = false
        switch (mode, state) {
        case (.command(let stage), let current):
            self.stage = stage
            switch current {
            case .plainLine, .appendPending(_, .synchronizing): startCommand()
            case .appendPending(let size, _): discard(literal: size, outcome: .silence)
            default: break
            }
        case (.authentication, .command) where gathered.isEmpty, (.authentication, .plainLine):
            state = .plainLine(limit: limits.authenticationLine)
        case (.idle, .command) where gathered.isEmpty, (.idle, .plainLine):
            // RFC 2177 §3: only DONE may come.
            state = .plainLine(limit: 1024)
        case (.appendAccepted, .appendPending(let size, _)):
            state = Self.inside(size)
        case (.appendRefused, .appendPending(_, .synchronizing)):
            startCommand()
        case (.appendRefused, .appendPending(let size, _)):
            discard(literal: size, outcome: .silence)
        default:
            break
        }
    }

    /// TLS begins: forget everything and expect the first command of a fresh session. // RFC 3501 §6.2.1
    package mutating func reset() {
        self = IMAPFramer(limits: limits)
    }

    private mutating func step(_ buffer: inout ByteBuffer) -> IMAPFrame? {
        switch state {
        case .command: return gatherCommandLine(&buffer)
        case .literal(let remaining): return gatherLiteral(remaining, &buffer)
        case .plainLine(let limit):
            guard let line = gatherLine(limit: limit, problem: .lineTooLong, &buffer) else { return nil }
            gathered = []
            return .line(Array(line))
        case .appendPending: return nil
        case .appendData(let remaining): return appendPiece(remaining, &buffer)
        case .appendTail: return gatherAppendTail(&buffer)
        case .appendLiteral(let remaining): return gatherLiteral(remaining, &buffer)
        case .discarding(let discard): return drop(discard, &buffer)
        case .failed:
            buffer.moveReaderIndex(forwardBy: buffer.readableBytes)
            return nil
        }
    }

    /// Whether the framer makes no further frame behind this one until it is told what to expect.
    package static func pauses(after frame: IMAPFrame) -> Bool {
        switch frame {
        case .appendBegin(_, _, let literal), .appendNext(_, _, let literal): literal != .unasked
        case .line, .fatal: true
        case .command(let octets): CommandWord.changesFraming(octets)
        case .continuationNeeded, .appendData, .appendEnd, .refused: false
        }
    }

    /// Where a message of so many octets begins.
    static func inside(_ size: Int) -> State {
        size > 0 ? .appendData(remaining: size) : .appendTail
    }

    mutating func startCommand() {
        gathered = []
        lineStart = 0
        literals = 0
        state = .command
    }
}
