import IMAPCore
import MailStore

// How ids stand on the wire: a letter of their kind, so that no two kinds have the same, and a number. RFC 8474 §5.2, §8.1

extension EmailID {
    var objectID: String { "M\(String(rawValue, radix: 36))" }

    /// Nil for what is no id of an email; such a search matches nothing.
    init?(objectID: String) {
        guard objectID.first == "M", let value = Int64(objectID.dropFirst(), radix: 36), value >= 0 else { return nil }
        self.init(rawValue: value)
        // One id, one spelling: they are case-sensitive.
        guard self.objectID == objectID else { return nil }
    }
}

extension ThreadID {
    var objectID: String { "T\(String(rawValue, radix: 36))" }

    init?(objectID: String) {
        guard objectID.first == "T", let value = Int64(objectID.dropFirst(), radix: 36), value >= 0 else { return nil }
        self.init(rawValue: value)
        guard self.objectID == objectID else { return nil }
    }
}

extension MailboxInfo {
    /// Stays when the mailbox is renamed. A name that was deleted and made again can be the same row, but is another
    /// mailbox: its UIDVALIDITY tells. RFC 8474 §4
    var objectID: String { "F\(String(id.rawValue, radix: 36))-\(String(uidValidity.rawValue, radix: 36))" }
}
