/// The folders of a Maildir with folders, as Dovecot and Courier write it.
package struct MaildirTree: Sendable {
    package struct Folder: Sendable, Equatable {
        /// Levels separated by `/`.
        package var path: String
        /// Holds `cur` and `new`.
        package var directory: String
        /// Holds `dovecot-uidlist` and `dovecot-keywords`.
        package var control: String
    }

    package let root: String
    package let layout: FolderName.Layout
    /// By path, INBOX first.
    package let folders: [Folder]

    /// Deeper than any mailbox goes.
    private static let maximumDepth = 25

    /// - Parameters:
    ///   - layout: nil finds out.
    ///   - control: where Dovecot's CONTROL= keeps its lists; nil: beside the mail.
    /// - Throws: `MoveError` where there is no Maildir.
    package init(root: String, layout: FolderName.Layout? = nil, control: String? = nil) throws {
        let root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
        guard FolderListing.isFolder(root) else {
            throw MoveError("\(root) is not a folder", remedy: "name the Maildir itself, such as /home/anna/Maildir")
        }
        let names = FolderListing.names(root)
        let plus = names.filter { $0.hasPrefix(".") && Self.isMaildir("\(root)/\($0)") }
        let layout = layout ?? (plus.isEmpty && Self.hasSubfolders(root, names) ? .fs : .maildirPlus)
        var folders: [Folder] = []
        if Self.isMaildir(root) {
            folders.append(Folder(path: "INBOX", directory: root, control: control ?? root))
        }
        switch layout {
        case .maildirPlus:
            for name in plus {
                folders.append(
                    Folder(
                        path: FolderName.path(name.dropFirst(), separator: "."), directory: "\(root)/\(name)",
                        control: "\(control ?? root)/\(name)"))
            }
        case .fs: Self.descend(root, control ?? root, [], &folders)
        }
        guard !folders.isEmpty else {
            throw MoveError(
                "\(root) holds no Maildir: no folder in it has cur and new",
                remedy: "name the folder that has them, or give --layout")
        }
        self.root = root
        self.layout = layout
        var seen: Set<String> = []
        self.folders = folders.filter { seen.insert($0.path).inserted }
            .sorted { ($0.path != "INBOX" ? 1 : 0, $0.path) < ($1.path != "INBOX" ? 1 : 0, $1.path) }
    }

    private static func isMaildir(_ path: String) -> Bool {
        FolderListing.isFolder("\(path)/cur") || FolderListing.isFolder("\(path)/new")
    }

    private static func isOwn(_ name: String) -> Bool { ["cur", "new", "tmp"].contains(name) || name.hasPrefix(".") }

    private static func hasSubfolders(_ root: String, _ names: [String]) -> Bool {
        names.contains { !isOwn($0) && FolderListing.isFolder("\(root)/\($0)") }
    }

    private static func descend(_ folder: String, _ control: String, _ levels: [String], _ found: inout [Folder]) {
        guard levels.count < maximumDepth else { return }
        for name in FolderListing.names(folder) where !isOwn(name) && FolderListing.isFolder("\(folder)/\(name)") {
            let path = levels + [FolderName.level(name)]
            let directory = "\(folder)/\(name)"
            if isMaildir(directory) {
                found.append(
                    Folder(
                        path: FolderName.folded(path.joined(separator: "/")), directory: directory,
                        control: "\(control)/\(name)"))
            }
            descend(directory, "\(control)/\(name)", path, &found)
        }
    }

    /// The names that are subscribed to; nil without a list.
    package func subscriptions() -> [String]? {
        for name in ["subscriptions", "courierimapsubscribed"] {
            guard let bytes = SmallFile.read("\(root)/\(name)") else { continue }
            return Self.subscriptions(bytes, separator: layout == .fs ? "/" : ".")
        }
        return nil
    }

    /// Dovecot's list: a name a line; from version 2 on its levels are separated by tabs.
    static func subscriptions(_ bytes: [UInt8], separator: Character) -> [String] {
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        var separator = separator
        if lines.first == "V\t2" {
            lines.removeFirst()
            separator = "\t"
        }
        return lines.map { line in
            var line = line[...]
            // Courier names everything below INBOX.
            if separator == ".", line.hasPrefix("INBOX.") { line = line.dropFirst(6) }
            return FolderName.path(line, separator: separator)
        }.filter { !$0.isEmpty }
    }
}
