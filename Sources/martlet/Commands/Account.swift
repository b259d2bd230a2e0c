import AdminService
import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "People who log in and have mailboxes.",
        subcommands: [
            Add.self, List.self, Passwd.self, Quota.self, Remove.self, Enable.self, Disable.self, AllowSender.self,
            DenySender.self,
        ]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account in a domain of this server.",
            discussion: """
                Asks for the password at the terminal when no option says where it comes from.

                  martlet account add alice@example.org --generate --quota 2GB
                  martlet account add bob@example.org --name 'Bob Meier' --password-stdin < file
                """)
        @Argument(help: "Its address, which is also its login.") var address: String
        @Option(help: "The person's name.") var name: String?
        @Option(help: "How much it may keep, such as 2GB or 500MB; unlimited when it is left out.") var quota: String?
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
        static let configuration = CommandConfiguration(
            abstract: "Set an account's password.",
            discussion: """
                The old one is refused from now on. Sessions that are open stay: to end them, disable the account.

                  martlet account passwd alice@example.org --generate
                """)
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @OptionGroup var password: PasswordOptions
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await password.perform(config) { .accountPassword(address: address, password: $0) }
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set how much an account may keep.",
            discussion: "  martlet account quota alice@example.org 5GB")
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @Argument(help: "A whole number with its unit, such as 2GB, 500MB or 1GiB, or the word unlimited.") var quota:
            String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await config.perform(.accountQuota(address: address, quota: try QuotaText.parse(quota)))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account with all its mail.",
            discussion: """
                Its sessions end. Refused while an alias or a catch-all points at it.

                  martlet account remove alice@example.org
                """)
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountRemove(address: address)) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let an account log in and receive mail again.")
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountEnable(address: address)) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop logins and mail of an account; keep what it has.",
            discussion: "Its sessions end. Mail for it is refused with 550 until it is enabled again.")
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountDisable(address: address)) }
    }

    struct AllowSender: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "allow-sender",
            abstract: "Let an account send as addresses that aren't its own.",
            discussion: """
                  martlet account allow-sender alice@example.org boss@example.org
                  martlet account allow-sender alice@example.org @example.net
                """)
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @Argument(help: "Addresses, here or elsewhere, or @example.net for every address of a domain.")
        var senders: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountAllowSender(address: address, senders: senders)) }
    }

    struct DenySender: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "deny-sender",
            abstract: "Take back what allow-sender or alias send-as gave an account.",
            discussion: "  martlet account deny-sender alice@example.org boss@example.org")
        @Argument(help: "The address of the account, such as alice@example.org.") var address: String
        @Argument(help: "What it was granted: addresses, or @example.net.") var senders: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.accountDenySender(address: address, senders: senders)) }
    }
}
