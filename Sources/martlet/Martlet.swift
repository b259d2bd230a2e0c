import AdminService
import ArgumentParser
import Glibc

/// The program: subcommands and wiring only.
@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A whole mail server: SMTP, IMAP, POP3, queue and signatures in one program.",
        discussion: "Begin with: martlet quickstart you@example.org",
        version: ServerVersion.text,
        subcommands: [
            Serve.self, QuickstartCommand.self, SelfTestCommand.self, Status.self, Reload.self, AccountCommand.self,
            AliasCommand.self, DomainCommand.self, DKIMCommand.self, DNSCommand.self, QueueCommand.self,
            ConfigCommand.self,
        ]
    )

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as AdminError {
            StandardError.write(error)
            Glibc.exit(error.status.rawValue)
        } catch let error where ExitCode.isOwn(error) {
            exit(withError: error)
        } catch {
            let translated = AdminError(translating: error)
            StandardError.write(translated)
            Glibc.exit(translated.status.rawValue)
        }
    }
}

extension ExitCode {
    /// Errors that the argument parser shows itself: usage, help, an exit code.
    static func isOwn(_ error: any Error) -> Bool {
        error is ExitCode || error is ValidationError || error is CleanExit
            || String(reflecting: type(of: error)).hasPrefix("ArgumentParser.")
    }
}
