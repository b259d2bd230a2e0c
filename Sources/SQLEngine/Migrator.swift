/// Brings a database's schema up to date, one transaction a migration.
struct Migrator {
    private static let table = Table(
        "schema_migration", columns: [.text("name")], primaryKey: ["name"])

    private let migrations: [Migration]

    init(_ migrations: [Migration]) {
        self.migrations = migrations
    }

    func migrate(_ connection: SQLiteConnection) throws {
        let exists = try connection.pragma(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'")
        if exists == "0" { try connection.run(SchemaChange.createTable(Self.table).rendered(.sqlite)) }
        let applied = Set(try connection.query(SQLStatement("SELECT name FROM schema_migration")) { $0.string(0) })
        let unknown = applied.subtracting(migrations.map(\.name))
        guard unknown.isEmpty else { throw DatabaseError.newerSchema(found: unknown.sorted()) }
        for migration in migrations where !applied.contains(migration.name) {
            try connection.run("BEGIN IMMEDIATE")
            do {
                for change in migration.changes { try connection.run(change.rendered(.sqlite)) }
                try connection.execute(SQLStatement("INSERT INTO schema_migration (name) VALUES ($1)"), migration.name)
                try connection.run("COMMIT")
            } catch {
                if !connection.isOutsideTransaction { try? connection.run("ROLLBACK") }  // the first error is the one to tell
                throw error
            }
        }
    }
}
