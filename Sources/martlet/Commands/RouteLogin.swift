import AdminService
import ArgumentParser

struct RouteLogin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Get the token of a route that logs in with OAuth 2.",
        discussion: """
            Shows a page to open and a code to type there, and waits; or, where the provider has no such page, shows a link \
            and takes the address that the browser ends at. Then the token is tried. With --token-file it is taken from a \
            file of the sasl-xoauth2 plug-in of Postfix.
            """)

    @Argument(help: "The name of the route: see routing.routes.") var name: String

    @Option(help: ArgumentHelp("The login of this sender, of those in sender_logins.", valueName: "address"))
    var sender: String?

    @Flag(help: "Take a pasted code also where the provider has a page for codes.")
    var code = false

    @Option(
        help: ArgumentHelp(
            "Take the token from a file: {\"access_token\": …, \"refresh_token\": …, \"expiry\": …}.", valueName: "file"
        ))
    var tokenFile: String?

    @OptionGroup var options: ListOptions

    func run() async throws {
        let dialogue = RouteLoginDialogue(
            route: name, sender: sender, wantsCode: code, tokenFile: tokenFile, json: options.json)
        try await dialogue.run(try CommandContext(configFile: options.config.config))
    }
}
