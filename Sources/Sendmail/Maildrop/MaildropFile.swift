import CLinux
import Glibc

/// A message in the maildrop: lines of the envelope, an empty line, the text as it came.
///
///     martlet-maildrop 1
///     size 00000000000000004711
///     sender alice
///     recipient bob@example.org
///
///     Subject: …
///
/// The size of the text is written last, so that a file which is not whole shows it; then the file is synced and gets its
/// final name.
enum MaildropFile {
    static let magic = "martlet-maildrop 1"
    /// Octets of the envelope.
    static let longestEnvelope = 1 << 20
    private static let digits = 20

    /// Writes a message, durable when it returns.
    ///
    /// - Parameter folder: the maildrop, in which everybody may write and nobody but the server may look.
    static func write(
        _ envelope: LocalEnvelope, to folder: String,
        text: ((ArraySlice<UInt8>) throws(SendmailFailure) -> Void) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) {
        var generator = SystemRandomNumberGenerator()
        let name = String(generator.next() as UInt64, radix: 36) + String(generator.next() as UInt64, radix: 36)
        let temporary = "\(folder)/.\(name)"
        // The server runs as another user and has to read it; who does not know the name can't open it.
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else {
            throw SendmailFailure(.temporary, "mail can't be left in \(folder): \(systemWords())")
        }
        defer { close(file) }
        do throws(SendmailFailure) {
            try fill(file, envelope, text)
            // The name has to be on disk too: a folder that can't be read can't be synced by itself.
            guard fsync(file) == 0, rename(temporary, "\(folder)/\(name)") == 0, linux_syncfs(file) == 0 else {
                throw SendmailFailure(.temporary, "mail can't be kept in \(folder): \(systemWords())")
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static func fill(
        _ file: Int32, _ envelope: LocalEnvelope,
        _ text: ((ArraySlice<UInt8>) throws(SendmailFailure) -> Void) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) {
        var head = "\(magic)\nsize \(padded(0))\nsender \(envelope.sender)\n"
        for recipient in envelope.recipients { head += "recipient \(recipient)\n" }
        if !envelope.mailParameters.isEmpty { head += "mail\(envelope.mailParameters)\n" }
        if !envelope.recipientParameters.isEmpty { head += "rcpt\(envelope.recipientParameters)\n" }
        func put(_ bytes: some Sequence<UInt8>) throws(SendmailFailure) {
            guard writeAll(file, bytes) else {
                throw SendmailFailure(.temporary, "mail can't be kept: \(systemWords())")
            }
        }
        guard fchmod(file, 0o644) == 0 else { throw SendmailFailure(.temporary, "chmod: \(systemWords())") }
        try put((head + "\n").utf8)
        var size = 0
        try text { piece throws(SendmailFailure) in
            size += piece.count
            try put(piece)
        }
        let number = Array(padded(size).utf8)
        let place = off_t(magic.utf8.count + 1 + "size ".utf8.count)
        guard pwrite(file, number, number.count, place) == number.count else {
            throw SendmailFailure(.temporary, "mail can't be kept: \(systemWords())")
        }
    }

    private static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// What is wrong with a file that is no message.
    struct Poison: Error, Equatable {
        var text: String
    }

    /// Reads the envelope of an open file of `size` octets.
    ///
    /// - Returns: the envelope, and where the text begins.
    static func readEnvelope(_ file: Int32, size: Int) throws(Poison) -> (LocalEnvelope, text: Int) {
        var head = [UInt8](repeating: 0, count: min(size, longestEnvelope))
        let count = head.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Poison(text: "can't be read: \(systemWords())") }
        head = Array(head.prefix(count))
        guard let end = emptyLine(in: head) else { throw Poison(text: "has no envelope") }
        guard let lines = String(validating: head[..<end], as: UTF8.self)?.split(separator: "\n"),
            lines.first.map(String.init) == magic
        else { throw Poison(text: "is no message of sendmail") }
        var envelope = LocalEnvelope(sender: "", recipients: [])
        var declared: Int?
        var hasSender = false
        for line in lines.dropFirst() {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1]) : ""
            switch parts.first {
            case "size": declared = Int(value)
            case "sender": (envelope.sender, hasSender) = (value, true)
            case "recipient": envelope.recipients.append(value)
            case "mail": envelope.mailParameters = " \(value)"
            case "rcpt": envelope.recipientParameters = " \(value)"
            default: throw Poison(text: "has an envelope with an unknown line")
            }
        }
        let text = end + 1
        guard declared == size - text else { throw Poison(text: "is not whole") }
        guard hasSender, !envelope.recipients.isEmpty, envelope.recipients.count <= SendmailLimits.recipients,
            ([envelope.sender].filter { !$0.isEmpty } + envelope.recipients).allSatisfy(LocalEnvelope.isPlain),
            [envelope.mailParameters, envelope.recipientParameters].allSatisfy(isParameters)
        else { throw Poison(text: "has an envelope that is no good") }
        return (envelope, text)
    }

    private static func isParameters(_ text: String) -> Bool {
        text.utf8.count <= 1024 && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// Where the second of two line ends stands.
    private static func emptyLine(in bytes: [UInt8]) -> Int? {
        guard bytes.count > 1 else { return nil }
        return (1..<bytes.count).first { bytes[$0] == 10 && bytes[$0 - 1] == 10 }
    }
}
