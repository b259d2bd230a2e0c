import MartletTesting
import NIOCore
import Testing

@testable import IMAPCore

/// The transcripts of Tests/Fixtures/Transcripts/imap, as far as they go without a store: an IMAP session is its mailboxes,
/// so that framer and parser alone read the client's side. What the transcript says is carried out must parse, and however
/// the octets come, the commands are the same. Whole sessions have the transcripts in IMAPServerTests.
@Suite struct TranscriptTests {
    @Test(arguments: TranscriptCase.all("imap"))
    func `the client's side is understood`(_ played: TranscriptCase) throws {
        let transcript = try played.transcript
        var whole = ClientSide(cut: .whole)
        try whole.read(transcript)
        guard !transcript.isWhole else { return }
        var single = ClientSide(cut: .octets)
        try single.read(transcript)
        #expect(whole.frames == single.frames)
    }
}

/// Framer and parser, told by the transcript's server lines what is expected next.
private struct ClientSide {
    let cut: TranscriptCut
    private(set) var frames: [String] = []
    private var framer = IMAPFramer()
    private var buffer = ByteBuffer()
    private var parsed: [String: Bool] = [:]
    private var isIdling = false
    private var isAppending = false
    private var parser = IMAPParser()

    init(cut: TranscriptCut) {
        self.cut = cut
        // The looser of the two stages: APPEND begins a message only after a login.
        framer.expect(.command(.authenticated))
    }

    mutating func read(_ transcript: Transcript) throws {
        let words = TranscriptWords(account: "ann@example.org", password: "secret", unknown: "nobody@example.org")
        for step in transcript.steps {
            switch step.kind {
            case .client:
                let octets = Transcript.octets(of: step, words)
                for piece in cut == .whole ? [octets] : octets.map({ [$0] }) {
                    buffer.writeBytes(piece)
                    drain()
                }
            case .server, .serverEventually: try serverSays(String(step.text.dropFirst(3)), transcript.name, step.line)
            case .tls: framer.reset()
            case .close: break
            }
        }
    }

    private mutating func drain() {
        while let frame = framer.next(&buffer) {
            isAppending =
                switch frame {
                case .appendBegin, .appendNext: true
                default: false
                }
            switch frame {
            case .command(let octets):
                let command = try? parser.parse(octets)
                if let command { parsed[command.tag] = true }
                isIdling = if case .idle = command?.body { true } else { false }
                frames.append(String(decoding: octets, as: UTF8.self))
            case .appendBegin(let prefix, let size, let literal):
                var append = AppendParser(parser)
                if let (command, _) = try? append.begin(prefix: prefix, size: size) { parsed[command.tag] = true }
                frames.append(String(decoding: prefix, as: UTF8.self))
                if literal == .nonSynchronizing { framer.expect(.appendAccepted) }
            case .line(let octets): frames.append("line \(String(decoding: octets, as: UTF8.self))")
            case .appendNext(let text, _, let literal):
                frames.append(String(decoding: text, as: UTF8.self))
                if literal == .nonSynchronizing { framer.expect(.appendAccepted) }
            case .appendData, .continuationNeeded: break
            case .appendEnd, .refused, .fatal: frames.append("\(frame)")
            }
        }
    }

    private mutating func serverSays(_ text: String, _ name: String, _ line: Int) throws {
        if text.hasPrefix("+") {
            guard framer.isPaused else { return }
            let isAppend = isAppending
            framer.expect(isAppend ? .appendAccepted : isIdling ? .idle : .authentication)
        } else if text.hasPrefix("* ENABLED"), text.contains("UTF8=ACCEPT") || text.contains("IMAP4rev2") {
            parser.nameEncoding = .utf8
        } else if !text.hasPrefix("*") {
            let words = text.split(separator: " ")
            if let tag = words.first, words.dropFirst().first == "OK", parsed[String(tag)] != true {
                throw TranscriptError(name, line, "\(text): the command was not understood: \(frames)")
            }
            if framer.isPaused { framer.expect(.command(.authenticated)) }
        }
        drain()
    }
}
