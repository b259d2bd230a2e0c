package import MailSyntax

extension Manifest {
    /// Reports to other domains on their mail, and those of others on ours.
    package struct Reports: Sendable, Equatable {
        /// Aggregate reports of DMARC are sent. // RFC 7489 §7.2
        package var dmarc = true
        /// Reports of TLS are sent. // RFC 8460
        package var tls = true
        /// From whom; nil is postmaster of the host's signing domain.
        package var from: EmailAddress?
        /// Who reports; nil is the domain of `from`.
        package var organization: String?
        /// Whom readers ask; nil is `from`.
        package var contact: EmailAddress?
        /// Octets of a report as it is sent.
        package var maximumSize = 10 << 20
        /// From midnight UTC, when the day is over, until sending begins.
        package var delay: Duration = .seconds(1800)

        /// Whom others send their reports to; empty is postmaster of each hosted domain.
        package var addresses: [EmailAddress] = []
        /// How long what they report is kept; nil for ever.
        package var keep: Duration? = .seconds(400 * 86400)
    }
}
