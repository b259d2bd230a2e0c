import AdminService
import ArgumentParser

struct MessageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message",
        abstract: "Look into a message in a file. Needs no server.",
        subcommands: [Show.self]
    )

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a message's header, decoded, and its parts with types, sizes and names.",
            discussion: """
                - reads standard input.
                  martlet message show mail.eml
                  martlet message show mail.eml --json
                """)
        @Argument(help: ArgumentHelp("The message.", valueName: "file")) var file: String
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let outline = try MessageOutline(file)
            try StandardOutput.write(json ? outline.json() : outline.text)
        }
    }
}
