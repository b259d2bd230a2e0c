/// A mailbox of elsewhere as it is announced to the store.
package struct IncomingFolder: Codable, Sendable, Equatable {
    /// Levels separated by `/`.
    package var path: String
    /// See `IncomingMailbox.source`.
    package var source: Int64
    package var uidValidity: UInt32?
    package var uidNext: UInt32?
    /// Such as `sent`; nil for none.
    package var specialUse: String?

    package init(
        path: String, source: Int64, uidValidity: UInt32? = nil, uidNext: UInt32? = nil, specialUse: String? = nil
    ) {
        self.path = path
        self.source = source
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.specialUse = specialUse
    }
}

/// Where the messages of a folder go.
package struct IncomingPlace: Codable, Sendable, Equatable {
    package var mailbox: Int64
    package var source: Int64
    package var keepsUIDs: Bool
    package var uidValidity: UInt32

    package init(mailbox: Int64, source: Int64, keepsUIDs: Bool, uidValidity: UInt32) {
        self.mailbox = mailbox
        self.source = source
        self.keepsUIDs = keepsUIDs
        self.uidValidity = uidValidity
    }
}

/// A message in a staging file.
package struct StagedMessage: Codable, Sendable, Equatable {
    /// See `IncomingMessage.item`.
    package var item: Int64
    package var uid: UInt32?
    /// Bits of `MessageFlags`.
    package var flags: Int
    package var keywords: [String]
    /// UTC, microseconds.
    package var date: Int64
    /// Minutes east of UTC.
    package var zone: Int
    /// What POP3 clients know it by.
    package var uniqueID: String?
    /// Octets.
    package var offset: Int
    package var length: Int
}

/// Messages that are taken in together: their octets are in a file of the folder for it in the data directory.
package struct StagedBatch: Codable, Sendable, Equatable {
    package var place: IncomingPlace
    /// The file's name, without a folder.
    package var file: String
    package var messages: [StagedMessage]
}

/// How many messages came, and how many had come before.
package struct MoveCount: Codable, Sendable, Equatable {
    package var added: Int
    package var known: Int

    package init(added: Int = 0, known: Int = 0) {
        self.added = added
        self.known = known
    }
}

/// A mailbox of the store, to be taken elsewhere.
package struct OutgoingFolder: Codable, Sendable, Equatable {
    package var mailbox: Int64
    package var path: String
    package var uidValidity: UInt32
    package var uidNext: UInt32
    package var messages: Int
    package var keywords: [String]
    package var subscribed: Bool
    /// It can hold messages.
    package var selectable: Bool

    package init(
        mailbox: Int64, path: String, uidValidity: UInt32, uidNext: UInt32, messages: Int, keywords: [String],
        subscribed: Bool, selectable: Bool
    ) {
        self.mailbox = mailbox
        self.path = path
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.messages = messages
        self.keywords = keywords
        self.subscribed = subscribed
        self.selectable = selectable
    }
}

/// A message of the store, to be taken elsewhere.
package struct OutgoingEntry: Codable, Sendable, Equatable {
    package var uid: UInt32
    /// Bits of `MessageFlags`.
    package var flags: Int
    package var keywords: [String]
    /// UTC, microseconds.
    package var date: Int64
    package var zone: Int
    /// Octets.
    package var size: Int
    /// The file that holds it whole.
    package var file: String

    package init(
        uid: UInt32, flags: Int, keywords: [String], date: Int64, zone: Int, size: Int, file: String
    ) {
        self.uid = uid
        self.flags = flags
        self.keywords = keywords
        self.date = date
        self.zone = zone
        self.size = size
        self.file = file
    }
}

/// The store as importers and exporters see it, whether it is in this process or behind the control socket.
package protocol MoveStore {
    func begin(_ folder: IncomingFolder) async throws -> IncomingPlace
    /// Items that are in already, ascending, after `after`; fewer than asked for mean the end.
    func knownItems(_ place: IncomingPlace, after: Int64, limit: Int) async throws -> [Int64]
    func add(_ batch: StagedBatch) async throws -> MoveCount
    func subscribe(_ paths: [String]) async throws
    func folders() async throws -> [OutgoingFolder]
    func messages(of folder: OutgoingFolder, after uid: UInt32, limit: Int) async throws -> [OutgoingEntry]
}

/// What went wrong with what is moved, in words for the operator.
package struct MoveError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    package var remedy: String?

    package init(_ message: String, remedy: String? = nil) {
        self.message = message
        self.remedy = remedy
    }

    package var description: String { message }
}

/// One message that can't be had: it is passed over, and the others are not.
package struct UnreadableFile: Error, Sendable, Equatable, CustomStringConvertible {
    package var path: String
    package var reason: String
    package var remedy: String?

    init(_ path: String, _ reason: String, remedy: String? = nil) {
        self.path = path
        self.reason = reason
        self.remedy = remedy
    }

    /// The same with the message that it is.
    func telling(_ entry: OutgoingEntry, of folder: OutgoingFolder) -> UnreadableFile {
        var told = self
        told.path = "\(folder.path), UID \(entry.uid): \(path)"
        return told
    }

    package var description: String { "\(path) \(reason)" + (remedy.map { ": \($0)" } ?? "") }
}

/// What importers and exporters tell while they work.
package protocol MoveObserver: AnyObject {
    /// A folder begins; `total` messages, nil where nobody knows yet.
    func began(_ path: String, total: Int?)
    /// So many messages and octets more of the folder are done; `known` of them had been done before.
    func moved(messages: Int, known: Int, octets: Int)
    /// Something was changed: said in full, for a person.
    func remark(_ text: String)
    /// A message was left out.
    func passedOver(_ file: UnreadableFile)
}
