import MailSyntax

// MARK: - Reports

extension Schema {
    static let reports: [Setting] = [
        Setting(
            "reports.dmarc", \.reports.dmarc, .bool, .live,
            "Whether domains that ask for it (`rua` in their DMARC record) are told once a day what became of mail in their "
                + "name (RFC 9990)."
        ),
        Setting(
            "reports.tls", \.reports.tls, .bool, .live,
            "Whether domains that ask for it (`_smtp._tls`) are told once a day how sessions with their servers fared with "
                + "respect to TLS (RFC 8460)."
        ),
        Setting(
            "reports.from", \.reports.from, ValueType<EmailAddress>.emailAddress.optional, .live,
            default: "postmaster of the domain that signs for this host",
            "Whom reports are from. Its domain, or one above it, needs a DKIM key here: reports without a signature are not "
                + "believed, and not sent."
        ),
        Setting(
            "reports.organization", \.reports.organization, ValueType<String>.line.optional, .live,
            default: "the domain of `reports.from`", "Who reports, in words."
        ),
        Setting(
            "reports.contact", \.reports.contact, ValueType<EmailAddress>.emailAddress.optional, .live,
            default: "`reports.from`", "Whom readers of reports may ask."
        ),
        Setting(
            "reports.max_size", \.reports.maximumSize, .size(16 * 1024...(100 << 20), example: "10MiB"), .live,
            "The largest report that is sent, compressed and encoded for mail."
        ),
        Setting(
            "reports.delay", \.reports.delay, .duration(.seconds(300)...(.seconds(18 * 3600)), example: "30m"), .live,
            "How long after midnight UTC the reports of the day before begin to be sent. They are spread over the four hours "
                + "that follow."
        ),
    ]
}
