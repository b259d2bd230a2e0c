import MailSyntax

// MARK: - Reports of others

extension Schema {
    static let receivedReports: [Setting] = [
        Setting(
            "reports.addresses", \.reports.addresses,
            .list(of: .emailAddress, named: "list of addresses", example: "dmarc@example.org"), .live,
            default: "postmaster of each hosted domain",
            "Where others send their DMARC and TLS reports: what comes there is read, kept and shown by `martlet reports`. The "
                + "mail stays in its mailbox."
        ),
        Setting(
            "reports.keep", \.reports.keep,
            ValueType<Duration>.duration(.seconds(86400)...(.seconds(3650 * 86400)), example: "400d").orUnlimited,
            .live,
            "How long the reports of others are kept, from the day that they are about."
        ),
    ]
}
