import IMAPCore
import NetTransport

// RFC 4978 §3
extension IMAPSession {
    /// Answers by itself, since everything behind the answer is compressed.
    func compress(_ mechanism: String, tag: String) async throws -> Completion {
        guard mechanism == "DEFLATE" else { throw CommandRefusal.bad(nil, "Unknown compression mechanism.") }
        guard !isCompressed else {
            throw CommandRefusal.no(.compressionActive, "DEFLATE is active already.")
        }
        tagged(tag, IMAPStatus(.ok, nil, "DEFLATE active."))
        let reply = encoder.take()
        isCompressed = true
        try await control(.startCompression(reply: reply))
        try await control(.expect(.command(stage)))
        throw CommandAnswered()
    }
}
