import MilterCore
import NIOCore

// Packets out and in.
extension MilterPeer {
    func queue(_ packet: MilterPacket) { packet.write(to: &output) }

    func queue(_ event: MilterEvent, _ macros: [String: String]) {
        if let stage = event.stage, let packet = MilterEvent.macros(stage, options, macros) { queue(packet) }
        queue(event.packet(keepsSpace: options.steps.contains(.leadingSpace)))
    }

    func flush(_ timeout: Duration) async throws {
        guard let link else { throw MilterError("it closed the connection") }
        guard output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        try await link.send(bytes, timeout: timeout)
    }

    /// Tells an event and waits for its answer, where it has one; events without are sent with those that follow.
    func exchange(
        _ event: MilterEvent, _ macros: [String: String], _ timeout: Duration
    ) async throws -> MilterReply {
        guard event.isWanted(options) else { return .goOn }
        queue(event, macros)
        guard event.isAnswered(options) else {
            if output.readableBytes >= Self.batch { try await flush(timeout) }
            return .goOn
        }
        try await flush(timeout)
        let reply = try await answer(timeout)
        if case .change = reply { throw MilterError("it made a change before the end of the message") }
        return reply
    }

    func answer(_ timeout: Duration) async throws -> MilterReply {
        for _ in 0..<Self.mostProgress {
            guard let link else { break }
            let reply = try MilterReply(try await link.next(timeout: timeout), options)
            if reply != .progress { return reply }
        }
        throw MilterError("it is at work without an end")
    }
}
