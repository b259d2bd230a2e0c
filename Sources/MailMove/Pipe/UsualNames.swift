/// What mailboxes are for, as their names say. The names are those of Dovecot's, Outlook's, Apple's and Thunderbird's
/// defaults.
package enum UsualNames {
    /// The most telling name first.
    private static let names: [(use: String, names: [String])] = [
        ("sent", ["sent", "sent items", "sent messages", "sent mail", "sent-mail"]),
        ("drafts", ["drafts", "draft"]),
        ("junk", ["junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail"]),
        ("trash", ["trash", "deleted items", "deleted messages", "bin"]),
        ("archive", ["archive", "archives"]),
    ]

    /// The mailbox for each purpose, each purpose once. Only the first level, or the first below INBOX, counts.
    package static func uses(of paths: [String]) -> [String: String] {
        var found: [String: String] = [:]
        for (use, names) in names {
            let candidates = names.flatMap { [$0, "inbox/\($0)"] }
            for candidate in candidates {
                guard let path = paths.first(where: { $0.lowercased() == candidate }) else { continue }
                found[path] = use
                break
            }
        }
        return found
    }
}
