import MailStore
package import MailSyntax
import SQLEngine

// Which messages were looked at.
extension ReportStore {
    func isSeen(_ email: EmailID) async throws -> Bool {
        try await database.read { try $0.first(ReportInboxStatements.isSeen, email) { _ in true } } ?? false
    }

    func see(_ email: EmailID, at time: Timestamp, _ outcome: String) async throws {
        try await database.write(.bulk, .ordered) { try $0.execute(ReportInboxStatements.see, email, time, outcome) }
    }

    func progress() async throws -> EmailID? {
        try await database.read {
            try $0.first(ReportInboxStatements.progress) { EmailID(rawValue: $0.int64(0)) }
        }
    }

    /// Never goes back.
    func setProgress(_ email: EmailID) async throws {
        try await database.write(.bulk, .ordered) { writer in
            let known = try writer.first(ReportInboxStatements.progress) { $0.int64(0) } ?? 0
            guard email.rawValue > known else { return }
            try writer.execute(ReportInboxStatements.setProgress, email)
        }
    }

    /// Forgets which messages were looked at: far behind the progress none is looked at again.
    package func forgetMail(before time: Timestamp) async throws {
        try await database.write(.bulk) { try $0.execute(ReportInboxStatements.forgetMail, time) }
    }
}
