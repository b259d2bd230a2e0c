import AdminService
import ArgumentParser

struct DNSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns",
        abstract: "What belongs into the DNS, and whether it is there.",
        subcommands: [Records.self, Check.self]
    )

    struct Records: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the records of a domain as a zone file, a table or JSON.",
            discussion: """
                A key whose record can't be printed, because its file can't be read, is named on standard error, and the \
                exit code is 78 then.

                  martlet dns records example.org
                  martlet dns records example.org --table
                  martlet dns records example.org --address 203.0.113.5 --address 2001:db8::5
                """)
        @Argument(help: "A domain of this server.") var domain: String
        @Option(help: "The server's public address, once for each; those of its interfaces otherwise.") var address:
            [String] = []
        @Flag(help: "Print a table.") var table = false
        @OptionGroup var options: ListOptions

        func run() async throws {
            let context = try CommandContext(configFile: options.config.config)
            let response = try await context.perform(.dnsRecords(domain: domain, addresses: address))
            if table, !options.json, case .zone(let zone) = response {
                try StandardOutput.write(zone.table)
            } else {
                try StandardOutput.write(response.output(json: options.json))
            }
            try response.raiseProblems()
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare what a domain needs with what the world sees.",
            discussion: """
                Asks the DNS for every record, visits the domain's mail hosts and port 25 of others, and compares keys, \
                certificates and the clock. Each finding says what is wrong, why it matters and which line to add. What \
                can't be asked from here is a remark.

                Exit code 0: nothing to do. 1: warnings. 2: errors. Others, from 64 on, are those of every command.

                  martlet dns check example.org
                  martlet dns check example.org --address 203.0.113.5 --dns 9.9.9.9
                  martlet dns check example.org --json --block-list none --outbound-host none --time-server none
                """)
        @Argument(help: "A domain of this server.") var domain: String
        @Option(help: "The server's public address, once for each; those of its interfaces otherwise.") var address:
            [String] = []
        @OptionGroup var resolver: ResolverOption
        @Option(help: "The zone of a list of senders of junk, once for each; none for no list.") var blockList:
            [String] = []
        @Option(help: "A host or domain whose port 25 is tried, once for each; none to try no one's.") var outboundHost:
            [String] = []
        @Option(help: "The time server that the clock is compared with; none for no one.") var timeServer: String?
        @OptionGroup var options: ListOptions

        func run() async throws {
            let context = try CommandContext(configFile: options.config.config)
            let answer = try await context.perform(
                .dnsCheck(
                    DNSCheckQuestion(
                        domain: domain, addresses: address, resolver: resolver.dns, blockLists: blockList,
                        outboundHosts: outboundHost, timeServer: timeServer)))
            try StandardOutput.write(answer.output(json: options.json))
            if answer.findingStatus != 0 { throw ExitCode(answer.findingStatus) }
        }
    }
}
