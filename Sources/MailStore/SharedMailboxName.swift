package import MailSyntax

/// Names of the mailboxes of other accounts: `Shared/user@domain/Folder`. RFC 2342 §5
package enum SharedMailboxName {
    /// The first level, whose other levels name owner and mailbox.
    package static let root = "Shared"
    package static let prefix = "Shared/"

    /// Whether a path is the namespace's own or below it.
    package static func contains(_ path: String) -> Bool { path == root || path.hasPrefix(prefix) }

    /// The path under which others see a mailbox.
    /// - Parameter path: in the owner's account.
    package static func path(owner: EmailAddress, _ path: String) -> String {
        "\(ownerPath(owner))/\(path)"
    }

    /// The level that stands for an owner's mailboxes.
    package static func ownerPath(_ owner: EmailAddress) -> String { prefix + level(owner.folded) }

    /// Owner and path of a shared name; nil for the levels above one and for what is no such name.
    package static func split(_ path: String) -> (owner: String, path: String)? {
        guard path.hasPrefix(prefix) else { return nil }
        let levels = path.dropFirst(prefix.count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard levels.count == 2, !levels[0].isEmpty, !levels[1].isEmpty else { return nil }
        return (address(levels[0]), MailboxName.canonical(String(levels[1])))
    }

    // A local part may hold the separator (RFC 5321 §4.1.2).
    private static func level(_ address: String) -> String {
        var text = ""
        for character in address {
            switch character {
            case "%": text += "%25"
            case "/": text += "%2F"
            default: text.append(character)
            }
        }
        return text
    }

    private static func address(_ level: Substring) -> String {
        var text = ""
        var rest = level
        while let character = rest.first {
            if rest.hasPrefix("%2F") {
                text += "/"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("%25") {
                text += "%"
                rest = rest.dropFirst(3)
            } else {
                text.append(character)
                rest = rest.dropFirst()
            }
        }
        return text
    }
}
