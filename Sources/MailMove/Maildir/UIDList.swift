/// Dovecot's list of a Maildir's UIDs, version 3 (and 1): `3 V1275660208 N25022 G3085…`, then `25006 W1234 :1276528487.…`.
/// <https://doc.dovecot.org/2.3/developer_manual/design/indexes/mail_storage_maildir/>
package enum UIDList {
    package struct Head: Sendable, Equatable {
        package var uidValidity: UInt32
        package var uidNext: UInt32
        /// The mailbox's identifier, 32 hexadecimal digits; nil in old lists.
        package var guid: String?
    }

    package struct Line: Sendable, Equatable {
        package var uid: UInt32
        /// The message's file, without what follows a colon.
        package var name: [UInt8]
        /// What POP3 clients know it by, where that is not made of the UID.
        package var uniqueID: String?
    }

    /// The first line; nil for what is not such a list.
    package static func head(_ line: [UInt8]) -> Head? {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        switch words.first {
        case "3":
            var head = Head(uidValidity: 0, uidNext: 1)
            for word in words.dropFirst() {
                switch word.first {
                case "V": head.uidValidity = UInt32(word.dropFirst()) ?? 0
                case "N": head.uidNext = UInt32(word.dropFirst()) ?? 1
                case "G": head.guid = String(word.dropFirst())
                default: continue
                }
            }
            return head.uidValidity > 0 ? head : nil
        case "1":
            guard words.count >= 3, let validity = UInt32(words[1]), let next = UInt32(words[2]), validity > 0 else {
                return nil
            }
            return Head(uidValidity: validity, uidNext: next)
        default: return nil
        }
    }

    /// A line of a message; nil for what is none.
    package static func line(_ line: [UInt8]) -> Line? {
        guard let blank = line.firstIndex(of: 0x20), blank > 0, blank <= 10,
            let uid = UInt32(String(decoding: line[..<blank], as: UTF8.self)), uid > 0
        else { return nil }
        var rest = line[(blank + 1)...]
        var uniqueID: String?
        if rest.first == 0x3A {
            rest = rest.dropFirst()
        } else if let start = rest.indices.dropLast().first(where: { rest[$0] == 0x20 && rest[$0 + 1] == 0x3A }) {
            for word in rest[..<start].split(separator: 0x20) where word.first == UInt8(ascii: "P") {
                uniqueID = String(decoding: word.dropFirst(), as: UTF8.self)
            }
            rest = rest[(start + 2)...]
        }
        guard !rest.isEmpty else { return nil }
        return Line(uid: uid, name: Array(base(rest)), uniqueID: uniqueID)
    }

    /// A file's name without its flags.
    static func base(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        name[..<(name.firstIndex(of: 0x3A) ?? name.endIndex)]
    }

    /// The names of keywords by their letter's place, of `dovecot-keywords`: `0 $Label1`.
    package static func keywords(_ bytes: [UInt8]) -> [Int: String] {
        var found: [Int: String] = [:]
        for line in bytes.split(separator: 0x0A) {
            guard let blank = line.firstIndex(of: 0x20),
                let place = Int(String(decoding: line[..<blank], as: UTF8.self)), (0..<26).contains(place)
            else { continue }
            let word = String(decoding: line[(blank + 1)...], as: UTF8.self)
            if isKeyword(word) { found[place] = word }
        }
        return found
    }

    /// An atom of IMAP. RFC 3501 §9
    package static func isKeyword(_ word: String) -> Bool {
        !word.isEmpty && word.utf8.count <= 255
            && word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"(){%*\"\\]".utf8.contains($0) }
    }
}
