package import MailSyntax

/// What is known of a message beside its octets.
package struct MessageFacts: Sendable {
    package var uid: UInt32?
    /// Bits of `MessageFlags`.
    package var flags = 0
    package var keywords: [String] = []
    package var date = Timestamp(microseconds: 0)
    /// Minutes east of UTC.
    package var zone = 0
    /// What the other server called it in UIDL.
    package var uniqueID: String?

    package init() {}
}

/// Takes the messages of one folder into the store: gathers them in the staging file and hands them on in batches. Belongs
/// to one task; memory is that of one batch's facts and eight octets for each message that came in an earlier run.
package final class FolderImport {
    /// Messages of one write; and octets, unless it is one message.
    private static let batchMessages = 200
    private static let batchOctets = 4 << 20
    private static let page = 20_000

    private let store: any MoveStore
    private let staging: StagingFile
    private let observer: any MoveObserver
    private var known: [Int64] = []
    private var batch: [StagedMessage] = []
    private var current: MessageFacts?
    private var currentStart = 0
    private var lineEnds = LineEnds()
    private var converted: [UInt8] = []
    package let place: IncomingPlace

    package init(
        _ folder: IncomingFolder, store: any MoveStore, staging: StagingFile, observer: any MoveObserver
    ) async throws {
        self.store = store
        self.staging = staging
        self.observer = observer
        place = try await store.begin(folder)
        try staging.truncate(to: 0)
        while true {
            let more = try await store.knownItems(place, after: known.last ?? .min, limit: Self.page)
            known += more
            if more.count < Self.page { break }
        }
    }

    /// Messages that came in an earlier run.
    package var knownCount: Int { known.count }

    package func isKnown(_ item: Int64) -> Bool {
        var low = 0
        var high = known.count
        while low < high {
            let middle = (low + high) / 2
            if known[middle] < item { low = middle + 1 } else { high = middle }
        }
        return low < known.count && known[low] == item
    }

    /// A message that came in an earlier run is passed over.
    package func skip(octets: Int = 0) {
        observer.moved(messages: 1, known: 1, octets: octets)
    }

    /// Begins a message; ``write(_:)`` brings its octets and ``finish(item:)`` ends it.
    package func start(_ facts: MessageFacts) {
        current = facts
        currentStart = staging.size
        lineEnds = LineEnds()
    }

    /// The next octets of the message, whatever their line ends.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        converted.removeAll(keepingCapacity: true)
        lineEnds.convert(bytes, into: &converted)
        try converted.withUnsafeBytes { try staging.append($0) }
    }

    package func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Takes back the message that was begun.
    package func abandon() throws {
        guard current != nil else { return }
        current = nil
        try staging.truncate(to: currentStart)
    }

    /// The facts of the message that was begun, which may turn up only within it.
    package func amend(_ change: (inout MessageFacts) -> Void) {
        if var facts = current {
            change(&facts)
            current = facts
        }
    }

    /// Ends the message.
    ///
    /// - Parameter item: see `IncomingMessage.item`.
    package func finish(item: Int64) async throws {
        guard let facts = current else { return }
        guard !isKnown(item) else {
            try abandon()
            return skip()
        }
        current = nil
        batch.append(
            StagedMessage(
                item: item, uid: facts.uid, flags: facts.flags, keywords: facts.keywords,
                date: facts.date.microseconds, zone: facts.zone, uniqueID: facts.uniqueID, offset: currentStart,
                length: staging.size - currentStart))
        if batch.count >= Self.batchMessages || staging.size >= Self.batchOctets { try await flush() }
    }

    /// Has everything kept that was finished.
    package func flush() async throws {
        guard !batch.isEmpty else { return }
        let count = try await store.add(StagedBatch(place: place, file: staging.name, messages: batch))
        observer.moved(messages: batch.count, known: count.known, octets: staging.size)
        batch.removeAll(keepingCapacity: true)
        try staging.truncate(to: 0)
    }
}
