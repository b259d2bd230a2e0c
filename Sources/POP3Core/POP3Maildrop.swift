/// A mailbox as it was at login: what message numbers mean for the whole session.
// RFC 1939 §5 (deviates): no exclusive lock is held; a snapshot serves the same purpose and several clients may read at once.
package struct POP3Maildrop: Sendable {
    /// A message, in the order of its number.
    package struct Entry: Sendable, Equatable {
        package let uid: UInt32
        /// As stored.
        package let octets: Int
        /// What UIDL says of it when it came from another server; nil for an identifier of our own.
        package let givenID: String?

        package init(uid: UInt32, octets: Int, givenID: String? = nil) {
            self.givenID = givenID
            self.uid = uid
            self.octets = octets
        }
    }

    package let uidValidity: UInt32
    package let entries: [Entry]
    /// Identifiers of another server that can't be used.
    private let unusableIDs: Set<String>
    /// By index; the marks of DELE.
    private var marks: [Bool]
    /// Of all messages.
    private let octets: Int
    private(set) var remaining: Int
    private(set) var remainingOctets: Int

    package init(uidValidity: UInt32, entries: [Entry]) {
        self.uidValidity = uidValidity
        self.entries = entries
        unusableIDs = Self.unusable(entries, uidValidity)
        marks = [Bool](repeating: false, count: entries.count)
        remaining = entries.count
        octets = entries.reduce(0) { $0 + max($1.octets, 0) }
        remainingOctets = octets
    }

    /// The UIDs of the messages marked as deleted, ascending as the entries are.
    package var deletedUIDs: [UInt32] {
        zip(entries, marks).filter(\.1).map(\.0.uid)
    }

    /// The index of the message with that number; nil when there is none or it is marked as deleted.
    func index(of number: Int) -> Int? {
        guard number >= 1, number <= entries.count, !marks[number - 1] else { return nil }
        return number - 1
    }

    func isMarked(_ index: Int) -> Bool { marks[index] }

    mutating func mark(_ index: Int) {
        guard marks.indices.contains(index), !marks[index] else { return }
        marks[index] = true
        remaining -= 1
        remainingOctets -= max(entries[index].octets, 0)
    }

    mutating func unmarkAll() {
        // As cheap as what it takes back: RSET may come a thousand times in a packet.
        guard remaining < entries.count else { return }
        marks = [Bool](repeating: false, count: entries.count)
        remaining = entries.count
        remainingOctets = octets
    }

    /// The identifier of a message: what another server gave it, or else Dovecot's default shape, eight hexadecimal digits
    /// each of UID and UIDVALIDITY.
    // RFC 1939 §7: 1 to 70 characters in the range 0x21 to 0x7E
    package func uniqueID(_ index: Int) -> String {
        let entry = entries[index]
        if let given = entry.givenID, !unusableIDs.contains(given) { return given }
        return Self.hexadecimal(entry.uid) + Self.hexadecimal(uidValidity)
    }

    /// What can't be used as an identifier: given to more than one message, or what we call another one, whether that is
    /// still there or not, so that an identifier stays when others go.
    // RFC 1939 §7: two messages of a maildrop never have the same
    private static func unusable(_ entries: [Entry], _ uidValidity: UInt32) -> Set<String> {
        let ours = hexadecimal(uidValidity)
        var seen: Set<String> = []
        var unusable: Set<String> = []
        for entry in entries {
            guard let given = entry.givenID else { continue }
            let isOurs = given.utf8.count == 16 && given.hasSuffix(ours) && given != hexadecimal(entry.uid) + ours
            if !seen.insert(given).inserted || isOurs { unusable.insert(given) }
        }
        return unusable
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}

/// The lines of LIST or UIDL for a whole maildrop, made a piece at a time.
package struct POP3Listing: Sendable {
    enum Kind: Sendable {
        case sizes
        case uniqueIDs
    }

    private let maildrop: POP3Maildrop
    private let kind: Kind
    private let pieceSize: Int
    private var next = 0
    private var head: [UInt8]
    private var isOver = false

    init(_ kind: Kind, of maildrop: POP3Maildrop, pieceSize: Int) {
        self.maildrop = maildrop
        self.kind = kind
        self.pieceSize = pieceSize
        let text = "\(maildrop.remaining) messages (\(maildrop.remainingOctets) octets)"
        head = POP3Reply.ok(text)
    }

    /// The next octets to send, terminating line included; nil at the end.
    package mutating func nextPiece() -> [UInt8]? {
        guard !isOver else { return nil }
        var piece = head
        head = []
        while next < maildrop.entries.count, piece.count < pieceSize {
            if !maildrop.isMarked(next) {
                let value = kind == .sizes ? String(maildrop.entries[next].octets) : maildrop.uniqueID(next)
                piece += "\(next + 1) \(value)\r\n".utf8
            }
            next += 1
        }
        if next == maildrop.entries.count {
            isOver = true
            piece += POP3Reply.end
        }
        return piece
    }
}
