/// The server of a transcript, by whatever way: a machine alone, a channel without a socket, a socket.
package protocol TranscriptPeer: AnyObject {
    /// The client says something.
    func send(_ octets: [UInt8]) async throws
    /// More of what the server says; nil when it has closed. A machine that has nothing more to say throws.
    func receive() async throws -> [UInt8]?
    /// The handshake of TLS; what the server says next is said inside it.
    func startTLS() async throws
}

/// How the client's octets are cut.
package enum TranscriptCut: Sendable {
    case whole
    case octets
}

/// Plays a transcript against a server.
package struct TranscriptPlayer {
    private let peer: any TranscriptPeer
    private var words: TranscriptWords
    private let cut: TranscriptCut
    private var received: [UInt8] = []
    private var isClosed = false

    private init(_ peer: any TranscriptPeer, words: TranscriptWords, cut: TranscriptCut) {
        self.peer = peer
        self.words = words
        self.cut = cut
    }

    /// Brings a new connection into the state of a case, then plays its transcript.
    ///
    /// - Throws: ``TranscriptError`` at the first line where the server leaves the transcript.
    package static func play(
        _ played: TranscriptCase,
        from state: TranscriptState,
        on peer: any TranscriptPeer,
        words: TranscriptWords,
        cut: TranscriptCut = .whole
    ) async throws {
        var player = TranscriptPlayer(peer, words: words, cut: cut)
        if state.hasImplicitTLS { try await peer.startTLS() }
        try await player.play(state.opening)
        try await player.play(played.transcript)
    }

    private mutating func play(_ transcript: Transcript) async throws {
        for step in transcript.steps {
            do {
                try await play(step, isWhole: transcript.isWhole)
            } catch let problem as Problem {
                throw TranscriptError(transcript.name, step.line, "\(step.text)\n  got \(problem.seen)")
            } catch {
                throw TranscriptError(transcript.name, step.line, "\(step.text)\n  \(error)")
            }
        }
    }

    private struct Problem: Error {
        var seen: String
    }

    private mutating func play(_ step: Transcript.Step, isWhole: Bool) async throws {
        switch step.kind {
        case .client:
            let octets = Transcript.octets(of: step, words)
            if cut == .whole || isWhole {
                try await peer.send(octets)
            } else {
                for octet in octets { try await peer.send([octet]) }
            }
        case .server(let pattern):
            let line = try await nextLine()
            guard let line, pattern.matches(line, &words) else { throw Problem(seen: line ?? "the end") }
        case .serverEventually(let pattern):
            var seen: [String] = []
            while let line = try await nextLine() {
                if pattern.matches(line, &words) { return }
                seen.append(line)
            }
            throw Problem(seen: "\(seen), then the end")
        case .tls:
            guard received.isEmpty else { throw Problem(seen: "octets before the handshake: \(received)") }
            try await peer.startTLS()
        case .close:
            if let line = try await nextLine() { throw Problem(seen: line) }
        }
    }

    /// The server's next line without its CRLF; nil at the end.
    private mutating func nextLine() async throws -> String? {
        while true {
            if let end = received.firstIndex(of: 10) {
                let line = received[..<end]
                received.removeFirst(end + 1)
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            guard !isClosed, let more = try await peer.receive() else {
                isClosed = true
                guard !received.isEmpty else { return nil }
                throw Problem(seen: "half a line, then the end: \(String(decoding: received, as: UTF8.self))")
            }
            received += more
        }
    }
}
