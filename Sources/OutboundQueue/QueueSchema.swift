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
        Migration("queue-3", lanesAndSites),
        Migration("queue-4", waitingHere),
        Migration("queue-5", [.addColumn(.text("steps").nullable, to: "queue_attempt")]),
        Migration(
            "queue-6",
            [
                .addColumn(.int("junk").defaulting(to: "0").checking("junk IN (0, 1)"), to: "queue_message"),
                .addColumn(.text("seal_domain").nullable, to: "queue_message"),
                .addColumn(.text("seal_chain").nullable, to: "queue_message"),
                .addColumn(.text("seal_results").nullable, to: "queue_message"),
            ]
        ),
        Migration(
            "queue-7",
            [
                .addColumn(
                    .int("tls_demand").defaulting(to: "0").checking("tls_demand IN (0, 1, 2)"), to: "queue_message")
            ]),
    ]

    /// What is ready is found by lane and time. What waits for its site, one that is down or has all it can take, is in
    /// an index of its own, so that however much waits there costs nothing until the site has room.
    private static let lanesAndSites: [SchemaChange] = [
        .addColumn(.text("login").nullable, to: "queue_message"),
        .addColumn(.text("route").nullable, to: "queue_recipient"),
        .addColumn(.text("pinned_route").nullable, to: "queue_recipient"),
        .addColumn(.int("lane").defaulting(to: "0").checking("lane IN (0, 1)"), to: "queue_recipient"),
        .addColumn(.int("not_before").nullable, to: "queue_recipient"),
        .addColumn(.text("parked_on").nullable, to: "queue_recipient"),
        .run(SQLStatement("DROP INDEX queue_recipient_due")),
        .createIndex(
            "queue_recipient_ready",
            on: "queue_recipient",
            columns: ["lane", "next_attempt_at"],
            where: "lease_until IS NULL AND held = 0 AND parked_on IS NULL"
        ),
        .createIndex(
            "queue_recipient_parked",
            on: "queue_recipient",
            columns: ["parked_on", "lane", "id"],
            where: "lease_until IS NULL AND held = 0 AND parked_on IS NOT NULL"
        ),
        .createIndex(
            "queue_recipient_overdue",
            on: "queue_recipient",
            columns: ["next_attempt_at"],
            where: "lease_until IS NULL AND held = 0 AND parked_on IS NOT NULL"
        ),
        .createTable(site),
        .createTable(attempt),
        .createTable(rule),
        .createTable(warmUp),
    ]

    /// Recipients whose mailbox is here, and what senders ask to be sent later.
    private static let waitingHere: [SchemaChange] = [
        .addColumn(.int("account_id").nullable, to: "queue_recipient"),
        .addColumn(.text("tag").nullable, to: "queue_recipient"),
        .addColumn(.text("local_path").nullable, to: "queue_message"),
        .addColumn(.text("future_release").nullable, to: "queue_message"),
        .createIndex(
            "queue_recipient_account", on: "queue_recipient", columns: ["account_id"], where: "account_id IS NOT NULL"),
        .createIndex(
            "queue_message_future", on: "queue_message", columns: ["login"], where: "future_release IS NOT NULL"),
    ]

    /// Sites that are left alone for a while.
    private static let site = Table(
        "queue_site",
        columns: [
            .text("name"),
            .int("failures").checking("failures >= 0"),
            .int("since"),
            .int("retry_at"),
            .int("code").nullable,
            .text("status"),
            .text("text"),
            .text("host").nullable,
        ],
        primaryKey: ["name"]
    )

    /// Attempts, kept as long as the message's history. A recipient has a bounded number of slots.
    private static let attempt = Table(
        "queue_attempt",
        columns: [
            .int("message_id"),
            .int("recipient_id"),
            .int("slot"),
            .int("number"),
            .int("at"),
            .text("recipient"),
            .text("outcome"),
            .text("route"),
            .text("host").nullable,
            .text("tls").nullable,
            .text("login").nullable,
            .int("code").nullable,
            .text("status"),
            .text("text"),
            .int("next_attempt_at").nullable,
        ],
        primaryKey: ["message_id", "recipient_id", "slot"],
        clustered: true
    )

    /// An operator's rules; nothing written means everything.
    private static let rule = Table(
        "queue_rule",
        columns: [
            .identity("id"),
            .text("kind").checking("kind IN ('hold')"),
            .text("sender").nullable,
            .text("recipient").nullable,
            .text("route").nullable,
            .int("created_at"),
            .text("author"),
        ]
    )

    /// Messages that a route has taken on a day, counted from 1970-01-01 UTC.
    private static let warmUp = Table(
        "queue_warm_up",
        columns: [.text("route"), .int("day"), .int("messages")],
        primaryKey: ["route", "day"],
        clustered: true
    )

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
