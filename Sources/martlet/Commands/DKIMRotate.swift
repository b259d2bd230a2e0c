import AdminService
import ArgumentParser

extension DKIMCommand {
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace a domain's keys: make the next ones, and switch when the DNS has them.",
            discussion: """
                Prints the records to add. The server asks the DNS for them by itself, for as long as it takes; then it signs \
                with the new keys, and retires the old ones after dkim.retire_after. Run again, the command looks at once and \
                says how things stand. Everything goes on after a restart.

                  martlet dkim rotate example.org
                  martlet dkim rotate example.org --algorithm rsa --selector s2027
                  martlet dkim rotate example.org --cancel
                """)
        @Argument(help: "A domain of this server.") var domain: String
        @Option(help: "rsa or ed25519; those of the keys that sign when it is left out.") var algorithm: [String] = []
        @Option(help: "The next key's name in the DNS; made of the date when it is left out.") var selector: String?
        @Flag(help: "Forget keys that still wait for their records.") var cancel = false
        @Flag(help: "Sign with the next keys at once, whether the DNS has their records or not.") var now = false
        @OptionGroup var options: ListOptions

        func run() async throws {
            try await options.perform(
                .dkimRotate(
                    KeyRotationQuestion(
                        domain: domain, algorithms: algorithm, selector: selector, cancel: cancel, now: now)))
        }
    }
}
