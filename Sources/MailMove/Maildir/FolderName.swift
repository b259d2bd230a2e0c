import IMAPCore

/// Names of mailboxes as they stand in files of Dovecot's.
package enum FolderName {
    /// Where mailboxes are below the root.
    package enum Layout: String, Sendable, CaseIterable {
        /// Folders `.A.B` beside the INBOX.
        case maildirPlus = "maildir++"
        /// Folders `A/B`.
        case fs
    }

    /// One level, out of modified UTF-7; what is not in it stands for itself. RFC 3501 §5.1.3
    package static func level(_ text: some StringProtocol) -> String {
        let decoded = IMAPNameEncoding.modifiedUTF7.decode(Array(text.utf8)) ?? String(text)
        // The store's own separator
        return decoded.contains("/") ? String(decoded.map { $0 == "/" ? "_" : $0 }) : decoded
    }

    /// A whole name, its levels separated by `separator`.
    package static func path(_ text: some StringProtocol, separator: Character) -> String {
        folded(text.split(separator: separator).map { level($0) }.joined(separator: "/"))
    }

    /// INBOX in capitals. RFC 3501 §5.1
    package static func folded(_ path: String) -> String { IMAPMailboxName(path: path).path }

    /// A level as a part of a file's name, and whether it still says the same.
    static func encoded(_ level: String, for layout: Layout) -> (name: String, isExact: Bool) {
        var text = level
        if layout == .maildirPlus { text = String(text.map { $0 == "." ? "_" : $0 }) }
        // Names with a meaning of their own
        if layout == .fs, text.hasPrefix(".") || ["cur", "new", "tmp"].contains(text) { text = "_" + text }
        let name = String(decoding: IMAPNameEncoding.modifiedUTF7.encode(text), as: UTF8.self)
        return (name, text == level)
    }

    static func encoded(path: String, for layout: Layout) -> (name: String, isExact: Bool) {
        let levels = path.split(separator: "/").map { encoded(String($0), for: layout) }
        return (
            levels.map(\.name).joined(separator: layout == .fs ? "/" : "."), levels.allSatisfy(\.isExact)
        )
    }
}
