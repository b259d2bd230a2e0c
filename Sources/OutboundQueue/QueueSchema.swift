package import SQLEngine

/// The tables of the queue.
package enum QueueSchema {
    package static let migrations = [
        Migration(
            "queue-1",
            [
                .createTable(message),
                .createTable(recipient),
                .createIndex(
                    "queue_recipient_due",
                    on: "queue_recipient",
                    columns: ["next_attempt_at"],
                    where: "lease_until IS NULL AND held = 0"
                ),
                .createIndex(
                    "queue_recipient_leased",
                    on: "queue_recipient",
                    columns: ["lease_until"],
                    where: "lease_until IS NOT NULL"
                ),
                .createIndex("queue_recipient_message", on: "queue_recipient", columns: ["message_id"]),
            ]
        ),
        Migration(
            "queue-2",
            [
                .addColumn(
                    .int("delay_report").defaulting(to: "0").checking("delay_report IN (0, 1)"), to: "queue_message")
            ]
        ),
    ]

    private static let message = Table(
        "queue_message",
        columns: [
            .int("id"),
            .text("reverse_path"),
            .int("blob_id").referencing("blob"),
            .int("size").checking("size >= 0"),
            .int("created_at"),
            .int("expires_at"),
            .text("body_type"),
            .int("smtputf8").checking("smtputf8 IN (0, 1)"),
            .text("envelope_id").nullable,
            .text("dsn_return").nullable,
            .text("dkim_domain").nullable,
            .int("is_bounce").checking("is_bounce IN (0, 1)"),
        ],
        primaryKey: ["id"]
    )

    private static let recipient = Table(
        "queue_recipient",
        columns: [
            .identity("id"),
            .int("message_id").belonging(to: "queue_message"),
            .text("address"),
            .text("original_recipient").nullable,
            .int("notify"),
            .text("destination"),
            .int("next_attempt_at"),
            .int("attempts").defaulting(to: "0"),
            .int("last_attempt_at").nullable,
            .int("last_code").nullable,
            .text("last_status").nullable,
            .text("last_text").nullable,
            .text("last_host").nullable,
            .int("held").checking("held IN (0, 1)"),
            .int("lease_until").nullable,
            .int("lease_node").nullable,
        ]
    )
}
