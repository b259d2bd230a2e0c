import AdminService
import ArgumentParser
import Glibc

/// The program: subcommands and wiring only.
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A whole mail server: SMTP, IMAP, POP3, queue and signatures in one program.",
        discussion: """
            Begin with:
              martlet quickstart you@example.org
              martlet serve

            Commands talk to the running server over its control socket, or work on the data directory when none runs. \
            Those that list have --json. Exit codes are those of sysexits.h: 64 wrong usage, 65 malformed, 67 no such \
            account, 68 no such domain, 69 no server or not possible now, 73 exists already, 75 try again, \
            77 not permitted, 78 wrong manifest.
            """,
        version: ServerVersion.text,
        subcommands: [
            Serve.self, QuickstartCommand.self, SelfTestCommand.self, Status.self, Reload.self, AccountCommand.self,
            AliasCommand.self, DomainCommand.self, DKIMCommand.self, DNSCommand.self, QueueCommand.self,
            BanCommand.self, ReportsCommand.self, ExplainCommand.self, TraceCommand.self, RouteCommand.self,
            SendmailHelp.self, MailboxCommand.self, UndeleteCommand.self, TableCommand.self, CheckCommand.self,
            MessageCommand.self, ConfigCommand.self,
            ImportCommand.self, ExportCommand.self, FetchCommand.self,
        ]
    )
}

@main
enum Program {
    /// Runs the command on the concurrency pool and keeps the main thread.
    ///
    /// An asynchronous `main` would end the main thread and leave it as a zombie with the credentials of the start: the
    /// process would look like root's in every listing after its privileges were given up.
    nonisolated static func main() {
        ProcessLimits.openStandardDescriptors()
        // Ends the process itself; nobody cancels it. The pool is named because an optimised build would otherwise start
        // the task on the main actor, which never runs again.
        Task(executorPreference: globalConcurrentExecutor) { await perform() }
        while true { pause() }
    }

    @concurrent
    private static func perform() async {
        // Options of old programs, which no parser of today reads.
        if let call = SendmailProgram.call(CommandLine.arguments) {
            exit(await SendmailProgram.run(name: call.name, arguments: call.arguments))
        }
        do {
            var command = try Martlet.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            exit(ExitStatus.ok.rawValue)
        } catch let error as AdminError {
            fail(error)
        } catch let error where isParsersOwn(error) {
            Martlet.exit(withError: error)
        } catch {
            fail(AdminError(translating: error))
        }
    }

    private static func fail(_ error: AdminError) -> Never {
        StandardError.write(error)
        exit(error.status.rawValue)
    }

    /// Usage, help, version and exit codes, which the argument parser shows itself.
    private static func isParsersOwn(_ error: any Error) -> Bool {
        error is ExitCode || error is ValidationError || error is CleanExit
            || String(reflecting: type(of: error)).hasPrefix("ArgumentParser.")
    }
}
