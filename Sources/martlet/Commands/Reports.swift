import AdminService
import ArgumentParser

struct ReportsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "Reports of DMARC and TLS.",
        subcommands: [ReportsPending.self, ReportsSend.self]
    )
}
