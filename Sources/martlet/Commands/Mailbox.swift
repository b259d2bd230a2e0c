import AdminService
import ArgumentParser

struct MailboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox",
        abstract: "The mailboxes of an account.",
        subcommands: [
            List.self, Create.self, Remove.self, Rename.self, Check.self, Recount.self, Expunge.self, Share.self,
            MailboxReindex.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List mailboxes with what they hold.")
        @Argument(help: "The account.") var account: String
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.mailbox(.list(account: account))) }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a mailbox, with those above it, and subscribe to it.")
        @Argument(help: "The account.") var account: String
        @Argument(help: "Its path, such as Work/2026.") var path: String
        @Option(help: "What it is for: archive, drafts, flagged, junk, sent, trash or all.") var use: String?
        @OptionGroup var config: ConfigOption
        func run() async throws {
            try await config.perform(.mailbox(.create(account: account, path: path, specialUse: use)))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a mailbox with its messages.",
            discussion: "They can be brought back with martlet undelete for as long as storage.undelete says.")
        @Argument(help: "The account.") var account: String
        @Argument(help: "The mailbox.") var path: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.mailbox(.remove(account: account, path: path))) }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Rename a mailbox with those below it.")
        @Argument(help: "The account.") var account: String
        @Argument(help: "The mailbox.") var from: String
        @Argument(help: "Its new path.") var to: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.mailbox(.rename(account: account, from: from, to: to))) }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read every message's file and compare it with the database.",
            discussion: """
                Reports what differs: messages whose file is missing or damaged (SHA-256), sizes, headers and whatever else \
                is made of a message, counts, keywords, the text index. Ends with 65 where something is left wrong.

                With --repair everything is made anew that can be made of what is there; no message goes. One whose file \
                is lost stays, and stays unreadable, until the file comes back from a backup. With --remove-damaged such \
                messages are taken out of their mailboxes too; martlet undelete brings them back for as long as \
                storage.undelete says.
                """)
        @Argument(help: "The account; everybody when it is left out.") var account: String?
        @Flag(help: "Put right what can be.") var repair = false
        @Flag(help: "Put right what can be, and take messages that are lost out of their mailboxes.")
        var removeDamaged = false
        @OptionGroup var options: ListOptions

        func run() async throws {
            let response = try await CommandContext(configFile: options.config.config)
                .checkMailboxes(account: account, repairs: repair, removes: removeDamaged)
            try StandardOutput.write(response.output(json: options.json))
            if case .mailboxes(.check(let report)) = response, report.problems.count > report.repaired {
                throw ExitCode(AdminService.ExitStatus.data.rawValue)
            }
        }
    }

    struct Recount: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Count messages anew and correct what is wrong.")
        @Argument(help: "The account; everybody when it is left out.") var account: String?
        @OptionGroup var options: ListOptions

        func run() async throws {
            let response = try await CommandContext(configFile: options.config.config).recountMailboxes(
                account: account)
            try StandardOutput.write(response.output(json: options.json))
        }
    }

    struct Expunge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove messages that have been in a mailbox for long.",
            discussion: """
                  martlet mailbox expunge anna@example.org --mailbox Trash --older-than 30d
                """)
        @Argument(help: "The account.") var account: String
        @Option(help: "The mailbox.") var mailbox = "Trash"
        @Option(help: "How long since they came into it, such as 12h or 30d.") var olderThan: String
        @OptionGroup var options: ListOptions

        func run() async throws {
            let response = try await CommandContext(configFile: options.config.config).expungeMailbox(
                account: account, mailbox: mailbox, olderThan: try CommandContext.age(olderThan))
            try StandardOutput.write(response.output(json: options.json))
        }
    }

    struct Share: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say who else may use a mailbox, and show it.",
            discussion: """
                Rights are letters of RFC 4314: l sees it, r reads, s marks as read, w sets other flags, i puts messages \
                in, t marks as deleted, e expunges, k makes mailboxes below it, x deletes it, a gives rights. A + or - \
                before them changes what is there; none takes all. Others find it under Shared/ADDRESS/.

                  martlet mailbox share anna@example.org Team --with bob@example.org --rights lrs
                  martlet mailbox share anna@example.org Team
                """)
        @Argument(help: "The owner.") var account: String
        @Argument(help: "The mailbox.") var path: String
        @Option(name: .customLong("with"), help: "An account, or anyone; a - before it takes rights away.")
        var who: String?
        @Option(help: "Letters, or none.") var rights: String?
        @OptionGroup var options: ListOptions

        func validate() throws {
            guard (who == nil) == (rights == nil) else { throw ValidationError("Give --with and --rights together.") }
        }

        func run() async throws {
            guard let who, let rights else {
                return try await options.perform(.mailbox(.rights(account: account, path: path)))
            }
            try await options.perform(.mailbox(.share(account: account, path: path, who: who, rights: rights)))
        }
    }
}
