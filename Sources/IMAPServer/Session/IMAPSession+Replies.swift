import IMAPCore
import NIOCore
import NetTransport

/// Saying things: responses are gathered and sent in pieces, and every send is awaited, so that a slow reader slows the
/// session and nothing piles up.
extension IMAPSession {
    func untagged(_ condition: IMAPStatus.Condition, _ code: IMAPResponseCode?, _ text: String) {
        encoder.untagged(IMAPStatus(condition, code, text))
    }

    func tagged(_ tag: String, _ status: IMAPStatus) {
        encoder.tagged(tag, status)
    }

    /// Sends what has been gathered.
    /// - Throws: ``SessionEnd/connectionLost``.
    func flush() async throws {
        guard encoder.buffer.readableBytes > 0 else { return }
        do {
            try await connection.send(bytes: encoder.take())
        } catch {
            throw SessionEnd.connectionLost
        }
    }

    /// Sends what another encoder has gathered, behind what this session's has sent.
    /// - Throws: ``SessionEnd/connectionLost``.
    func send(_ other: IMAPResponseEncoder) async throws {
        guard other.buffer.readableBytes > 0 else { return }
        do {
            try await connection.send(bytes: other.buffer)
        } catch {
            throw SessionEnd.connectionLost
        }
    }

    /// Sends what has been gathered once it is a piece worth sending.
    func flushIfLarge() async throws {
        if encoder.buffer.readableBytes >= service.settings.outputPiece { try await flush() }
    }

    /// Says how far the command in hand has come, when it is time again; a long command calls it after each of its pages.
    /// - Parameter goal: what `done` will be at the end; nil where that is not known.
    // RFC 9585 §4
    func tellProgress(_ done: Int, of goal: Int?) async throws {
        // RFC 9585 §4: what is done is told by the tagged response
        if done == goal { return }
        let now = ContinuousClock.now
        guard now - progressTold >= service.settings.progressInterval else { return }
        progressTold = now
        let goal = goal.map { UInt32(clamping: $0) }
        untagged(.ok, .inProgress(tag: tag, done: UInt32(clamping: max(0, done)), of: goal), "Still at it.")
        try await flush()
    }

    /// Sends control behind everything gathered.
    func control(_ item: Connection<IMAPFramer>.Item) async throws {
        if case .expect = item { isFramerPaused = false }
        do {
            if encoder.buffer.readableBytes == 0 {
                try await connection.send(item)
            } else {
                try await connection.send([.bytes(encoder.take()), item])
            }
        } catch {
            throw SessionEnd.connectionLost
        }
    }
}
