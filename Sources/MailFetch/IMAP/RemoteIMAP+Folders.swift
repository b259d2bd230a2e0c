import IMAPCore
import MailMove

/// A mailbox of another IMAP server.
struct RemoteFolder: Sendable, Equatable {
    /// As it stands on the wire, without quotes.
    var name: String
    /// Levels separated by `/`, without the prefix of the personal namespace.
    var path: String
    var isSelectable: Bool
    var isSubscribed: Bool
    /// The server says what it is for: `sent` …
    var use: String?
}

/// A mailbox that was opened.
struct RemoteSelection: Sendable, Equatable {
    var uidValidity: UInt32?
    var uidNext: UInt32?
    var exists = 0
}

extension RemoteIMAP {
    /// Every mailbox of the user. RFC 3501 §6.3.8, RFC 5258 §3, RFC 6154 §3
    mutating func folders(limit: Int = 100_000) async throws -> [RemoteFolder] {
        let prefix = try await personalPrefix()
        var command = "LIST \"\" \"*\""
        let isExtended = capabilities.contains("LIST-EXTENDED")
        if isExtended {
            let more = capabilities.contains("SPECIAL-USE") ? " SPECIAL-USE" : ""
            command += " RETURN (SUBSCRIBED\(more))"
        }
        var found: [RemoteFolder] = []
        let shown = remote.shown
        try await self.command(command) { untagged in
            guard untagged.name == "LIST", let folder = Self.folder(untagged, prefix: prefix) else { return }
            guard found.count < limit else { throw RemoteFailure(.malformed, "\(shown) has too many mailboxes") }
            found.append(folder)
        }
        if !isExtended {
            var subscribed: Set<String> = []
            try await self.command("LSUB \"\" \"*\"") { untagged in
                guard untagged.name == "LSUB", let folder = Self.folder(untagged, prefix: prefix) else { return }
                if subscribed.count < limit { subscribed.insert(folder.name) }
            }
            for index in found.indices { found[index].isSubscribed = subscribed.contains(found[index].name) }
        }
        return found.sorted { ($0.path != "INBOX" ? 1 : 0, $0.path) < ($1.path != "INBOX" ? 1 : 0, $1.path) }
    }

    /// What the user's own names begin with, such as `INBOX.`. RFC 2342 §5
    private mutating func personalPrefix() async throws -> String {
        guard capabilities.contains("NAMESPACE") else { return "" }
        var prefix = ""
        try await command("NAMESPACE") { untagged in
            guard untagged.name == "NAMESPACE", untagged.values.count > 1 else { return }
            prefix = untagged.values[1].items.first?.items.first?.text ?? ""
        }
        return prefix
    }

    private static func folder(_ untagged: Untagged, prefix: String) -> RemoteFolder? {
        guard untagged.values.count >= 4, let name = untagged.values[3].text, !name.isEmpty else { return nil }
        let attributes = Set(untagged.values[1].items.compactMap { $0.text?.lowercased() })
        guard !attributes.contains("\\nonexistent") else { return nil }
        let separator = untagged.values[2].text?.first
        var rest = name[...]
        if name.uppercased() != "INBOX", !prefix.isEmpty {
            // Other users' and shared mailboxes are not this user's.
            guard name.hasPrefix(prefix) else { return nil }
            rest = name.dropFirst(prefix.count)
        }
        guard !rest.isEmpty else { return nil }
        let path: String
        if let separator, separator != "N" || untagged.values[2] != .atom("NIL") {
            path = FolderName.path(rest, separator: separator)
        } else {
            path = FolderName.level(rest)
        }
        guard !path.isEmpty else { return nil }
        let uses = ["sent", "drafts", "junk", "trash", "archive"]
        return RemoteFolder(
            name: name, path: path, isSelectable: !attributes.contains("\\noselect"),
            isSubscribed: attributes.contains("\\subscribed"), use: uses.first { attributes.contains("\\\($0)") })
    }

    /// Opens a mailbox. RFC 3501 §6.3.1
    mutating func select(_ name: String, readOnly: Bool) async throws -> RemoteSelection {
        var selection = RemoteSelection()
        let verb = readOnly ? "EXAMINE" : "SELECT"
        try await command("\(verb) \(Self.quoted(name))") { untagged in
            if let (number, word, _) = untagged.numbered, word == "EXISTS" { selection.exists = Int(number) }
            guard untagged.name == "OK", untagged.values.count >= 2, let code = untagged.values[1].text else { return }
            if let value = Self.code("UIDVALIDITY", code) { selection.uidValidity = value }
            if let value = Self.code("UIDNEXT", code) { selection.uidNext = value }
        }
        return selection
    }

    /// `[UIDNEXT 4392]`: brackets make one atom of it.
    private static func code(_ name: String, _ text: String) -> UInt32? {
        guard text.uppercased().hasPrefix("[\(name) "), text.hasSuffix("]") else { return nil }
        return UInt32(text.dropFirst(name.count + 2).dropLast())
    }

    /// UIDs from one on, ascending, with sizes where they are asked for.
    mutating func uids(from first: UInt32 = 1, sizes: Bool = false) async throws -> [(uid: UInt32, size: Int)] {
        var found: [(uid: UInt32, size: Int)] = []
        let (limit, shown) = (wire.limits.messages, remote.shown)
        try await command("UID FETCH \(first):* (UID\(sizes ? " RFC822.SIZE" : ""))") { untagged in
            guard let (_, name, rest) = untagged.numbered, name == "FETCH" else { return }
            let facts = FetchedFacts(rest.first?.items ?? [])
            // RFC 3501 §6.4.8: `n:*` names the last message even where its UID is below n.
            guard let uid = facts.uid, uid >= first else { return }
            guard found.count < limit else { throw RemoteFailure(.malformed, "\(shown) has too many messages") }
            found.append((uid, facts.size ?? 0))
        }
        found.sort { $0.uid < $1.uid }
        return found
    }
}

/// What a FETCH response tells.
struct FetchedFacts {
    var uid: UInt32?
    var size: Int?
    var flags: [String]?
    var date: String?
    var hasBody = false
    /// A body that came as a quoted string.
    var inlineBody: [UInt8]?

    init(_ items: [IMAPValue]) {
        var index = 0
        while index + 1 < items.count {
            let value = items[index + 1]
            switch items[index].text?.uppercased() {
            case "UID": uid = value.text.flatMap { UInt32($0) }.flatMap { $0 > 0 ? $0 : nil }
            case "RFC822.SIZE": size = value.text.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
            case "FLAGS": flags = value.items.compactMap(\.text)
            case "INTERNALDATE": date = value.text
            case "BODY[]", "RFC822":
                hasBody = true
                if case .string(let bytes) = value { inlineBody = bytes }
            default: break
            }
            index += 2
        }
    }
}
