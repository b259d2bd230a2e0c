extension MailEvent {
    /// A client or a network that is kept out from now on.
    package struct Banned: Sendable, Equatable {
        /// The address or network as text: `192.0.2.1`, `2001:db8::/64`.
        package var client: String
        /// `failed logins`, `relay attempts`, or an operator's words.
        package var reason: String
        /// How long, in seconds; nil: until somebody ends it.
        package var duration: Int?
        /// How many times in a row.
        package var count: Int
        /// By an operator's command.
        package var isManual: Bool

        package init(client: String, reason: String, duration: Int?, count: Int, isManual: Bool) {
            self.client = client
            self.reason = reason
            self.duration = duration
            self.count = count
            self.isManual = isManual
        }

        var fields: [EventField] {
            var fields = EventFields()
            fields.add("client", client)
            fields.add("reason", reason)
            fields.add("seconds", duration)
            fields.add("count", count)
            fields.add("manual", isManual)
            return fields.fields
        }
    }
}
