import DNSCore
import Directory
import MailConfig
import MailPolicy
import MailReports
import MailSyntax
import SMTPServer

extension ServerSettings {
    static func reportSettings(_ manifest: Manifest, hostname: DomainName) -> ReportSettings {
        let reports = manifest.reports
        var settings = ReportSettings(hostname: hostname)
        settings.kinds = []
        if reports.dmarc { settings.kinds.insert(.dmarc) }
        if reports.tls { settings.kinds.insert(.tls) }
        settings.from = reports.from
        settings.organization = reports.organization
        settings.contact = reports.contact
        settings.maximumSize = reports.maximumSize
        settings.delay = reports.delay
        return settings
    }

    /// What composes and sends reports.
    static func reports(
        _ stores: Stores, hostname: DomainName, resolver: any DNSResolver, poster: any ReportPoster,
        manifest: @escaping @Sendable () -> Manifest, rules: @escaping @Sendable () -> PolicyRules
    ) -> ReportSender.Environment {
        let directory = stores.directory
        let answers = stores.answers
        return ReportSender.Environment(
            database: stores.database, intake: stores.intake, ids: stores.ids, resolver: resolver, poster: poster,
            directory: { directory.snapshot },
            judge: { address in
                let rules = rules()
                return try await Policy.run(
                    { Policy.admitExtra(address, rules: rules, $0) }, answer: answers.answer
                ).decision
            },
            settings: { reportSettings(manifest(), hostname: hostname) })
    }
}
