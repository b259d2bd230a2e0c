/// The header of a message in an mbox, without the fields that programs keep their own notes in.
struct MboxHeader {
    /// What is left.
    var bytes: [UInt8] = []
    var flags = 0
    var keywords: [String] = []
    /// Octets of the body, as the file says.
    var contentLength: Int?
    /// A message in which a program keeps notes on the mailbox.
    var isPseudo = false

    private static let notes = ["status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase"]
    private let dropsLength: Bool

    /// - Parameters:
    ///   - block: up to and including the blank line.
    ///   - dropsLength: Content-Length is a note too.
    init(_ block: [UInt8], dropsLength: Bool = false) {
        self.dropsLength = dropsLength
        var isDropped = false
        var start = 0
        while start < block.count {
            let end = block[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? block.count
            let line = block[start..<end]
            start = end
            if let first = line.first, first != 0x20, first != 0x09 { isDropped = note(line) }
            if !isDropped { bytes.append(contentsOf: line) }
        }
    }

    /// Takes in a field of notes; false for one that stays.
    private mutating func note(_ line: ArraySlice<UInt8>) -> Bool {
        guard let colon = line.firstIndex(of: 0x3A), colon - line.startIndex <= 16 else { return false }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        if name == "subject" {
            // c-client's, and Dovecot's of old
            let text = String(decoding: line[(colon + 1)...], as: UTF8.self)
            if text.contains("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA") { isPseudo = true }
        }
        let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
        if name == "content-length" {
            contentLength = Int(value.split(whereSeparator: \.isWhitespace).first ?? "").flatMap { $0 >= 0 ? $0 : nil }
            return dropsLength
        }
        guard Self.notes.contains(name) else { return false }
        switch name {
        case "status": if value.contains("R") { flags |= 1 }
        case "x-status":
            for (letter, bit) in [("A", 2), ("F", 4), ("D", 8), ("T", 16)] where value.contains(letter) { flags |= bit }
        case "x-keywords":
            keywords = value.split(whereSeparator: \.isWhitespace).map(String.init).filter(UIDList.isKeyword)
        default: break
        }
        return true
    }

    /// The fields of our own notes.
    static func notes(_ flags: Int, _ keywords: [String]) -> [UInt8] {
        var text = "Status: \(flags & 1 != 0 ? "RO" : "O")\n"
        let letters = [("A", 2), ("F", 4), ("D", 8), ("T", 16)].filter { flags & $0.1 != 0 }.map(\.0).joined()
        if !letters.isEmpty { text += "X-Status: \(letters)\n" }
        if !keywords.isEmpty { text += "X-Keywords: \(keywords.joined(separator: " "))\n" }
        return Array(text.utf8)
    }
}
