import Directory
package import MailSyntax
package import SQLEngine

/// Jobs and what they have fetched, in the database.
package struct FetchStore: Sendable {
    let database: any Database

    package init(database: any Database) {
        self.database = database
    }

    package func jobs() async throws -> [FetchJob] {
        try await database.read { try $0.query(FetchStatements.jobs) { FetchJob($0) } }
    }

    package func job(_ name: String) async throws -> FetchJob? { try await jobs().first { $0.name == name } }

    /// False where there is one of that name.
    package func add(_ job: FetchJob, now: Timestamp) async throws -> Bool {
        try await database.write { writer in
            try writer.execute(
                FetchStatements.insert, job.name, job.account, job.mailbox, job.way.rawValue, job.remote.host,
                job.remote.port, job.remote.security.rawValue, job.remote.verifies, job.remote.authorities, job.login,
                job.secretFile, job.tokenRoute, job.folder, job.keeps, Int(job.interval.components.seconds), job.idles,
                job.skips, now) == 1
        }
    }

    /// False where there is none of that name.
    package func remove(_ name: String) async throws -> Bool {
        try await database.write { try $0.execute(FetchStatements.remove, name) == 1 }
    }

    package func setPaused(_ name: String, _ isPaused: Bool, now: Timestamp) async throws -> Bool {
        try await database.write { try $0.execute(FetchStatements.pause, name, isPaused, now) == 1 }
    }

    package func runNow(_ job: FetchJob, again: Bool, skipping: Bool, now: Timestamp) async throws {
        try await database.write { writer in
            if again { try writer.execute(FetchStatements.forget, job.id) }
            try writer.execute(FetchStatements.runNow, job.name, now, skipping)
        }
    }

    /// - Parameter remark: what is to be told though the run went well.
    func succeeded(_ job: FetchJob, _ remark: RemoteFailure?, at now: Timestamp, next: Timestamp) async throws {
        try await database.write { writer in
            try writer.execute(FetchStatements.succeeded, job.id, now, next, remark?.text, remark?.remedy, job.nextRun)
        }
    }

    func failed(_ job: FetchJob, _ failure: RemoteFailure, at now: Timestamp, next: Timestamp) async throws {
        try await database.write { writer in
            try writer.execute(FetchStatements.failed, job.id, now, next, failure.text, failure.remedy, job.nextRun)
        }
    }

    /// What came already, and whether it was delivered or passed over.
    func seen(_ job: FetchJob) async throws -> [String: Bool] {
        let rows = try await database.read { reader in
            try reader.query(FetchStatements.seen, job.id) { ($0.string(0), $0.bool(1)) }
        }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    func passOver(_ job: FetchJob, _ items: [String]) async throws {
        try await inUnits(items) { writer, item in try writer.execute(FetchStatements.note, job.id, item, false) }
    }

    /// Forgets what is not there any more.
    func drop(_ job: FetchJob, _ items: [String]) async throws {
        try await inUnits(items) { writer, item in try writer.execute(FetchStatements.drop, job.id, item) }
    }

    private func inUnits(
        _ items: [String], _ body: @escaping @Sendable (any SQLWriter, String) throws -> Int
    ) async throws {
        for start in stride(from: 0, to: items.count, by: 500) {
            let part = Array(items[start..<min(start + 500, items.count)])
            try await database.write(.bulk) { writer in for item in part { _ = try body(writer, item) } }
        }
    }
}

extension FetchJob {
    /// Columns as in `FetchStatements.jobs`.
    fileprivate init(_ row: borrowing SQLRow) {
        self.init(
            name: row.string(1), account: AccountID(rawValue: row.int64(2)), mailbox: row.string(3),
            way: Way(rawValue: row.string(4)) ?? .imap,
            remote: RemoteHost(
                host: row.string(5), port: row.int(6), security: RemoteHost.Security(rawValue: row.string(7)) ?? .tls,
                verifies: row.bool(8), authorities: row.optionalString(9)),
            login: row.string(10), secretFile: row.optionalString(11), tokenRoute: row.optionalString(12),
            folder: row.string(13), keeps: row.bool(14), interval: .seconds(max(1, row.int(15))), idles: row.bool(16),
            skips: row.bool(18))
        id = row.int64(0)
        isPaused = row.bool(17)
        lastRun = row.isNull(19) ? nil : row.timestamp(19)
        lastSuccess = row.isNull(20) ? nil : row.timestamp(20)
        nextRun = row.timestamp(21)
        failures = row.int(22)
        error = row.optionalString(23)
        remedy = row.optionalString(24)
        messages = row.int(25)
        octets = row.int64(26)
    }
}
