import Blobs
import Directory
import Foundation
import MTASTSClient
import MailFetch
import MailIntake
import MailReports
import MailStore
import MartletTesting
import OAuthClient
import OutboundQueue
import ReportInbox
import SQLEngine
import Testing

/// The shared dialect on a real PostgreSQL: every migration is applied and every statement prepared.
///
/// The server is Debian's, in a folder of its own, on a Unix socket only. Where it isn't installed the test is skipped,
/// except in CI, where it must run.
@Suite struct PostgreSQLTests {
    private static let binaries = "/usr/lib/postgresql/15/bin"
    private static let isAvailable = FileManager.default.isExecutableFile(atPath: "\(binaries)/initdb")
    private static let isCI = ProcessInfo.processInfo.environment["CI"] == "true"

    private static let migrations: [Migration] =
        BlobSchema.migrations + DirectorySchema.migrations + MailStoreSchema.migrations + QueueSchema.migrations
        + TraceSchema.migrations + SendMeterSchema.migrations + OAuthSchema.migrations + BanSchema.migrations
        + TLSResultSchema.migrations + MTASTSSchema.migrations + SearchIndex.migrations
        + ReportInboxSchema.migrations + VerdictSchema.migrations + ReportJobSchema.migrations
        + FetchSchema.migrations

    private static let statements: [(name: String, all: [SQLStatement])] = [
        ("blob", BlobStatements.all), ("directory", DirectoryStatements.all), ("mailstore", MailStoreStatements.all),
        ("sent", SentCopyStatements.all),
        ("queue", QueueStatements.all), ("site", SiteStatements.all), ("attempt", AttemptStatements.all),
        ("operator", OperatorStatements.all), ("mailbox", MailboxStatements.all),
        ("trace_index", TraceIndexStatements.all),
        ("trace_search", TraceSearchStatements.all),
        ("trace", TraceStatements.all), ("sending", SendMeterStatements.all),
        ("oauth", OAuthStatements.all), ("fetch", FetchStatements.all),
        ("tls_result", TLSResultStatements.all), ("mta_sts", MTASTSStatements.all),
        ("verdict", VerdictStatements.all), ("report_job", ReportJobStatements.all),
        ("ban", BanStatements.all), ("search", SearchIndexStatements.all),
        ("report_inbox", ReportInboxStatements.all), ("report_question", ReportQuestionStatements.all),
    ]

    @Test(.enabled(if: isAvailable || isCI, "PostgreSQL 15 is not installed"))
    func `every migration and statement is PostgreSQL's too`() async throws {
        try #require(Self.isAvailable, "CI must have PostgreSQL 15: apt-get install postgresql-15")
        var script = ""
        for migration in Self.migrations {
            for change in migration.changes { script += change.rendered(.postgreSQL) + ";\n" }
        }
        for (name, all) in Self.statements {
            for (number, statement) in all.enumerated() {
                script += "PREPARE \(name)_\(number) AS \(statement.sql);\n"
            }
        }
        let answer = try await Self.run(script)
        #expect(answer.status == 0, "\(answer.output)")
        #expect(Self.statements.map(\.all.count).reduce(0, +) > 90)
    }

    @Test func `every statement stands in its list`() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        let declaration = /static let (\w+)(?:: SQLStatement)? = SQLStatement\(/
        var seen = 0
        while let file = files.nextObject() as? URL {
            guard file.pathExtension == "swift", let text = try? String(contentsOf: file, encoding: .utf8) else {
                continue
            }
            let names = text.matches(of: declaration).map { String($0.1) }
            guard !names.isEmpty else { continue }
            // Long lists are made of several, each in the file of its statements.
            let lists = text.matches(of: /\[([\w\s,]+)\]/).map { String($0.1) }
            let listed = Set(lists.flatMap { $0.split { !$0.isLetter && !$0.isNumber }.map(String.init) })
            #expect(Set(names).subtracting(listed).isEmpty, "\(file.lastPathComponent): in no list")
            seen += names.count
        }
        #expect(seen > 90)
    }

    /// Starts a cluster, runs a script on it and takes the cluster away. PostgreSQL refuses to run as root, so it runs
    /// as `postgres` then.
    ///
    /// One shell does it all, so that the cluster goes however the script ends.
    private static func run(_ script: String) async throws -> (status: Int, output: String) {
        let folder = "/tmp/martlet-pg-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try script.write(toFile: "\(folder)/script.sql", atomically: true, encoding: .utf8)
        // Another test may have narrowed the umask of this process for a moment.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(folder)/script.sql")
        let command = """
            exec >\(folder)/output 2>&1; cd \(folder); umask 022
            trap '\(binaries)/pg_ctl -D data -m immediate stop >/dev/null' EXIT
            \(binaries)/initdb -D data -A trust -U postgres --no-sync -E UTF8 --locale=C >/dev/null || exit 101
            \(binaries)/pg_ctl -D data -w -l log -o '-c listen_addresses= -k \(folder) -c fsync=off' start >/dev/null \
                || exit 102
            \(binaries)/psql -X -q -v ON_ERROR_STOP=1 -h \(folder) -U postgres -f script.sql postgres
            """
        let shell = ["/bin/sh", "-c", command]
        let answer = try await ProcessRunner.run(
            geteuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] + shell : shell, timeout: .seconds(300))
        return (answer.status, (try? String(contentsOfFile: "\(folder)/output", encoding: .utf8)) ?? answer.text)
    }
}
