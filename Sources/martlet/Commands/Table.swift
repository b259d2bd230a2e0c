import AdminService
import ArgumentParser

struct TableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table",
        abstract: "Lookup tables: text files, patterns, networks, queries.",
        subcommands: [Query.self, Check.self]
    )

    struct Query: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a table as mail does, or one table for one key.",
            discussion: """
                With a purpose of the manifest, such as virtual, canonical or transport, every key that mail would try is \
                tried. With TYPE:PATH one table is asked for the key alone, as postmap -q does; the table need not be in \
                the manifest. Exit code 1 when nothing was found, 75 when a table can't answer.
                  martlet table query virtual fbi+news@example.org
                  martlet table query hash:/etc/postfix/virtual fbi@example.org
                """)
        @Argument(help: ArgumentHelp("A purpose, or TYPE:PATH.", valueName: "table")) var table: String
        @Argument(help: ArgumentHelp("What is looked up; - for the lines of standard input.", valueName: "key"))
        var keys: [String]
        @OptionGroup var options: ListOptions

        func run() async throws {
            let outcomes = try await TableCommands.query(options.config.config, table: table, keys: keys)
            let isOne = keys.count == 1 && keys != ["-"]
            try StandardOutput.write(
                options.json ? TableCommands.json(outcomes) : TableCommands.text(outcomes, isOne: isOne))
            guard outcomes.contains(where: { $0.value != nil }) else { throw ExitCode(1) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read every table of the manifest and say what is wrong, with file and line.",
            discussion: "Exit code 0 when a server would start with them, 78 when it would not.")
        @OptionGroup var config: ConfigOption
        func run() throws { try StandardOutput.write(TableCommands.check(config.config)) }
    }
}
