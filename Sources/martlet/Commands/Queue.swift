import AdminService
import ArgumentParser

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Messages that wait to leave.",
        subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Remove.self, Flush.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List queued messages, oldest first.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.queueList) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a message's recipients, replies and header.")
        @Argument(help: "The id of the message: see martlet queue list.") var id: String
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.queueShow(id: id)) }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try messages now; ends a hold.")
        @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueRetry(ids: ids)) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep messages from being sent.",
            discussion: "Until they are released or retried. An attempt that is under way goes on.")
        @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueHold(ids: ids)) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a hold.")
        @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueRelease(ids: ids)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take messages out; nobody is told.")
        @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String]
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueRemove(ids: ids)) }
    }

    struct Flush: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try everything that is not held now.")
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueFlush) }
    }
}
