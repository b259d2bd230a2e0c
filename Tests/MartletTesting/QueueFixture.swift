package import Blobs
package import MailSyntax
package import OutboundQueue
package import SQLEngine

/// A queue over a database and message files of its own, with a clock that is moved by hand.
package final class QueueFixture: Sendable {
    package let state: StoreFixture
    package let queue: OutboundQueue

    package init() throws {
        state = try StoreFixture(migrations: QueueSchema.migrations)
        queue = OutboundQueue(database: state.database, node: 1, clock: state.clock)
    }

    package var database: SQLiteDatabase { state.database }
    package var blobs: BlobStore { state.blobs }
    package var clock: ManualClock { state.clock }
    package var ids: IDGenerator { state.ids }

    /// Queues a message for some recipients, due at once.
    ///
    /// - Parameters:
    ///   - handsOver: as acceptance does it: leased for the scheduler, where there is one; else nobody is woken.
    ///   - change: the entry's options, before it is written.
    @discardableResult
    package func enqueue(
        _ recipients: [String],
        from sender: String = "sender@example.org",
        text: String = "From: a@example.org\r\n\r\nHello\r\n.dot\r\n",
        handsOver: Bool = false,
        change: @Sendable @escaping (inout NewQueueEntry) -> Void = { _ in }
    ) async throws -> MailID {
        let blob = try await blobs.stage(.bytes(Array(text.utf8)))
        let id = ids.next()
        let addresses = recipients.compactMap { EmailAddress($0) }
        let now = clock.now()
        let queue = queue
        let takesOver = handsOver && queue.takesOver
        let jobs = try await database.write(files: [blob]) { writer in
            try BlobRows.insert(writer, blob, references: 0, now: now)
            var entry = NewQueueEntry(
                id: id,
                reversePath: ReversePath(sender) ?? .null,
                blob: blob.id,
                size: blob.size,
                createdAt: now,
                recipients: addresses.map { NewQueueRecipient(address: $0) }
            )
            change(&entry)
            return try queue.enqueue(writer, entry, takesOver: takesOver)
        }
        if handsOver { queue.handOver(jobs) }
        return id
    }
}
