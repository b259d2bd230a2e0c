import AdminService
import ArgumentParser

/// Which reports of others.
struct ReportFilterOptions: ParsableArguments {
    @Option(help: "Reports on this domain only.") var domain: String?
    @Option(
        help: ArgumentHelp(
            "From this day or time on, or so long ago: 2026-11-20, 7d, 24h; otherwise 30d.", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Up to this day or time.", valueName: "time")) var until: String?
    @Option(help: ArgumentHelp("Lines at most.", valueName: "number")) var limit = 100
    @OptionGroup var list: ListOptions

    var filter: ReportFilter { ReportFilter(domain: domain, since: since, until: until, limit: limit) }
}

struct ReportsDMARC: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dmarc",
        abstract: "Show who sends mail as our domains, and whether it passes, as others report.",
        discussion: """
              martlet reports dmarc
              martlet reports dmarc --domain example.org --since 7d --failing --resolve
              martlet reports dmarc --source 203.0.113.9 --json
            """)
    @Option(help: ArgumentHelp("Mail from this address only.", valueName: "ip")) var source: String?
    @Flag(help: "Mail that passes neither SPF nor DKIM only.") var failing = false
    @Flag(help: "Ask the DNS for the names of addresses.") var resolve = false
    @OptionGroup var options: ReportFilterOptions

    func run() async throws {
        var filter = options.filter
        filter.source = source
        filter.failing = failing
        filter.resolve = resolve
        try await options.list.perform(.reportsDMARC(filter))
    }
}

struct ReportsTLS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls",
        abstract: "Show how sessions of others with our servers fared with respect to TLS, as they report.",
        discussion: """
              martlet reports tls
              martlet reports tls --domain example.org --failing
            """)
    @Flag(help: "Failures only.") var failing = false
    @OptionGroup var options: ReportFilterOptions

    func run() async throws {
        var filter = options.filter
        filter.failing = failing
        try await options.list.perform(.reportsTLS(filter))
    }
}

struct ReportsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the reports that others sent, newest first.")
    @OptionGroup var options: ReportFilterOptions

    func run() async throws {
        try await options.list.perform(.reportsList(options.filter))
    }
}

struct ReportsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one report that came, whole.")
    @Argument(help: "Its id, as martlet reports list shows it.") var id: Int64
    @OptionGroup var options: ListOptions

    func run() async throws {
        try await options.perform(.reportsShow(id: id))
    }
}

struct ReportsImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Read reports from files, or from mail that is stored, and say what came of each.",
        discussion: """
            A file is a report (XML or JSON, plain, gzip or zip) or a whole message with reports attached. With --stored the \
            mail of the accounts that get reports is looked at again. Exit code 65 when a file was refused.

              martlet reports import google.com!example.org!1763510400!1763596799.zip *.xml.gz
              martlet reports import --stored 90d
            """)
    @Argument(help: ArgumentHelp("Reports or messages.", valueName: "file")) var files: [String] = []
    @Option(help: ArgumentHelp("Look at stored mail again, from this time on.", valueName: "time")) var stored: String?
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard files.isEmpty != (stored == nil) else { throw ValidationError("Name files, or --stored.") }
    }

    func run() async throws {
        if let stored { return try await options.perform(.reportsReread(since: stored)) }
        let context = try CommandContext(configFile: options.config.config)
        let answer = try await context.importReports(files)
        try StandardOutput.write(answer.output(json: options.json))
        if answer.hasRefusedReports { throw ExitCode(ExitStatus.data.rawValue) }
    }
}
