import Glibc
import MailSyntax

/// Writes a mailbox as an mbox file of the mboxrd kind: `From ` at the begin of a line gets one `>` more, so that nothing
/// is lost. What was written when it was interrupted is told by a file beside it.
package struct MboxExport {
    private let style: LineEndStyle
    private let store: any MoveStore
    private let observer: any MoveObserver

    private static let page = 200

    package init(style: LineEndStyle, store: any MoveStore, observer: any MoveObserver) {
        self.style = style
        self.store = store
        self.observer = observer
    }

    /// Writes every mailbox into a folder, a file each: `A/B.mbox`.
    package func all(into root: String) async throws {
        for folder in try await store.folders() where folder.selectable {
            let levels = folder.path.split(separator: "/").map { level in
                level.hasPrefix(".") ? "_" + level.dropFirst() : String(level)
            }
            let path = "\(root)/\(levels.joined(separator: "/")).mbox"
            try MaildirExport.makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
            try await one(folder, to: path)
        }
    }

    /// Writes one mailbox.
    package func one(_ mailbox: String, to path: String) async throws {
        let wanted = FolderName.folded(mailbox)
        guard let folder = try await store.folders().first(where: { $0.path == wanted && $0.selectable }) else {
            throw MoveError("there is no mailbox \(wanted)", remedy: "see: martlet mailbox list")
        }
        try await one(folder, to: path)
    }

    private func one(_ folder: OutgoingFolder, to path: String) async throws {
        let part = "\(path).part"
        let note = "\(path).state"
        observer.began(folder.path, total: folder.messages)
        var (last, size) = Self.state(note, part, validity: folder.uidValidity)
        let file = try OutputFile(part, keeping: size)
        if size > 0 { observer.remark("\(path) goes on after UID \(last), where it was interrupted") }
        while true {
            let entries = try await store.messages(of: folder, after: last, limit: Self.page)
            guard let end = entries.last else { break }
            for entry in entries {
                let start = file.size
                do {
                    try write(entry, to: file)
                    observer.moved(messages: 1, known: 0, octets: entry.size)
                } catch let error as UnreadableFile {
                    try file.truncate(to: start)
                    observer.passedOver(error.telling(entry, of: folder))
                }
            }
            last = end.uid
            size = file.size
            try file.sync()
            try SmallFile.write(Array("\(folder.uidValidity) \(last) \(size)\n".utf8), to: note)
        }
        try file.sync()
        guard rename(part, path) == 0 else { throw StagingFile.failure("write \(path)") }
        unlink(note)
    }

    private static func state(_ note: String, _ part: String, validity: UInt32) -> (UInt32, Int) {
        let numbers =
            SmallFile.read(note).map { String(decoding: $0, as: UTF8.self) }?
            .split(whereSeparator: \.isWhitespace).compactMap { Int($0) } ?? []
        var status = stat()
        guard numbers.count == 3, numbers[0] == Int(validity), let uid = UInt32(exactly: numbers[1]),
            stat(part, &status) == 0, Int(status.st_size) >= numbers[2], numbers[2] >= 0
        else { return (0, 0) }
        return (uid, numbers[2])
    }

    private func write(_ entry: OutgoingEntry, to file: OutputFile) throws {
        var reader = try MessageReader(entry.file, size: entry.size, style: style)
        try file.write(Array((FromLine.text(Timestamp(microseconds: entry.date)) + "\n").utf8))
        var quoting = MboxQuoting(notes: MboxHeader.notes(entry.flags, entry.keywords))
        while let piece = try reader.next() { try file.write(quoting.convert(piece)) }
        try file.write(quoting.finish())
    }
}

/// Puts notes at the end of a header and a `>` before each `From ` of the lines, whatever number of `>` it has.
struct MboxQuoting {
    private let notes: [UInt8]
    private var line: [UInt8] = []
    private var hasNotes = false
    private var isAtStart = true
    private var lastByte: UInt8 = 0x0A
    /// A line that is no quote is known by then.
    private static let enough = 256

    init(notes: [UInt8]) { self.notes = notes }

    mutating func convert(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 64)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            line += bytes[start..<end]
            start = end
            if line.last == 0x0A || line.count >= Self.enough { endLine(&output) }
        }
        return output
    }

    private mutating func endLine(_ output: inout [UInt8]) {
        if isAtStart {
            if !hasNotes, line == [0x0A] || line == [0x0D, 0x0A] {
                output += notes
                hasNotes = true
            }
            if line.drop(while: { $0 == 0x3E }).starts(with: "From ".utf8) { output.append(0x3E) }
        }
        output += line
        lastByte = line.last ?? lastByte
        isAtStart = lastByte == 0x0A
        line.removeAll(keepingCapacity: true)
    }

    /// What is left, the last line's end where it has none, and the blank line between messages.
    mutating func finish() -> [UInt8] {
        var output: [UInt8] = []
        if !line.isEmpty { endLine(&output) }
        if lastByte != 0x0A { output.append(0x0A) }
        if !hasNotes { output += notes + [0x0A] }
        output.append(0x0A)
        return output
    }
}
