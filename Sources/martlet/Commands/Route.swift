import ArgumentParser

struct RouteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "The ways out.",
        subcommands: [RouteTest.self, RouteLogin.self]
    )
}
