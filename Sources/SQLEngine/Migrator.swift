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
        if exists == "0" {
            let create = SchemaChange.createTable(Self.table).rendered(.sqlite)
            // Another process may make it at the same moment.
            try connection.run(create.replacing("CREATE TABLE", with: "CREATE TABLE IF NOT EXISTS"))
        }
        let applied = Set(try connection.query(SQLStatement("SELECT name FROM schema_migration")) { $0.string(0) })
        let unknown = applied.subtracting(migrations.map(\.name))
        guard unknown.isEmpty else { throw DatabaseError.newerSchema(found: unknown.sorted()) }
        for migration in migrations where !applied.contains(migration.name) {
            try connection.run("BEGIN IMMEDIATE")
            do {
                // Another process may have opened the file at the same moment and been faster.
                let isApplied = try connection.query(
                    SQLStatement("SELECT name FROM schema_migration WHERE name = $1"), migration.name
                ) { _ in true }
                guard isApplied.isEmpty else {
                    try connection.run("COMMIT")
                    continue
                }
                for change in migration.changes { try connection.run(change.rendered(.sqlite)) }
                try connection.execute(SQLStatement("INSERT INTO schema_migration (name) VALUES ($1)"), migration.name)
                try connection.run("COMMIT")
            } catch {
                // The first error is the one to tell.
                if !connection.isOutsideTransaction { try? connection.run("ROLLBACK") }
                throw error
            }
        }
    }
}
