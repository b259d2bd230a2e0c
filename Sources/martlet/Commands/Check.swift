import ArgumentParser

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check mail as a receiver does: signatures, chains, and what domains publish. Needs no server.",
        subcommands: [CheckSPFCommand.self, CheckMessageCommand.self, CheckARCCommand.self]
    )
}

/// Whom to ask, in every command that asks the DNS without a server.
struct ResolverOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Ask this DNS server; otherwise as the manifest says, and without one as the host does.",
            valueName: "ip:port"))
    var dns: String?
}
