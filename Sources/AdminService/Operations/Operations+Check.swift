import Directory
import MailSyntax

extension Operations {
    /// What keeps a server from starting, or that nothing does.
    func directoryCheck() throws -> AdminResponse {
        try DirectoryCheck.requireSound(directory)
        let snapshot = directory.snapshot
        let sendOnly = snapshot.domains.count { $0.kind == .sendOnly }
        let kinds = sendOnly == 0 ? "" : " (\(sendOnly) send-only)"
        let counts = "\(snapshot.domains.count) domains\(kinds), \(snapshot.accounts.count) accounts"
        return .done(lines: ["directory at revision \(snapshot.revision): no errors (\(counts))"])
    }
}

/// What must hold for the directory before a server takes mail for it.
enum DirectoryCheck {
    /// - Throws: `AdminError` naming every domain that nobody answers for, with the command that names somebody.
    // RFC 5321 §4.5.1
    static func requireSound(_ directory: Directory) throws {
        let lacking = directory.domainsWithoutPostmaster
        guard !lacking.isEmpty else { return }
        let commands = lacking.map { "martlet alias add postmaster@\($0) ADDRESS" }
        throw AdminError(
            .config,
            lacking.map { "the domain \($0) has no postmaster" }.joined(separator: "; "),
            remedy: "say who reads what other servers' operators write: \(commands.joined(separator: "; "))"
        )
    }
}
