// How the queue treats destinations, and which mail goes first.
extension Schema {
    static let sites: [Setting] = [
        Setting(
            "queue.initial_per_destination", \.queue.initialPerDestination, .int(1...1000, example: 5),
            unit: "connections", .live,
            "Deliveries at the same time to a destination that has taken nothing yet; as many successes allow one more."
        ),
        Setting(
            "queue.dead_destination_wait", \.queue.deadDestinationWait,
            .duration(.seconds(1)...(.seconds(86400)), example: "1m"), .live,
            "How long a destination that is down is left alone at first; twice as long each time it is still down, up to "
                + "`queue.maximum_backoff`."
        ),
        Setting(
            "queue.bulk_recipients", \.queue.bulkRecipients, .int(2...1_000_000, example: 50), unit: "recipients",
            .live,
            "A message for so many recipients elsewhere goes after mail of persons to the same destination, as one with "
                + "`List-Id`, `List-Unsubscribe` or `Precedence: bulk` does."
        ),
        Setting(
            "queue.bulk_logins", \.queue.bulkLogins,
            .list(of: .credential, named: "list of accounts and devices", example: "newsletter@example.com"), .live,
            "Accounts and devices whose messages go after mail of persons to the same destination."
        ),
    ]
}
