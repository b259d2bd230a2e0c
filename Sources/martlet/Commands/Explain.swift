import AdminService
import ArgumentParser

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show what would become of a message, rule by rule; nothing is sent.",
        discussion: """
            Who may send, rewriting, aliases, routes, logins and TLS are worked out as for a real message, and each step \
            says where its rule was written. Exits with 0 also where the message would be refused.
              martlet explain --from app@example.org --to user@example.net --client 10.0.0.7
              martlet explain --from a@example.org --to b@example.net --auth a@example.org --size 2000000
              martlet explain --from a@bank.example --to info@example.org --found "spf=fail dmarc=fail p=reject"
            """
    )

    @Option(help: ArgumentHelp("MAIL FROM: an address, or <>.", valueName: "address")) var from: String
    @Option(help: ArgumentHelp("RCPT TO; may be given again.", valueName: "address")) var to: [String]
    @Option(help: ArgumentHelp("The client's IP address; otherwise a stranger's.", valueName: "ip")) var client: String?
    @Option(help: ArgumentHelp("Who has logged in: an account, or a device's user name.", valueName: "login"))
    var auth: String?
    @Option(name: .customLong("header-from"), help: ArgumentHelp("The author in From.", valueName: "address"))
    var headerFrom: String?
    @Option(help: ArgumentHelp("The size of the message in octets.", valueName: "octets")) var size: Int?
    @Option(help: ArgumentHelp("The name of the listener the client came to.", valueName: "name"))
    var listener: String?
    @Option(
        name: .customLong("hold-for"),
        help: ArgumentHelp("The client wants it sent so much later, as with HOLDFOR.", valueName: "time"))
    var holdFor: String?
    @Option(
        help: ArgumentHelp(
            "What the checks of a stranger's message find: \"spf=fail dkim=none dmarc=fail p=reject\".",
            valueName: "results"))
    var found: String?
    @OptionGroup var options: ListOptions

    func run() async throws {
        var question = ExplainQuestion(
            from: from, to: to, client: client, auth: auth, headerFrom: headerFrom, size: size, listener: listener)
        question.holdFor = holdFor
        question.found = found
        try await options.perform(.explain(question))
    }
}
