import Directory
import MailAuth
import MailPolicy
import MailTables
import SMTPServer

extension Operations {
    func explain(_ question: ExplainQuestion) async throws -> Explanation {
        // In a command's own process nobody has read the tables and secrets yet.
        if server == nil {
            stores.tables.install(try LookupTables.load(manifest))
            stores.srs.install(try SRSSecrets.codec(manifest))
        }
        let answers = stores.answers
        var explainer = try Explainer(
            question, rules: rules, directory: directory.snapshot, answer: { await answers.answer($0) })
        return try await explainer.explain()
    }
}
