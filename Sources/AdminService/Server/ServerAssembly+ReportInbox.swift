import MailConfig
import MailStore
import ReportInbox
import SQLEngine

extension ServerAssembly {
    /// What takes the reports of others out of delivered mail.
    func reportInbox() -> ReportInboxService {
        let logger = backend.logger("reports")
        let store = stores.receivedReports
        let receiver = ReportReceiver(
            mail: stores.mail, directory: stores.directory, store: store,
            settings: live.follow { ServerSettings.reportReceiver($0) },
            tell: { ReportInboxService.log($0, logger) })
        state.setReports(receiver)
        stores.mail.follow { receiver.delivered($0, $1) }
        return ReportInboxService(
            receiver: receiver, store: store, keeps: live.follow(\.reports.keep), logger: logger,
            clock: SystemClock())
    }
}
