import AdminService
import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "People who log in and have mailboxes.",
        subcommands: [Add.self, List.self, Passwd.self, Quota.self, Remove.self, Enable.self, Disable.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an account in a domain of this server.")
        @Argument(help: "Its address, which is also its login.") var address: String
        @Option(help: "The person's name.") var name: String?
        @Option(help: "How much it may keep, such as 2GB, or unlimited.") var quota: String?
        @OptionGroup var password: PasswordOptions
        @OptionGroup var config: ConfigOption

        func run() async throws {
            let quota = try quota.flatMap { try QuotaText.parse($0) }
            try await password.perform(config) {
                .accountAdd(address: address, password: $0, name: name, quota: quota)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List accounts with what they keep.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.accountList) }
    }

    struct Passwd: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set an account's password.")
        @Argument var address: String
        @OptionGroup var password: PasswordOptions
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await password.perform(config) { .accountPassword(address: address, password: $0) }
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set how much an account may keep.")
        @Argument var address: String
        @Argument(help: "Such as 2GB, or unlimited.") var quota: String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await config.perform(.accountQuota(address: address, quota: try QuotaText.parse(quota)))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove an account with all its mail.")
        @Argument var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountRemove(address: address)) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let an account log in and receive mail again.")
        @Argument var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountEnable(address: address)) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop logins and mail of an account; keep what it has.")
        @Argument var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountDisable(address: address)) }
    }
}
