import AdminService
import ArgumentParser
import MailMove

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take in mail of other servers and programs.",
        discussion: """
            An import may be interrupted at any time and run again: each message comes once, and a later run brings what is \
            new. It works with the server running or stopped.
            """,
        subcommands: [ImportMaildir.self, ImportMbox.self, ImportIMAP.self])
}

struct ImportMaildir: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maildir",
        abstract: "Take in a Maildir with its folders: UIDs, flags, keywords, dates and subscriptions stay.",
        discussion: """
              martlet import maildir /var/vmail/example.org/anna/Maildir --account anna@example.org
            """)
    @Argument(help: ArgumentHelp("The Maildir.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("Whose mail it becomes.", valueName: "address")) var account: String
    @Option(help: ArgumentHelp("maildir++ (folders .A.B) or fs (folders A/B); otherwise found out.")) var layout:
        String?
    @Option(help: ArgumentHelp("Where Dovecot's CONTROL= keeps its lists.", valueName: "path")) var control: String?
    @OptionGroup var config: ConfigOption

    func run() async throws {
        let source = ImportSource.maildir(path: path, layout: try MailLayout.read(layout), control: control)
        try MailLayout.tell(
            try await CommandContext(configFile: config.config).importMail(source, account: account))
    }
}

struct ImportMbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mbox",
        abstract: "Take an mbox file into a mailbox, with its flags and dates.",
        discussion: """
              martlet import mbox ~/mail/2019.mbox --account anna@example.org --mailbox Archive/2019
            """)
    @Argument(help: "The mbox file.") var file: String
    @Option(help: ArgumentHelp("Whose mail it becomes.", valueName: "address")) var account: String
    @Option(help: ArgumentHelp("Where it goes; made where it is missing.", valueName: "name")) var mailbox: String
    @Option(help: "auto, mboxrd, mboxo, mboxcl or mboxcl2.") var format = "auto"
    @OptionGroup var config: ConfigOption

    func run() async throws {
        guard let format = MboxFormat(rawValue: format) else {
            throw ValidationError("--format is auto, mboxrd, mboxo, mboxcl or mboxcl2.")
        }
        let source = ImportSource.mbox(path: file, format: format, mailbox: mailbox)
        try MailLayout.tell(
            try await CommandContext(configFile: config.config).importMail(source, account: account))
    }
}

enum MailLayout {
    /// Prints what came of it; ends with 65 where messages had to be passed over.
    static func tell(_ result: (answer: AdminResponse, isWhole: Bool)) throws {
        try StandardOutput.write(result.answer.output(json: false))
        if !result.isWhole { throw ExitCode(AdminService.ExitStatus.data.rawValue) }
    }

    static func read(_ text: String?) throws -> FolderName.Layout? {
        guard let text else { return nil }
        guard let layout = FolderName.Layout(rawValue: text.lowercased()) else {
            throw ValidationError("--layout is maildir++ or fs.")
        }
        return layout
    }
}
