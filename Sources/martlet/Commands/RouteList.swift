import AdminService
import ArgumentParser

struct RouteList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the ways out: hosts, TLS, login, which mail takes them, and what keeps it waiting.")
    @OptionGroup var options: ListOptions
    func run() async throws { try await options.perform(.routeList) }
}
