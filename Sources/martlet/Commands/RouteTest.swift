import AdminService
import ArgumentParser

struct RouteTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Visit the hosts of a route and show what is said.",
        discussion: """
            Connects to each address as a delivery would and shows the dialogue, the certificates, what the host offers \
            and the result of the login. Passwords and tokens are shown as `…`. Sends a small message only with --to. \
            Exit code 0 when every host is ready for mail (with --to: when one took the message), 69 else.
              martlet route test isp
              martlet route test isp --to me@example.net
              martlet route test direct --to me@example.net --json
            """)

    @Argument(help: "The name of the route, or direct.") var name: String

    @Option(help: ArgumentHelp("Send a small message to this recipient.", valueName: "address"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "The sender; default postmaster of this server. It decides which login of sender_logins is used.",
            valueName: "address"))
    var from: String?

    @OptionGroup var options: ListOptions

    func run() async throws {
        let context = try CommandContext(configFile: options.config.config)
        let answer = try await context.perform(.routeTest(route: name, to: to, from: from))
        try StandardOutput.write(answer.output(json: options.json))
        if case .routeTest(let report) = answer, !report.succeeded { throw ExitCode(ExitStatus.unavailable.rawValue) }
    }
}
