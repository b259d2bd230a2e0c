import MailMessage
import MailPolicy
import MailSyntax
import OutboundQueue
package import SQLEngine

package enum TraceSchema {
    package static let migrations = [
        Migration(
            "trace-1",
            [
                .createTable(
                    Table(
                        "trace",
                        columns: [
                            .int("id"),
                            .int("accepted_at"),
                            .text("reverse_path"),
                            .text("recipients"),
                            .text("message_id"),
                            .int("size"),
                            .text("origin"),
                            .text("steps"),
                        ],
                        primaryKey: ["id"]))
            ]),
        Migration(
            "trace-2",
            [
                .createTable(
                    Table(
                        "trace_key", columns: [.int("key"), .int("id")], primaryKey: ["key", "id"], clustered: true)),
                .createTable(Table("trace_indexed", columns: [.int("one"), .int("id")], primaryKey: ["one"])),
            ]),
        // What the checks of strangers' mail have found is indexed too: all is, once more.
        Migration("trace-3", [.run(SQLStatement("DELETE FROM trace_indexed"))]),
    ]
}

package enum TraceStatements {
    static let insert = SQLStatement(
        """
        INSERT INTO trace (id, accepted_at, reverse_path, recipients, message_id, size, origin, steps)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)
    static let purge = SQLStatement(
        "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE id < $1 ORDER BY id LIMIT $2)")
    package static let all = [insert, purge]
}

/// The stored history of each message: how it came, what was decided and why.
enum TraceRows {
    static func insert(_ writer: any SQLWriter, _ acceptance: Acceptance, at time: Timestamp) throws {
        let recipients =
            acceptance.local.map(\.recipient.description) + acceptance.remote.map(\.address.description)
        try writer.execute(
            TraceStatements.insert, acceptance.id, time, acceptance.reversePath.description,
            recipients.joined(separator: "\n"), acceptance.index.messageID ?? "", acceptance.index.size,
            originJSON(acceptance.origin), (acceptance.trace + delivered(acceptance)).json)
    }

    /// What was filed here went nowhere else.
    private static func delivered(_ acceptance: Acceptance) -> [TraceStep] {
        let mailbox = acceptance.isJunk ? "Junk" : "INBOX"
        let steps = acceptance.local.map {
            TraceStep(stage: TraceStage.delivery, rule: "mailbox", before: $0.recipient.description, after: mailbox)
        }
        guard acceptance.remote.contains(where: { $0.mailbox != nil }) else { return steps }
        let time = acceptance.notBefore.map(InternetTimestamp.utc)
        let note = time.map { "waits until \($0)" } ?? "kept until it is released"
        return steps
            + acceptance.remote.lazy.filter { $0.mailbox != nil }.map {
                TraceStep(
                    stage: TraceStage.delivery, rule: "mailbox", before: $0.address.description, after: "queue",
                    note: note)
            }
    }

    private static func originJSON(_ origin: AcceptanceOrigin) -> String {
        var json = JSONText()
        json.object([
            ("listener", origin.listener), ("client", origin.client), ("helo", origin.helo), ("login", origin.login),
            ("tls", origin.tls),
        ])
        return json.text
    }
}
