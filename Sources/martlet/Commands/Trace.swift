import AdminService
import ArgumentParser

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show how messages came, what was decided and why, and each attempt to deliver them.",
        discussion: """
            For queued, delivered, returned and local mail, as long as trace.keep says.
              martlet trace --to user@example.org
              martlet trace --dmarc fail --spf pass
            """
    )

    @Argument(help: "The id of the message, as in the log, in Received and in martlet queue list.") var id: String?
    @Option(name: .customLong("message-id"), help: ArgumentHelp("By Message-ID.", valueName: "id")) var messageID:
        String?
    @Option(help: ArgumentHelp("That were for an address.", valueName: "address")) var to: String?
    @Option(help: ArgumentHelp("That came from an address.", valueName: "address")) var from: String?
    @Option(help: ArgumentHelp("Of which SPF found this: pass, fail, softfail …", valueName: "result")) var spf: String?
    @Option(help: ArgumentHelp("Of which a signature was found so.", valueName: "result")) var dkim: String?
    @Option(help: ArgumentHelp("Of which the chain of seals was found so.", valueName: "result")) var arc: String?
    @Option(help: ArgumentHelp("Of which DMARC found this.", valueName: "result")) var dmarc: String?
    @Option(help: ArgumentHelp("Of which the client's name was found so.", valueName: "result")) var iprev: String?
    @Option(help: ArgumentHelp("Messages at most, newest first.", valueName: "number")) var limit = 50
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard [id, messageID, to, from].compactMap(\.self).count + (found.isEmpty ? 0 : 1) == 1 else {
            throw ValidationError(
                "Give an id, one of --message-id, --to and --from, or some of --spf, --dkim, --arc, --dmarc and --iprev."
            )
        }
    }

    private var found: [String: String] {
        ["spf": spf, "dkim": dkim, "arc": arc, "dmarc": dmarc, "iprev": iprev].compactMapValues(\.self)
    }

    func run() async throws {
        var query = TraceQuery(id: id, messageID: messageID, to: to, from: from, limit: limit)
        query.found = found
        try await options.perform(.trace(query))
    }
}
