import AdminService
import ArgumentParser

struct ReportsPending: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pending",
        abstract: "List the reports to other domains that are counted for or wait.")
    @Flag(help: "List those of two weeks that were sent or dropped too, with the reason.") var all = false
    @OptionGroup var options: ListOptions

    func run() async throws {
        try await options.perform(.reportsPending(all: all))
    }
}

struct ReportsSend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send the reports that wait, now.",
        discussion: """
            The server sends them by itself once a day. What was sent already is not sent again.

              martlet reports send
              martlet reports send --dmarc --domain example.org --day 2026-11-20
              martlet reports send --tls --dry-run
            """)
    @Flag(help: "Reports of DMARC only.") var dmarc = false
    @Flag(help: "Reports of TLS only.") var tls = false
    @Option(help: "Reports to this domain only.") var domain: String?
    @Option(help: "Reports on this day (UTC) only, as 2026-11-20; the last two otherwise.") var day: String?
    @Flag(help: "Show them, today's too, and where they would go; nothing is sent.") var dryRun = false
    @OptionGroup var options: ListOptions

    func run() async throws {
        let kinds = (dmarc ? ["dmarc"] : []) + (tls ? ["tls"] : [])
        try await options.perform(
            .reportsSend(ReportSelection(kinds: kinds, domain: domain, day: day, isDryRun: dryRun)))
    }
}
