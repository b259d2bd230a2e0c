import ArgumentParser

/// Stands in the list of commands; `Program` runs it before anything is parsed.
struct SendmailHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sendmail",
        abstract: "Take a message on standard input, as programs call sendmail.",
        discussion: "See martlet sendmail --help. Works under the names sendmail, mailq and newaliases too.")

    @Argument(parsing: .allUnrecognized, help: "Options and recipients, as sendmail has them.") var words: [String] = []
}
