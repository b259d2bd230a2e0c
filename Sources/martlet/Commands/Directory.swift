import AdminService
import ArgumentParser
import Directory

struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Addresses that stand for others, here or elsewhere.",
        subcommands: [Add.self, List.self, Remove.self, SendAs.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an alias, or give it more targets.",
            discussion: """
                  martlet alias add sales@example.org alice@example.org bob@example.net
                  martlet alias add --send-as members team@example.org al@example.org bo@example.org
                  martlet alias add @example.org alice@example.org
                """)
        @Argument(help: "The address, or @example.org for all unknown addresses of a domain.") var address: String
        @Argument(help: "Where its mail goes: accounts and aliases here, or addresses elsewhere.") var targets: [String]
        @Option(
            help: "Who may send as it: members, accounts (with commas, or the option again), or nobody.")
        var sendAs: [String] = []
        @OptionGroup var config: ConfigOption
        func run() async throws {
            try await config.perform(
                .aliasAdd(address: address, targets: targets, sendAs: sendAs.isEmpty ? nil : sendAs))
        }
    }

    struct SendAs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "send-as",
            abstract: "Say who may send as an alias that has several people.",
            discussion: """
                What is said takes the place of what was said before. Whoever is the only one to get an alias' mail may
                send as it anyway.

                  martlet alias send-as team@example.org members
                  martlet alias send-as sales@example.org alice@example.org bob@example.org
                  martlet alias send-as @example.org alice@example.org
                  martlet alias send-as team@example.org nobody
                """)
        @Argument(help: "The alias, or @example.org for every address of a domain, other people's too.")
        var address: String
        @Argument(help: "members (who get its mail, through other aliases too), accounts, or nobody.") var who: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.aliasSendAs(address: address, who: who)) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List aliases, and where mail for unknown addresses goes.")
        @Argument(help: "Only those of this domain.") var domain: String?
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.aliasList(domain: domain)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an alias, or some of its targets.",
            discussion: """
                  martlet alias remove sales@example.org
                  martlet alias remove sales@example.org bob@example.net
                """)
        @Argument(help: "The alias, or @example.org to refuse unknown addresses of a domain again.") var address: String
        @Argument(help: "Only these targets.") var targets: [String] = []
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.aliasRemove(address: address, targets: targets)) }
    }
}

struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain",
        abstract: "Domains whose mail is kept here, or only signed here.",
        subcommands: [Add.self, List.self, Kind.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a domain: its postmaster and its DKIM keys.",
            discussion: """
                  martlet domain add example.net --postmaster alice@example.org
                  martlet domain add example.com --send-only
                """)
        @Argument(help: "Its name, such as example.net or bücher.example.") var domain: String
        @Option(help: "Who reads the mail of postmaster and abuse; the postmaster of another domain here otherwise.")
        var postmaster: String?
        @Flag(help: "Its mailboxes are elsewhere: mail from it is signed here, mail for it goes out like any other.")
        var sendOnly = false
        @OptionGroup var config: ConfigOption
        func run() async throws {
            try await config.perform(
                .domainAdd(domain: domain, kind: sendOnly ? .sendOnly : .hosted, postmaster: postmaster))
        }
    }

    struct Kind: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep the mail of a domain here, or no longer; its keys stay.",
            discussion: """
                A domain with accounts or aliases can't become send-only: remove them first.

                  martlet domain kind example.com hosted --postmaster alice@example.org
                  martlet domain kind example.com send-only
                """)
        @Argument(help: "Its name.") var domain: String
        @Argument(help: "hosted, or send-only for one whose mailboxes are elsewhere.") var kind: DomainKind
        @Option(help: "Who reads the mail of postmaster and abuse of a hosted domain, as in domain add.")
        var postmaster: String?
        @OptionGroup var config: ConfigOption
        func run() async throws {
            try await config.perform(.domainKind(domain: domain, kind: kind, postmaster: postmaster))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List domains.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.domainList) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a domain that has no accounts left.")
        @Argument(help: "Its name; its aliases and keys go with it.") var domain: String
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.domainRemove(domain: domain)) }
    }
}

struct DKIMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dkim",
        abstract: "Keys that outgoing mail is signed with.",
        subcommands: [Add.self, List.self, Record.self, Rotate.self, Import.self, Export.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make keys for a domain.",
            discussion: """
                They sign at once, beside those that are there: publish them right away.

                  martlet dkim add example.org
                  martlet dkim add example.org --algorithm ed25519 --selector ed2027
                """)
        @Argument(help: "A domain of this server.") var domain: String
        @Option(help: "rsa or ed25519; both when it is left out.") var algorithm: [String] = []
        @Option(help: "The key's name in the DNS; the next free one when it is left out.") var selector: String?
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await config.perform(.dkimAdd(domain: domain, selector: selector, algorithms: algorithm))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List keys: what state they are in, since when, where they stand, and what is waited for.",
            discussion: """
                Those of OpenDKIM's tables (dkim.key_table, dkim.signing_table) are among them. What is wrong with these \
                is said on standard error, and the exit code is 78 then.

                  martlet dkim list
                  martlet dkim list example.org --json
                """)
        @Argument(help: "Only those of this domain.") var domain: String?
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.dkimList(domain: domain)) }
    }

    struct Record: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the TXT records that publish a domain's keys.")
        @Argument(help: "A domain of this server.") var domain: String
        @Option(help: "Only the key with this name.") var selector: String?
        @OptionGroup var options: ListOptions

        func run() async throws {
            let context = try CommandContext(configFile: options.config.config)
            let response = try await context.perform(.dkimRecord(domain: domain, selector: selector))
            if case .keys(let list) = response, !options.json {
                try StandardOutput.write(list.keys.map(\.zoneLine).joined())
            } else {
                try StandardOutput.write(response.output(json: options.json))
            }
            try response.raiseProblems()
        }
    }
}

extension DomainKind: ExpressibleByArgument {}
