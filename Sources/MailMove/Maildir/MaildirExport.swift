import Glibc
import MailSyntax

/// Writes the mailboxes of an account as a Maildir that Dovecot takes over as it is: UIDs, flags, keywords, dates and
/// subscriptions with it. Run again, it writes what is missing, renames what has other flags and removes what is gone.
package struct MaildirExport {
    package let root: String
    package let layout: FolderName.Layout
    package let style: LineEndStyle
    private let store: any MoveStore
    private let observer: any MoveObserver

    private static let page = 500

    package init(
        root: String, layout: FolderName.Layout, style: LineEndStyle, store: any MoveStore,
        observer: any MoveObserver
    ) {
        self.root = root
        self.layout = layout
        self.style = style
        self.store = store
        self.observer = observer
    }

    package func run() async throws {
        let folders = try await store.folders()
        try Self.makeFolder(root)
        var used: Set<String> = []
        for folder in folders where folder.selectable {
            let (name, isExact) = FolderName.encoded(path: folder.path, for: layout)
            guard used.insert(name).inserted else {
                throw MoveError(
                    "two mailboxes would be the folder \(name), one of them \(folder.path)",
                    remedy: layout == .maildirPlus ? "use --layout fs" : "rename one of them")
            }
            if !isExact { observer.remark("\(folder.path) is written as \(name), which a Maildir can name") }
            let directory =
                folder.path == "INBOX" ? root : layout == .fs ? "\(root)/\(name)" : "\(root)/.\(name)"
            try await write(folder, to: directory)
        }
        let names = folders.filter(\.subscribed).map { FolderName.encoded(path: $0.path, for: layout).name }
        try SmallFile.write(Array((names.joined(separator: "\n") + "\n").utf8), to: "\(root)/subscriptions")
    }

    private func write(_ folder: OutgoingFolder, to directory: String) async throws {
        try Self.makeFolder(directory)
        for name in ["cur", "new", "tmp"] { try Self.makeFolder("\(directory)/\(name)") }
        // Marks a folder of a Maildir as such for other programs.
        if directory != root, layout == .maildirPlus {
            try SmallFile.write([], to: "\(directory)/maildirfolder")
        }
        observer.began(folder.path, total: folder.messages)
        let words = Array(folder.keywords.prefix(26))
        if folder.keywords.count > 26 {
            observer.remark("\(folder.path) has \(folder.keywords.count) keywords; a Maildir keeps 26")
        }
        let places = Dictionary(
            words.enumerated().map { ($1.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        var present = Self.present("\(directory)/cur", validity: folder.uidValidity)
        let list = try OutputFile("\(directory)/dovecot-uidlist.new")
        try list.write(
            Array("3 V\(folder.uidValidity) N\(folder.uidNext) G\(Self.guid(folder))\n".utf8))
        var last: UInt32 = 0
        while true {
            let entries = try await store.messages(of: folder, after: last, limit: Self.page)
            guard let end = entries.last else { break }
            for entry in entries {
                let flags = MaildirFlags.write(entry.flags, entry.keywords, places: places)
                let known = present.removeValue(forKey: entry.uid)
                do {
                    let base = try place(entry, flags, known, folder, directory)
                    try list.write(Array("\(entry.uid) :\(base)\n".utf8))
                } catch let error as UnreadableFile {
                    observer.passedOver(error.telling(entry, of: folder))
                }
            }
            last = end.uid
        }
        for name in present.values { unlink("\(directory)/cur/\(name)") }
        if !words.isEmpty {
            let text = words.enumerated().map { "\($0) \($1)\n" }.joined()
            try SmallFile.write(Array(text.utf8), to: "\(directory)/dovecot-keywords")
        }
        try list.sync()
        guard rename("\(directory)/dovecot-uidlist.new", "\(directory)/dovecot-uidlist") == 0 else {
            throw StagingFile.failure("write \(directory)/dovecot-uidlist")
        }
    }

    /// Puts one message where it belongs; returns its name without flags.
    private func place(
        _ entry: OutgoingEntry, _ flags: String, _ known: String?, _ folder: OutgoingFolder, _ directory: String
    ) throws -> String {
        if let known {
            let base = String(known.prefix { $0 != ":" })
            if base + flags != known, rename("\(directory)/cur/\(known)", "\(directory)/cur/\(base)\(flags)") != 0 {
                throw StagingFile.failure("rename \(directory)/cur/\(known)")
            }
            observer.moved(messages: 1, known: 1, octets: entry.size)
            return base
        }
        let seconds = Timestamp(microseconds: entry.date).seconds
        let temporary = "\(directory)/tmp/\(seconds).U\(entry.uid)V\(folder.uidValidity).martlet"
        var reader = try MessageReader(entry.file, size: entry.size, style: style)
        let file = try OutputFile(temporary)
        var virtual = 0
        var last: UInt8 = 0
        do {
            while let piece = try reader.next() {
                virtual += Self.virtualSize(piece, after: &last)
                try file.write(piece)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try file.setTime(entry.date)
        // S is the file's size and W that with CRLF as line ends: Dovecot need not read the file to know them.
        let base = "\(seconds).U\(entry.uid)V\(folder.uidValidity).martlet,S=\(file.size),W=\(virtual)"
        guard rename(temporary, "\(directory)/cur/\(base)\(flags)") == 0 else {
            throw StagingFile.failure("write \(directory)/cur/\(base)\(flags)")
        }
        observer.moved(messages: 1, known: 0, octets: entry.size)
        return base
    }

    /// Octets that a piece has with CRLF as line ends.
    private static func virtualSize(_ piece: [UInt8], after last: inout UInt8) -> Int {
        var size = piece.count
        for byte in piece {
            if byte == 0x0A, last != 0x0D { size += 1 }
            last = byte
        }
        return size
    }

    /// Files of an earlier run for the same UIDVALIDITY; those of another are removed.
    private static func present(_ folder: String, validity: UInt32) -> [UInt32: String] {
        var found: [UInt32: String] = [:]
        FolderListing.forEach(folder) { bytes in
            let name = String(decoding: bytes, as: UTF8.self)
            let parts = name.split(separator: ".", maxSplits: 2)
            guard parts.count == 3, parts[2].hasPrefix("martlet,"), parts[1].first == "U" else { return }
            let numbers = parts[1].dropFirst().split(separator: "V")
            guard numbers.count == 2, let uid = UInt32(numbers[0]), let theirs = UInt32(numbers[1]) else { return }
            if theirs == validity, found[uid] == nil { found[uid] = name } else { unlink("\(folder)/\(name)") }
        }
        return found
    }

    /// A mailbox's identifier, the same in each run.
    private static func guid(_ folder: OutgoingFolder) -> String {
        let halves = ["high", "low"].map { half in
            UInt64(bitPattern: ItemHash.of("guid", half, "\(folder.mailbox)", "\(folder.uidValidity)", folder.path))
        }
        return halves.map { number in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    static func makeFolder(_ path: String) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o700) != 0, errno != EEXIST { throw StagingFile.failure("make \(made)") }
        }
    }
}
