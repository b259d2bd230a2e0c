import AdminService
import ArgumentParser
import MailFetch
import SASLCore

struct ImportIMAP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imap",
        abstract: "Take over mailboxes of another server over IMAP.",
        discussion: """
            UIDs stay where the mailbox here is empty. With --accounts many accounts come one after the other: a file with \
            lines of account,user,password (and perhaps a host of its own).

              martlet import imap --host imap.old.example --user anna --password-file /root/anna --account anna@example.org
              martlet import imap --host imap.old.example --accounts /root/accounts.csv
            """)
    @Option(help: "The server that has the mail.") var host: String
    @Option(help: "Its port; otherwise 993, or 143 with --tls starttls or none.") var port: Int?
    @Option(help: "tls, starttls or none.") var tls = "tls"
    @Flag(help: "Take any certificate, and send the password without TLS too.") var insecure = false
    @Option(help: ArgumentHelp("Authorities (PEM) instead of the system's.", valueName: "file")) var ca: String?
    @Option(help: ArgumentHelp("Who logs in there.", valueName: "name")) var user: String?
    @Option(help: ArgumentHelp("The password: the first line of a file.", valueName: "file")) var passwordFile: String?
    @Option(help: ArgumentHelp("An OAuth2 access token instead: the first line of a file.", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("Whose mail it becomes.", valueName: "address")) var account: String?
    @Option(help: ArgumentHelp("Many accounts: lines of account,user,password.", valueName: "file")) var accounts:
        String?
    @Option(help: ArgumentHelp("These mailboxes only; * stands for anything. Again for more.", valueName: "name"))
    var folder: [String] = []
    @Option(help: ArgumentHelp("Without these mailboxes.", valueName: "name")) var exclude: [String] = []
    @OptionGroup var config: ConfigOption

    func validate() throws {
        let hasSecret = (passwordFile != nil) != (tokenFile != nil)
        guard (accounts != nil) != (account != nil && user != nil && hasSecret) else {
            throw ValidationError("Give --account, --user and --password-file or --token-file, or --accounts.")
        }
        guard tokenFile == nil || tls != "none" else { throw ValidationError("A token is not sent without TLS.") }
        guard RemoteHost.Security(rawValue: tls) != nil else {
            throw ValidationError("--tls is tls, starttls or none.")
        }
    }

    func run() async throws {
        let security = RemoteHost.Security(rawValue: tls) ?? .tls
        let remote = RemoteHost(
            host: host, port: port ?? (security == .tls ? 993 : 143), security: security, verifies: !insecure,
            authorities: ca)
        let context = try CommandContext(configFile: config.config)
        let list: [RemoteImportAccount]
        if let accounts {
            list = try RemoteImportAccount.list(try CommandFile.text(accounts))
        } else {
            let (secret, _) = try PasswordSource.file(tokenFile ?? passwordFile ?? "").read()
            list = [
                RemoteImportAccount(
                    account: account ?? "", user: user ?? "", password: Secret(secret), isToken: tokenFile != nil)
            ]
        }
        let (answer, failure) = try await context.importRemote(
            list, from: remote, filter: FolderFilter(only: folder, without: exclude))
        try StandardOutput.write(answer.output(json: false))
        if let failure { throw failure }
    }
}
