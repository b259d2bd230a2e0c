import AdminService
import ArgumentParser

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Messages that wait to leave.",
        subcommands: [
            List.self, Show.self, Summary.self, Retry.self, Hold.self, Release.self, Edit.self, Requeue.self,
            Bounce.self, Remove.self, Flush.self, QueueRuleCommand.self,
        ]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List queued messages, oldest first.")
        @OptionGroup var filter: QueueFilterOptions
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.queueList(filter.filter())) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a message's recipients, replies and header.")
        @Argument(help: "The id of the message: see martlet queue list.") var id: String
        @Flag(help: "Show the whole message instead.") var message = false
        @Flag(help: "Show the header too, as is done without it.") var header = false
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(message ? .queueMessage(id: id) : .queueShow(id: id)) }
    }

    struct Summary: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show why messages wait: reasons by destination, with counts.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.queueSummary) }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try messages now; ends a hold.")
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.retry) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep messages from being sent.",
            discussion:
                "Until they are released or retried. An attempt that is under way goes on. For messages that are "
                + "yet to come see: martlet queue rule add hold")
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.hold) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a hold.",
            discussion: "A message that waits for the time its sender chose is sent now, if it is named by its id.")
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.release) }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set when messages are tried next.")
        @Option(help: ArgumentHelp("+30m, +2h, or UTC as 2026-11-21T10:00:00Z.", valueName: "time"))
        var nextAttempt: String
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.nextAttempt(time: nextAttempt)) }
    }

    struct Requeue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send messages by another route, from now on.",
            discussion: "Without --route the route is found again, as for new messages.")
        @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String] = []
        @Option(help: ArgumentHelp("The route they take, whatever the rules say.", valueName: "name"))
        var route: String?
        @Option(help: ArgumentHelp("From an address, a domain, or <> for bounces.", valueName: "address"))
        var from: String?
        @Option(help: ArgumentHelp("For an address or a domain.", valueName: "address")) var to: String?
        @OptionGroup var config: ConfigOption
        func run() async throws {
            var filter = QueueFilter(ids: ids)
            filter.from = from
            filter.to = to
            try await config.perform(.queueChange(.route(name: route), filter))
        }
    }

    struct Bounce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take messages out and tell their senders.")
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.bounce) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take messages out; nobody is told.")
        @OptionGroup var chosen: QueueChoice
        func run() async throws { try await chosen.perform(.remove) }
    }

    struct Flush: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try everything that is not held now.")
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueFlush) }
    }
}

/// Which messages, by what they have in common.
struct QueueFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("From an address, a domain, or <> for bounces.", valueName: "address")) var from: String?
    @Option(help: ArgumentHelp("For an address or a domain.", valueName: "address")) var to: String?
    @Option(help: ArgumentHelp("That take a route.", valueName: "name")) var route: String?
    @Flag(help: "That are held.") var held = false
    @Flag(help: "That were tried without success.") var deferred = false

    func filter(_ ids: [String] = []) -> QueueFilter {
        var filter = QueueFilter(ids: ids)
        filter.from = from
        filter.to = to
        filter.route = route
        filter.isHeld = held
        filter.isDeferred = deferred
        return filter
    }
}

/// Messages by id or by what they have in common; recipients that don't fit are left alone.
struct QueueChoice: ParsableArguments {
    @Argument(help: "The ids of messages: see martlet queue list.") var ids: [String] = []
    @OptionGroup var filter: QueueFilterOptions
    @OptionGroup var config: ConfigOption

    func perform(_ change: QueueChange) async throws {
        try await config.perform(.queueChange(change, filter.filter(ids)))
    }
}

struct QueueRuleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule",
        abstract: "Rules of an operator that hold messages when they come.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hold messages that fit, until they are released.")
        enum Kind: String, ExpressibleByArgument {
            case hold
        }
        @Argument(help: "What the rule does: hold.") var kind: Kind
        @Option(help: ArgumentHelp("From an address or domain.", valueName: "address")) var from: String?
        @Option(help: ArgumentHelp("For an address or domain.", valueName: "address")) var to: String?
        @Option(help: ArgumentHelp("That take a route.", valueName: "name")) var route: String?
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueRuleAdd(from: from, to: to, route: route)) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the rules.")
        @OptionGroup var options: ListOptions
        func run() async throws { try await options.perform(.queueRuleList) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a rule; what it held is held until released.")
        @Argument(help: "The number of the rule: see martlet queue rule list.") var id: Int
        @OptionGroup var config: ConfigOption
        func run() async throws { try await config.perform(.queueRuleRemove(id: id)) }
    }
}
