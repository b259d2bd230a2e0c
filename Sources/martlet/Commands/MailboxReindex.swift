import AdminService
import ArgumentParser

struct MailboxReindex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reindex",
        abstract: "Make the text index anew, of an account or of all.",
        discussion: """
            Searches stay right meanwhile, they only take longer. It works with the server running or stopped, and may be \
            interrupted: the server goes on where it ended.
              martlet mailbox reindex anna@example.org
            """)
    @Argument(help: "Whose; otherwise everybody's.") var account: String?
    @OptionGroup var config: ConfigOption

    func run() async throws {
        let answer = try await CommandContext(configFile: config.config).reindex(account) { StandardError.write($0) }
        try StandardOutput.write(answer.output(json: false))
    }
}
