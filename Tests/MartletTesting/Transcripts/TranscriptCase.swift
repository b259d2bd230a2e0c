import Foundation

/// A transcript in one of its states: what a parameterized test is given.
package struct TranscriptCase: Sendable, CustomStringConvertible {
    package let state: String
    private let name: String
    private let read: Result<Transcript, TranscriptError>

    package var description: String { "\(name) in \(state)" }

    /// - Throws: why the file could not be read.
    package var transcript: Transcript {
        get throws(TranscriptError) { try read.get() }
    }

    /// All cases of a protocol, from the files of Tests/Fixtures/Transcripts/PROTOCOL.
    ///
    /// What cannot be read is a case too, which fails when it is played; so does having none at all.
    package static func all(_ protocolName: String) -> [TranscriptCase] {
        let folder = Peer.fixtures.appending(path: "Transcripts/\(protocolName)")
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        let found = paths.sorted().filter { $0.hasSuffix(".\(protocolName)") }.flatMap { path in
            let name = "\(protocolName)/\(path)"
            let text = (try? String(contentsOf: folder.appending(path: path), encoding: .utf8)) ?? ""
            return cases(name, text)
        }
        let none = TranscriptError(folder.path, 1, "there are no transcripts")
        return found.isEmpty ? [TranscriptCase(state: "none", name: protocolName, read: .failure(none))] : found
    }

    private static func cases(_ name: String, _ text: String) -> [TranscriptCase] {
        do throws(TranscriptError) {
            let transcript = try Transcript(name: name, parsing: text)
            return transcript.states.map { TranscriptCase(state: $0, name: name, read: .success(transcript)) }
        } catch {
            return [TranscriptCase(state: "none", name: name, read: .failure(error))]
        }
    }
}
