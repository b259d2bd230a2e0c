import AdminService
import ArgumentParser
import MailSyntax

struct CheckSPFCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spf",
        abstract: "Check whether a client may use a sender's domain and a greeting, step by step.",
        discussion: """
            Prints the verdict, each step of the evaluation, and how many of the ten lookups were used. MAIL FROM is \
            checked where --from is given, HELO where --helo is. A domain alone stands for its postmaster; with \
            --from '<>' the greeting is checked as its sender.

            Exit code 0 for pass; 1 for fail, softfail, neutral and none; 65 for permerror, which the domain's owner \
            must mend; 75 for temperror. With both names it is that of MAIL FROM.
              martlet check spf --ip 192.0.2.1 --helo mail.example.org --from a@example.org
              martlet check spf --ip 2001:db8::1 --from a@example.org --dns 127.0.0.1:5353 --json
            """)
    @Option(help: ArgumentHelp("The client's IP address.", valueName: "ip")) var ip: String
    @Option(help: ArgumentHelp("What the client said in HELO or EHLO.", valueName: "name")) var helo: String?
    @Option(help: ArgumentHelp("MAIL FROM: an address, a domain, or <>.", valueName: "address")) var from: String?
    @OptionGroup var resolver: ResolverOption
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard IPAddress(ip) != nil else { throw ValidationError("--ip: \"\(ip)\" is not an IP address.") }
        guard helo == nil else { return }
        guard let from else { throw ValidationError("Give --from, --helo or both.") }
        guard ReversePath(from) != .null else {
            throw ValidationError("Without a sender the greeting is checked: add --helo.")
        }
    }

    func run() async throws {
        guard let client = IPAddress(ip) else { return }
        let check = try await SPFCheck.run(
            client: client, helo: helo, sender: from, dns: resolver.dns,
            config: options.config.config)
        try StandardOutput.write(options.json ? check.json() : check.text)
        if check.exitCode != 0 { throw ExitCode(check.exitCode) }
    }
}
