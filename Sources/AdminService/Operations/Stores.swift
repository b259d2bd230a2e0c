package import Blobs
package import Directory
import Glibc
import MTASTSClient
package import MailAuth
package import MailConfig
import MailFetch
package import MailIntake
import MailReports
package import MailStore
import MailSyntax
package import MailTables
import OAuthClient
package import OutboundQueue
import ReportInbox
package import SMTPServer
package import SQLEngine

/// What lasts, opened: the database and what stands on it. There is one of these for a data directory at a time; whoever
/// makes it holds the directory's lock.
package struct Stores: Sendable {
    package let manifest: Manifest
    package let ids: IDGenerator
    package let database: SQLiteDatabase
    package let blobs: BlobStore
    package let directory: Directory
    package let mail: MailStore
    /// Follows deliveries; only where a server runs.
    package let search: SearchIndex?
    package let queue: OutboundQueue
    package let intake: MailIntake
    /// Empty until whoever asks tables has read them.
    package let tables = TableStore()
    /// Off until whoever runs the server has read its secrets.
    package let srs = SRSKeys()

    /// What policy decisions ask.
    package var answers: PolicyAnswers {
        PolicyAnswers(directory: directory, store: mail, intake: intake, tables: tables, srs: srs)
    }

    /// Opens everything in the manifest's data directory and brings the schema up to date.
    ///
    /// - Parameter searchIndex: whether to open the text index too, which a command does without.
    /// - Throws: `AdminError` saying what is wrong with which file.
    package static func open(_ manifest: Manifest, searchIndex: Bool = false) async throws -> Stores {
        let folder = manifest.storage.dataDirectory
        guard FileBytes.exists(folder) else {
            throw AdminError(
                .noInput,
                "the data directory \(folder) does not exist",
                remedy: "make it with: martlet quickstart ADDRESS, or correct storage.data_directory"
            )
        }
        let path = databasePath(in: folder)
        do {
            let ids = IDGenerator(node: manifest.server.node)
            let blobs = try BlobStore(root: "\(folder)/blobs", ids: ids)
            let database = try SQLiteDatabase(path: path, migrations: migrations, syncing: blobs)
            let directory = try await Directory(
                database: database,
                recipientDelimiters: manifest.mail.recipientDelimiter
            )
            let queue = OutboundQueue(
                database: database,
                node: manifest.server.node,
                lifetime: manifest.queue.lifetime,
                bounceLifetime: manifest.queue.bounceLifetime
            )
            try await queue.loadHoldRules()
            let search = searchIndex ? try openSearch(folder, mail: database, blobs: blobs) : nil
            let mail = MailStore(
                database: database,
                blobs: blobs,
                directory: directory,
                ids: ids,
                searchIndex: search
            )
            mail.settings = MailStoreSettings(manifest)
            let intake = MailIntake(database: database, store: mail, queue: queue, blobs: blobs, ids: ids)
            intake.setLanes(LanePolicy(manifest))
            return Stores(
                manifest: manifest,
                ids: ids,
                database: database,
                blobs: blobs,
                directory: directory,
                mail: mail,
                search: search,
                queue: queue,
                intake: intake
            )
        } catch let error as DatabaseError {
            throw AdminError(error.isTemporary ? .temporary : .ioError, "\(path): \(error)", remedy: remedy(error))
        } catch let error as FileError {
            throw AdminError(.ioError, "\(error)")
        }
    }

    /// The schema of every room, in the order in which their tables refer to each other.
    static var migrations: [Migration] {
        BlobSchema.migrations + DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
            + TraceSchema.migrations + SendMeterSchema.migrations + OAuthSchema.migrations + BanSchema.migrations
            + TLSResultSchema.migrations + MTASTSSchema.migrations + VerdictSchema.migrations
            + ReportJobSchema.migrations + ReportInboxSchema.migrations + FetchSchema.migrations
    }

    package static func databasePath(in folder: String) -> String { "\(folder)/martlet.db" }

    /// The text index has a file of its own, which is made anew when it can't be used.
    private static func openSearch(_ folder: String, mail: SQLiteDatabase, blobs: BlobStore) throws -> SearchIndex {
        let path = "\(folder)/search.db"
        var options = SQLiteDatabase.Options()
        options.isDurable = false
        options.readers = 2
        func open() throws -> SQLiteDatabase {
            try SQLiteDatabase(path: path, migrations: SearchIndex.migrations, options: options)
        }
        do {
            return SearchIndex(mail: mail, index: try open(), blobs: blobs)
        } catch {
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            return SearchIndex(mail: mail, index: try open(), blobs: blobs)
        }
    }

    private static func remedy(_ error: DatabaseError) -> String? {
        switch error {
        case .newerSchema: "use the version of martlet that made it, or a newer one"
        case .other: "see that the server's user (server.user) may read and write the data directory"
        default: nil
        }
    }

    /// Folds the log into the database and closes it.
    package func close() throws {
        try database.close()
    }

    /// A queued message's header, as text.
    func header(of message: QueuedMessage) throws -> String {
        let reader = try blobs.open(message.blob, size: message.size)
        let start = try reader.read(0..<min(message.size, 256 * 1024))
        let end = HeaderEnd.find(in: start) ?? start.count
        return String(decoding: start.prefix(end), as: UTF8.self)
    }
}

extension LanePolicy {
    init(_ manifest: Manifest) {
        self.init(bulkRecipients: manifest.queue.bulkRecipients, bulkLogins: manifest.queue.bulkLogins)
    }
}

/// Where a header stops: before the empty line.
enum HeaderEnd {
    static func find(in bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (index, byte) in bytes.enumerated() where byte == 0x0A {
            let line = bytes[lineStart..<index]
            if line.isEmpty || (line.count == 1 && line.first == 0x0D) { return lineStart }
            lineStart = index + 1
        }
        return nil
    }
}
