import AdminService
import ArgumentParser

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server in the foreground.",
        discussion: """
            The log goes to standard error. SIGTERM and SIGINT finish what is under way and stop; SIGHUP reloads.

              martlet serve --config /etc/martlet/martlet.yaml
            """
    )
    @OptionGroup var config: ConfigOption

    func run() async throws {
        try await Server.run(configFile: config.config)
    }
}

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say whether a server runs, and where it listens.")
    @OptionGroup var options: ListOptions
    func run() async throws { try await options.perform(.status) }
}

struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have the server read its manifest and certificates again, as SIGHUP does.",
        discussion: "Says what changed and what waits for the next start. If anything is wrong all stays as it was."
    )
    @OptionGroup var config: ConfigOption
    func run() async throws { try await config.perform(.reload) }
}

struct QuickstartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quickstart",
        abstract: "Make a working mail server out of an address. Asks nothing, can be run again.",
        discussion: """
            Writes the manifest, makes the data directory, the domain with its keys, a certificate and the account, and \
            prints the password once, the settings for mail programs and the DNS records. What exists is kept.

              martlet quickstart you@example.org --hostname mail.example.org
              martlet quickstart you@example.org --data ./try --listen 127.0.0.1 --port-offset 10000

            Without --config the manifest is /etc/martlet/martlet.yaml for root when --data is left out, and otherwise \
            martlet.yaml in the data directory.
            """
    )
    @Argument(help: "The first account; its domain is the first domain.") var address: String
    @Option(help: "The full name of this host; otherwise its own name if it is in the domain, or mail.DOMAIN.")
    var hostname: String?
    @OptionGroup var config: ConfigOption
    @Option(
        help: "The data directory; otherwise /var/lib/martlet for root and ~/.local/share/martlet for others.")
    var data: String?
    @Option(help: "The IP address to listen on, or any; all addresses otherwise.") var listen: String?
    @Option(help: "Added to every port (0 to 64540), for trying it beside another server.") var portOffset: Int?
    @Option(help: "Take the password from the first line of a file instead of making one up.") var passwordFile: String?

    func run() async throws {
        var options = Quickstart.Options(address: address)
        options.hostname = hostname
        options.configFile = config.config
        options.dataDirectory = data
        options.listenAddress = listen
        options.portOffset = portOffset
        options.passwordFile = passwordFile
        try StandardOutput.write(await Quickstart(options).run().text)
    }
}

struct SelfTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Send mail around the running server as clients do, and say what worked.",
        discussion: """
            Uses a temporary password and a temporary second account, and removes both. Exit code 69 when a check failed.
            """
    )
    @Argument(help: "The account to test with; the first one otherwise.") var address: String?
    @OptionGroup var options: ListOptions

    func run() async throws {
        let context = try CommandContext(configFile: options.config.config)
        let results = try await SelfTest(context: context, address: address).run()
        try StandardOutput.write(options.json ? try SelfTest.json(results) : SelfTest.table(results))
        if results.contains(where: { !$0.passed }) { throw ExitCode(ExitStatus.unavailable.rawValue) }
    }
}

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "The manifest.",
        subcommands: [Check.self, Show.self, Reference.self]
    )

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is wrong with it, with line and column, and with the directory.",
            discussion: "Exit code 0 when a server would start with it, 78 when it would not."
        )
        @OptionGroup var config: ConfigOption
        func run() async throws { try StandardOutput.write(await ConfigCommands.check(config.config)) }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every value in effect and where it comes from.",
            discussion: "What is printed is a manifest itself. Of secrets only the name of the file is shown.")
        @OptionGroup var options: ListOptions

        func run() throws {
            try StandardOutput.write(ConfigCommands.show(options.config.config, json: options.json))
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the reference of all settings, as Markdown.")
        func run() throws { try StandardOutput.write(ConfigCommands.reference()) }
    }
}
