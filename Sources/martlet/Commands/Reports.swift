import AdminService
import ArgumentParser

struct ReportsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "Reports of DMARC and TLS: what others say of us, and what we tell others.",
        subcommands: [
            ReportsDMARC.self, ReportsTLS.self, ReportsList.self, ReportsShow.self, ReportsImport.self,
            ReportsPending.self, ReportsSend.self,
        ]
    )
}
