import AdminService
import ArgumentParser
import MailMove

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an account's mail into files that other programs read.",
        discussion: """
            An export may be interrupted and run again: it goes on where it was. It works with the server running or stopped.
            """,
        subcommands: [ExportMaildir.self, ExportMbox.self])
}

struct ExportMaildir: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maildir",
        abstract: "Write a Maildir that Dovecot takes over: UIDs, flags, keywords, dates and subscriptions stay.",
        discussion: """
            Run again on the same folder, it writes what is new, follows flags and removes what is gone.

              martlet export maildir /srv/anna/Maildir --account anna@example.org
            """)
    @Argument(help: ArgumentHelp("The folder; made where it is missing.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("Whose mail.", valueName: "address")) var account: String
    @Option(help: "maildir++ (folders .A.B) or fs (folders A/B).") var layout = "maildir++"
    @Option(name: .customLong("line-ends"), help: "stored (CRLF, each octet as it is kept) or lf.") var lines = "stored"
    @OptionGroup var config: ConfigOption

    func run() async throws {
        let target = ExportTarget.maildir(
            path: path, layout: try MailLayout.read(layout) ?? .maildirPlus, lines: try MailLines.read(lines))
        try MailLayout.tell(
            try await CommandContext(configFile: config.config).exportMail(target, account: account))
    }
}

struct ExportMbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mbox",
        abstract: "Write mailboxes as mbox files (mboxrd), with flags in Status, X-Status and X-Keywords.",
        discussion: """
            With --mailbox PATH is a file, otherwise a folder with a file for each mailbox.

              martlet export mbox archive.mbox --account anna@example.org --mailbox Archive
              martlet export mbox /srv/anna-mail --account anna@example.org
            """)
    @Argument(help: ArgumentHelp("The file, or the folder.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("Whose mail.", valueName: "address")) var account: String
    @Option(help: ArgumentHelp("This mailbox only.", valueName: "name")) var mailbox: String?
    @Option(name: .customLong("line-ends"), help: "lf, or stored (CRLF, each octet as it is kept).") var lines = "lf"
    @OptionGroup var config: ConfigOption

    func run() async throws {
        let target = ExportTarget.mbox(path: path, mailbox: mailbox, lines: try MailLines.read(lines))
        try MailLayout.tell(
            try await CommandContext(configFile: config.config).exportMail(target, account: account))
    }
}

enum MailLines {
    static func read(_ text: String) throws -> LineEndStyle {
        guard let style = LineEndStyle(rawValue: text.lowercased()) else {
            throw ValidationError("--line-ends is stored or lf.")
        }
        return style
    }
}
