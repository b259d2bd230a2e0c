import Directory
import Logging
import MailConfig
import MailDoctor
import MailSyntax
import ServiceLifecycle
import Telemetry

/// Carries rotations of DKIM keys on, whoever began them: a round every 20 seconds, which costs nothing where no key
/// waits. What it must not forget stands in the directory; what it remembers itself (when it asked, what it has said) may
/// be lost with the process.
struct KeyRotationService: Service {
    let directory: Directory
    let manifest: @Sendable () -> Manifest
    let logger: Logger

    private static let interval = Duration.seconds(20)

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var rounds = KeyRotationRounds()
            while true {
                let rotator = KeyRotator(
                    directory: directory, manifest: manifest(), author: "rotation", logger: logger)
                await rounds.next(rotator)
                try await Task.sleep(for: Self.interval)
            }
        }
    }
}

/// Round after round of a rotation, with what a process remembers between them.
struct KeyRotationRounds {
    private var asked: [Int64: Timestamp] = [:]
    private var reminded: [Int64: Timestamp] = [:]
    private var said: [Int64: KeySighting] = [:]
    /// Retired keys whose record was seen to be gone; nil until the directory was asked.
    private var gone: Set<Int64>?
    private var failure: String?

    /// Does what is due. Never throws: what failed is said once, and tried again in the next round.
    mutating func next(_ rotator: KeyRotator) async {
        do {
            try await take(rotator)
            failure = nil
        } catch is CancellationError {
            return
        } catch {
            let text = AdminError(translating: error).message
            if failure != text {
                rotator.logger?.error(
                    "the rotation of DKIM keys can't go on",
                    metadata: [LogKey.error: "\(text)", LogKey.remedy: "it is tried again by itself"])
            }
            failure = text
        }
    }

    private mutating func take(_ rotator: KeyRotator) async throws {
        try await rotator.retire()
        try await rotator.beginWhatIsDue()
        let keys = rotator.directory.snapshot.dkimKeys
        guard keys.contains(where: { $0.state == .next || $0.state == .retired }) else { return }
        let gone = try await knownGone(rotator.directory)
        let now = rotator.directory.now
        let due = rotator.rotation.questions(keys, asked: asked, gone: gone, now: now)
        for row in due { asked[row.id] = now }
        if !due.isEmpty {
            let (seen, change) = try await rotator.look(at: due)
            for row in due { tell(row, seen[row.id], rotator) }
            for row in change.beginning { said[row.id] = nil }
        }
        remind(rotator)
    }

    private mutating func knownGone(_ directory: Directory) async throws -> Set<Int64> {
        if let gone { return gone }
        let retired = Set(directory.snapshot.dkimKeys.filter { $0.state == .retired }.map(\.id))
        let found = Set(try await directory.keysSeen().filter { retired.contains($0.key) && $0.value.isAbsent }.keys)
        gone = found
        return found
    }

    /// An answer is worth a line where it is another than the last.
    private mutating func tell(_ row: DKIMKeyRow, _ seen: KeySighting?, _ rotator: KeyRotator) {
        guard let seen else { return }
        let isNews = said.updateValue(seen, forKey: row.id) != seen
        switch (row.state, seen) {
        case (.retired, .absent):
            gone?.insert(row.id)
            rotator.say("the record of a retired DKIM key is gone", row)
        case (.next, .shown), (.next, .absent), (.retired, _): return
        case (_, .unanswered) where isNews:
            rotator.say(
                "the record of a next DKIM key can't be looked up", row, level: .warning, reason: seen.words)
        case (_, _) where isNews:
            rotator.say(
                "the record of a next DKIM key is not as it should be", row, level: .warning, reason: seen.words,
                remedy: (try? rotator.line(row)).map { "change it to: \($0)" })
        default: return
        }
    }

    private mutating func remind(_ rotator: KeyRotator) {
        let now = rotator.directory.now
        let keys = rotator.directory.snapshot.dkimKeys
        for row in rotator.rotation.reminders(keys, reminded: reminded, now: now) {
            reminded[row.id] = now
            rotator.say(
                "a next DKIM key still waits for its record", row, level: .warning,
                reason: said[row.id]?.words,
                remedy: (try? rotator.line(row)).map {
                    "add to the DNS: \($0), or: martlet dkim rotate \(row.domain) --cancel"
                })
        }
    }
}
