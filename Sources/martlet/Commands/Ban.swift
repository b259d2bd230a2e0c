import AdminService
import ArgumentParser

struct BanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Clients that are kept out.",
        discussion: """
            The server bans who fails to log in again and again, and who abuses it (bans in martlet.yaml). An operator's \
            ban goes before every exemption.
            """,
        subcommands: [List.self, Add.self, Remove.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List bans, the newest first.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.banList) }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep addresses or networks out, and close their sessions.",
            discussion: """
                  martlet ban add 192.0.2.1 --for 1h --reason "guesses passwords"
                  martlet ban add 198.51.100.0/24 2001:db8::/48
                """)
        @Argument(help: "Addresses and networks; an IPv6 address stands for its /64.") var networks: [String]
        @Option(name: .customLong("for"), help: "How long, such as 30m, 1h or 7d; without it until it is removed.")
        var duration: String?
        @Option(help: "Why; shown in the list and in the log.") var reason: String?
        @OptionGroup var config: ConfigOption

        func run() async throws {
            let seconds = try duration.map(BanDuration.parse)
            try await config.perform(.banAdd(networks: networks, seconds: seconds, reason: reason))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let addresses or networks in again.")
        @Argument(help: "As they stand in: martlet ban list.") var networks: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.banRemove(networks: networks)) }
    }
}
