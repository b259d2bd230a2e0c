/// Why the database did not do what was asked. Constraint errors are the unit's own; the others are the store's.
package enum DatabaseError: Error, Equatable, CustomStringConvertible {
    /// A UNIQUE, NOT NULL, CHECK or foreign key constraint said no.
    case constraint(String)
    /// The disk, or the file's allowed size, is full.
    case full(String)
    /// Reading or writing the file failed.
    case io(String)
    /// Another process holds the database.
    case busy(String)
    /// The file is damaged.
    case corrupt(String)
    /// The database was closed under the caller.
    case closed
    /// The schema was made by a newer program.
    case newerSchema(found: [String])
    /// The files of the batch could not be made durable.
    case staging(String)
    /// Anything else; the text is SQLite's.
    case other(String)

    package var description: String {
        switch self {
        case .constraint(let text): "constraint failed: \(text)"
        case .full(let text): "disk full: \(text) (make room on the disk; what is put off is taken by itself then)"
        case .io(let text):
            "input/output error: \(text) (see that the disk works and the server's user may write the data directory)"
        case .busy(let text):
            "database is locked by another process: \(text) (end that process: `fuser` names those that have the file open)"
        case .corrupt(let text):
            "database is damaged: \(text) (restore it from a backup; the messages themselves are files under blobs/)"
        case .closed: "database is closed"
        case .newerSchema(let found):
            "the database was written by a newer Martlet (unknown migrations: \(found.joined(separator: ", ")));"
                + " run that version, or restore a backup"
        case .staging(let text): "message file could not be written: \(text)"
        case .other(let text): "database error: \(text)"
        }
    }

    /// Whether the same work may succeed later without anybody's help.
    package var isTemporary: Bool {
        switch self {
        case .constraint, .corrupt, .newerSchema, .other: false
        case .full, .io, .busy, .closed, .staging: true
        }
    }
}
