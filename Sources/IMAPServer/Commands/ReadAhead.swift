import Blobs
import MailStore

/// The files of messages that are told one after another, opened and asked of the disk some places before their turn: a
/// disk that is slow to answer is waited for once, not once a message, and so are those who share the session's thread.
struct ReadAhead {
    /// Files open at a time.
    private static let depth = 16
    /// Octets that are asked for of each; nearly all mail is smaller.
    private static let octets = 128 << 10

    private let places: [MessagePlace?]
    private let store: MailStore
    private var opened: [BlobReader?] = []
    private var turn = 0

    /// - Parameter places: of all messages, in their order; nil where there is no file.
    init(_ places: [MessagePlace?], store: MailStore) {
        self.places = places
        self.store = store
        opened.reserveCapacity(places.count)
    }

    /// The file of the next message; nil where there is none, or it can't be opened: who opens it again hears why.
    mutating func next() -> BlobReader? {
        guard turn < places.count else { return nil }
        while opened.count < min(places.count, turn + Self.depth) {
            let reader = places[opened.count].flatMap { try? store.open($0) }
            if places.count > 1 { reader?.willRead(Self.octets) }
            opened.append(reader)
        }
        defer {
            opened[turn] = nil
            turn += 1
        }
        return opened[turn]
    }
}
