package import MailPolicy
import MailSyntax
package import SQLEngine

package enum SendMeterSchema {
    package static let migrations = [
        Migration(
            "sending-1",
            [
                .createTable(
                    Table(
                        "send_count",
                        columns: [.text("sender"), .int("minute"), .int("messages"), .int("recipients")],
                        primaryKey: ["sender", "minute"]))
            ])
    ]
}

package enum SendMeterStatements {
    static let add = SQLStatement(
        """
        INSERT INTO send_count (sender, minute, messages, recipients) VALUES ($1, $2, 1, $3)
        ON CONFLICT (sender, minute) DO UPDATE SET messages = send_count.messages + 1,
        recipients = send_count.recipients + excluded.recipients
        """)
    /// Of the minutes after $2: all, those after $3, those after $4.
    static let sums = SQLStatement(
        """
        SELECT COALESCE(SUM(messages), 0), COALESCE(SUM(recipients), 0),
        COALESCE(SUM(CASE WHEN minute > $3 THEN messages ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN minute > $3 THEN recipients ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN minute > $4 THEN messages ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN minute > $4 THEN recipients ELSE 0 END), 0)
        FROM send_count WHERE sender = $1 AND minute > $2
        """)
    static let purge = SQLStatement("DELETE FROM send_count WHERE minute <= $1")
    package static let all = [add, sums, purge]
}

/// A message as it is counted for its sender.
package struct MeteredMessage: Sendable, Hashable {
    /// `LoginFacts.meter`.
    package var sender: String
    package var recipients: Int

    package init(sender: String, recipients: Int) {
        self.sender = sender
        self.recipients = recipients
    }
}

/// What senders with a limit have sent, a row a minute. Rows are written in the transaction that accepts a message, so
/// that a count survives what the message survives, and costs no flush of its own.
enum SendMeter {
    static func add(_ writer: any SQLWriter, _ message: MeteredMessage, at time: Timestamp) throws {
        try writer.execute(SendMeterStatements.add, message.sender, minute(time), message.recipients)
    }

    fileprivate static func minute(_ time: Timestamp) -> Int64 { time.seconds / 60 }
}

extension MailIntake {
    /// What a sender has sent lately.
    package func sendCounts(_ sender: String) async throws -> SendCounts {
        let minute = SendMeter.minute(clock.now())
        return try await database.read { reader in
            try reader.first(SendMeterStatements.sums, sender, minute - 1440, minute - 60, minute - 1) { row in
                SendCounts(
                    messages: .init(minute: row.int(4), hour: row.int(2), day: row.int(0)),
                    recipients: .init(minute: row.int(5), hour: row.int(3), day: row.int(1)))
            } ?? SendCounts()
        }
    }

    /// Deletes counts that no limit asks for any more.
    package func purgeSendCounts() async throws {
        let minute = SendMeter.minute(clock.now())
        _ = try await database.write(.bulk) { try $0.execute(SendMeterStatements.purge, minute - 1440) }
    }
}
