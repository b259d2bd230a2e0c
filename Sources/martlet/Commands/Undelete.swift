import AdminService
import ArgumentParser

struct UndeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undelete",
        abstract: "Bring back messages that were expunged.",
        discussion: """
            Possible for as long as storage.undelete says. Messages go back into the mailbox they were in, with new UIDs.

              martlet undelete anna@example.org --list --since 2d
              martlet undelete anna@example.org --mailbox Work --since 2d
              martlet undelete anna@example.org --message-id '<1234@example.net>' --to Found
              martlet undelete anna@example.org --all
            """)
    @Argument(help: "The account.") var account: String
    @Flag(help: "Only show what can be brought back.") var list = false
    @Flag(help: "Bring back everything there is.") var all = false
    @Option(help: "Only from this mailbox.") var mailbox: String?
    @Option(help: "Only what was removed in this time, such as 2h or 3d.") var since: String?
    @Option(name: .customLong("message-id"), help: "Only this message; may be given several times.")
    var messageIDs: [String] = []
    @Option(help: "The mailbox to put them in; otherwise that they were in.") var to: String?
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard list || all || mailbox != nil || since != nil || !messageIDs.isEmpty else {
            throw ValidationError("Say which messages (--mailbox, --since, --message-id or --all), or --list.")
        }
    }

    func run() async throws {
        let question = RemovedQuestion(
            mailbox: mailbox, since: try since.map(CommandContext.age), messageIDs: messageIDs)
        let context = try CommandContext(configFile: options.config.config)
        let response =
            list
            ? try await context.removedMessages(account: account, question)
            : try await context.restoreMessages(account: account, question, to: to)
        try StandardOutput.write(response.output(json: options.json))
    }
}
