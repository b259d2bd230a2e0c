import ArgumentParser

struct RouteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "The ways out.",
        subcommands: [RouteList.self, RouteTest.self, RouteLogin.self]
    )
}
