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
            ])
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
            originJSON(acceptance.origin), stepsJSON(acceptance.trace))
    }

    private static func originJSON(_ origin: AcceptanceOrigin) -> String {
        object([
            ("listener", origin.listener), ("client", origin.client), ("helo", origin.helo), ("login", origin.login),
            ("tls", origin.tls),
        ])
    }

    private static func stepsJSON(_ steps: [TraceStep]) -> String {
        let objects = steps.map { step in
            object([
                ("stage", step.stage), ("rule", step.rule), ("origin", step.origin), ("before", step.before),
                ("after", step.after), ("note", step.note),
            ])
        }
        return "[\(objects.joined(separator: ","))]"
    }

    // Written on every accepted message: Foundation's encoder costs more than the rest of the row.
    private static func object(_ members: [(name: String, value: String?)]) -> String {
        let parts = members.compactMap { member in member.value.map { "\"\(member.name)\":\(quoted($0))" } }
        return "{\(parts.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
