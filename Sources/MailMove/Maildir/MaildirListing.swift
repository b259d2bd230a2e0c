/// The message files of one Maildir, found by name. Twenty octets a message and the names themselves.
struct MaildirListing {
    private struct Entry {
        var hash: UInt64
        var start: UInt32
        var length: UInt16
        var isNew: Bool
        var isTaken = false
    }

    private var names: [UInt8] = []
    private var entries: [Entry] = []

    /// A message's file.
    struct File {
        /// Below the Maildir: `cur/1276528487.M364837P9451.host:2,S`.
        var path: String
        var name: [UInt8]
    }

    init(_ directory: String) {
        for folder in ["cur", "new"] {
            FolderListing.forEach("\(directory)/\(folder)") { name in
                // Dovecot's own files and hidden ones are no messages.
                guard name.first != 0x2E, name.count < 1024, names.count < Int(UInt32.max) - 1024 else { return }
                let start = names.count
                names.append(contentsOf: name)
                entries.append(
                    Entry(
                        hash: Self.hash(UIDList.base(names[start...])), start: UInt32(clamping: start),
                        length: UInt16(clamping: name.count), isNew: folder == "new"))
            }
        }
        entries.sort { $0.hash < $1.hash }
    }

    var count: Int { entries.count }

    /// Takes the file of that name, which is then no longer among ``rest()``.
    mutating func take(_ base: [UInt8]) -> File? {
        let wanted = Self.hash(base[...])
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].hash < wanted { low = middle + 1 } else { high = middle }
        }
        while low < entries.count, entries[low].hash == wanted {
            if !entries[low].isTaken, UIDList.base(name(entries[low])).elementsEqual(base) {
                entries[low].isTaken = true
                return file(entries[low])
            }
            low += 1
        }
        return nil
    }

    /// Files that nobody took, by name, which begins with the time of arrival.
    func rest() -> [File] {
        entries.filter { !$0.isTaken }.map { file($0) }.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private func name(_ entry: Entry) -> ArraySlice<UInt8> {
        names[Int(entry.start)..<(Int(entry.start) + Int(entry.length))]
    }

    private func file(_ entry: Entry) -> File {
        let name = Array(name(entry))
        return File(path: (entry.isNew ? "new/" : "cur/") + String(decoding: name, as: UTF8.self), name: name)
    }

    /// FNV-1a
    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
