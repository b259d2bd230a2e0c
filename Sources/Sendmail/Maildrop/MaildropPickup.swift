import Glibc
package import Logging
import MailMessage
package import MailSyntax
import NIOPosix
package import SQLEngine
import ServiceLifecycle
import Telemetry

/// Takes what was left in the maildrop while the server was down.
///
/// Everybody may put files there, so nothing about one is believed: it must be a regular file with one name, whole, of
/// bounded size, opened without following links or waiting. Its owner is who sends it. It goes the way of every other
/// message, over the server's own socket, and is removed only when it was taken: after a crash in between it goes twice.
package struct MaildropPickup: Service {
    package struct Settings: Sendable {
        /// The folder with `smtp`, `maildrop` and `corrupt`.
        package var directory: String
        package var hostname: DomainName
        /// Completes addresses without a domain in reports.
        package var origin: @Sendable () -> DomainName
        /// Octets of a message at most; nil: no limit.
        package var messageSize: @Sendable () -> Int?
        package var interval: Duration = .seconds(3)

        package init(
            directory: String, hostname: DomainName, origin: @escaping @Sendable () -> DomainName,
            messageSize: @escaping @Sendable () -> Int?
        ) {
            self.directory = directory
            self.hostname = hostname
            self.origin = origin
            self.messageSize = messageSize
        }
    }

    let settings: Settings
    let ids: IDGenerator
    let clock: any WallClock
    let logger: Logger

    package init(
        settings: Settings, ids: IDGenerator, clock: any WallClock = SystemClock(), logger: Logger
    ) {
        self.settings = settings
        self.ids = ids
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            // At once what was left while the server was down: its socket is bound by now, and what comes waits until it
            // is served. Later mail is put here only by who found nobody at the socket.
            // A folder that has not changed since it was found empty is not read again.
            var emptyAt: Int?
            while true {
                let seen = changeTime()
                if seen == nil || seen != emptyAt {
                    let left = try await NIOThreadPool.singleton.runIfActive { self.takeAll() }
                    emptyAt = left == 0 ? seen : nil
                }
                try await Task.sleep(for: settings.interval)
            }
        }
    }

    private var maildrop: String { "\(settings.directory)/maildrop" }

    /// Nanoseconds of the folder's last change.
    private func changeTime() -> Int? {
        var info = stat()
        guard lstat(maildrop, &info) == 0 else { return nil }
        return info.st_mtim.tv_sec &* 1_000_000_000 &+ info.st_mtim.tv_nsec
    }

    /// Takes every message that is there; returns how many files are left.
    package func takeAll() -> Int {
        let folder = open(maildrop, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return 0 }
        defer { close(folder) }
        var left = 0
        var isServerReady = true
        for name in names(in: folder) {
            if name.hasPrefix(".") {
                if removeOld(name, in: folder) == false { left += 1 }
                continue
            }
            guard isServerReady else {
                left += 1
                continue
            }
            switch take(name, in: folder) {
            case .gone: break
            case .waits(let reason):
                left += 1
                isServerReady = false
                logger.warning(
                    "mail in the maildrop waits",
                    metadata: [LogKey.path: "\(maildrop)/\(name)", LogKey.reason: "\(reason)"])
            case .poison(let reason):
                if !setAside(name, in: folder, reason) { left += 1 }
            }
        }
        return left
    }

    private enum Outcome {
        case gone
        case waits(String)
        case poison(String)
    }

    private func take(_ name: String, in folder: Int32) -> Outcome {
        // O_NONBLOCK: a FIFO would wait for somebody who writes.
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            return errno == ENOENT ? .gone : .poison("can't be opened: \(systemWords())")
        }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0 else { return .poison("can't be looked at") }
        guard info.st_mode & S_IFMT == S_IFREG else { return .poison("is no regular file") }
        guard info.st_nlink == 1 else { return .poison("has a second name (a hard link)") }
        let size = Int(info.st_size)
        guard size <= (settings.messageSize() ?? .max - MaildropFile.longestEnvelope) + MaildropFile.longestEnvelope
        else { return .poison("is longer than limits.message_size") }
        do throws(MaildropFile.Poison) {
            let (envelope, text) = try MaildropFile.readEnvelope(file, size: size)
            let outcome = submit(Letter(file: file, envelope: envelope, text: text, size: size, owner: info.st_uid))
            if case .gone = outcome, unlinkat(folder, name, 0) != 0, errno != ENOENT {
                return .poison("was taken, but can't be removed: \(systemWords())")
            }
            return outcome
        } catch {
            return .poison(error.text)
        }
    }

    /// A message in an open file.
    private struct Letter {
        var file: Int32
        var envelope: LocalEnvelope
        var text: Int
        var size: Int
        var owner: UInt32
    }

    private func submit(_ letter: Letter) -> Outcome {
        do throws(SendmailFailure) {
            let handover = try hand(letter.envelope, of: letter) { write throws(SendmailFailure) in
                try forEachPiece(of: letter, from: letter.text, to: letter.size, write)
            }
            guard !handover.refused.isEmpty else { return .gone }
            return report(
                handover.refused.map { ($0.recipient, $0.text) }, of: letter, to: letter.envelope.sender)
        } catch  where error.status == .temporary {
            return .waits(error.text)
        } catch {
            // The sender or the message as a whole was refused. The sender that is named may be somebody else.
            let everybody = letter.envelope.recipients.map { ($0, error.text) }
            return report(everybody, of: letter, to: userName(letter.owner) ?? "")
        }
    }

    private func hand(
        _ envelope: LocalEnvelope, of letter: Letter,
        text: ((ArraySlice<UInt8>) throws(SendmailFailure) -> Void) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) -> Handover {
        guard let socket = SubmissionSocket(path: "\(settings.directory)/smtp") else {
            throw SendmailFailure(.temporary, "the server does not answer on its socket")
        }
        let keywords = try socket.begin(as: "uid-\(letter.owner).maildrop")
        let handover = try socket.hand(envelope, keywords: keywords, text: text)
        _ = try? socket.command("QUIT")
        return handover
    }

    private func forEachPiece(
        of letter: Letter, from start: Int, to end: Int, _ hand: (ArraySlice<UInt8>) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        var offset = start
        while offset < end {
            let wanted = min(chunk.count, end - offset)
            let count = chunk.withUnsafeMutableBytes { pread(letter.file, $0.baseAddress, wanted, off_t(offset)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SendmailFailure(.data, "the file became shorter while it was read") }
            offset += count
            try hand(chunk[..<count])
        }
    }

    // MARK: What can't go

    /// Tells the sender who was refused, as a bounce; nobody waits at a terminal any more.
    private func report(_ refused: [(recipient: String, text: String)], of letter: Letter, to sender: String) -> Outcome
    {
        let why = refused.map(\.text).joined(separator: "; ")
        guard let to = address(sender) else { return .poison("was refused (\(why)), and there is nobody to tell") }
        var header: [UInt8] = []
        try? forEachPiece(of: letter, from: letter.text, to: min(letter.size, letter.text + 16 * 1024)) { header += $0 }
        let report = DeliveryStatusNotification(
            id: ids.next(), reportingMTA: settings.hostname, to: to, date: clock.now(),
            recipients: refused.map { recipient, text in
                .init(
                    finalRecipient: address(recipient) ?? to, action: .failed, status: EnhancedStatusCode(5, 0, 0),
                    explanation: text)
            },
            returned: .header(HeaderBlock(parsing: header).bytes))
        let bounce = LocalEnvelope(sender: "", recipients: [to.description])
        do throws(SendmailFailure) {
            let handover = try hand(bounce, of: letter) { write throws(SendmailFailure) in
                try write(report.render()[...])
            }
            guard handover.refused.isEmpty else { return .poison("was refused (\(why)), and so was the report") }
            return .gone
        } catch {
            return error.status == .temporary
                ? .waits(error.text) : .poison("was refused (\(why)), and so was the report")
        }
    }

    private func address(_ written: String) -> EmailAddress? {
        guard !written.isEmpty else { return nil }
        return EmailAddress(written.contains("@") ? written : "\(written)@\(settings.origin())")
    }

    private func setAside(_ name: String, in folder: Int32, _ reason: String) -> Bool {
        let place = "\(settings.directory)/corrupt"
        let target = "\(name.prefix(200))-\(ids.next())"
        let isMoved = renameat(folder, name, AT_FDCWD, "\(place)/\(target)") == 0
        logger.error(
            "a file in the maildrop is not mail and was put aside",
            metadata: [
                LogKey.path: "\(isMoved ? "\(place)/\(target)" : "\(maildrop)/\(name)")",
                LogKey.reason: "it \(reason)\(isMoved ? "" : "; it could not be moved: \(systemWords())")",
                LogKey.remedy: "look at it, and remove it",
            ])
        return isMoved
    }

    /// Programs that were killed leave beginnings behind. True where it is gone.
    private func removeOld(_ name: String, in folder: Int32) -> Bool {
        var info = stat()
        guard fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { return true }
        let age = clock.now().seconds - Int64(info.st_mtim.tv_sec)
        guard age > 86_400 else { return false }
        return unlinkat(folder, name, 0) == 0
    }

    private func names(in folder: Int32) -> [String] {
        let copy = dup(folder)
        guard copy >= 0 else { return [] }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [String] = []
        while names.count < 10_000, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// The name of a user of this host.
package func userName(_ id: UInt32) -> String? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
        return nil
    }
    return String(cString: name)
}
