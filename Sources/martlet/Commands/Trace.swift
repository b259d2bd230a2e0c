import AdminService
import ArgumentParser

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show how messages came, what was decided and why, and each attempt to deliver them.",
        discussion: "For queued, delivered, returned and local mail, as long as trace.keep says."
    )

    @Argument(help: "The id of the message, as in the log, in Received and in martlet queue list.") var id: String?
    @Option(name: .customLong("message-id"), help: ArgumentHelp("By Message-ID.", valueName: "id")) var messageID:
        String?
    @Option(help: ArgumentHelp("That were for an address.", valueName: "address")) var to: String?
    @Option(help: ArgumentHelp("That came from an address.", valueName: "address")) var from: String?
    @Option(help: ArgumentHelp("Messages at most, newest first.", valueName: "number")) var limit = 50
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard [id, messageID, to, from].compactMap(\.self).count == 1 else {
            throw ValidationError("Give an id, or one of --message-id, --to and --from.")
        }
    }

    func run() async throws {
        let query = TraceQuery(id: id, messageID: messageID, to: to, from: from, limit: limit)
        try await options.perform(.trace(query))
    }
}
