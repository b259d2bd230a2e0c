import AdminService
import ArgumentParser
import MailSyntax

struct CheckMessageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message",
        abstract: "Verify a message's DKIM signatures and ARC chain, SPF for the session it came by, and DMARC.",
        discussion: """
            Prints each verdict with its reason, and the Authentication-Results field that a server would add. Lines of \
            the file may end in CRLF or LF; - reads standard input. SPF is checked for --helo and --from where --ip is \
            given. Exit code 0 when DMARC, a signature or SPF passes, 1 when nothing does, 75 when nothing does and the \
            DNS failed for now.
              martlet check message mail.eml
              martlet check message mail.eml --ip 192.0.2.1 --helo mail.example.org --from a@example.org --json
            """)
    @Argument(help: ArgumentHelp("The message.", valueName: "file")) var file: String
    @Option(help: ArgumentHelp("The client's IP address.", valueName: "ip")) var ip: String?
    @Option(help: ArgumentHelp("What the client said in HELO or EHLO.", valueName: "name")) var helo: String?
    @Option(help: ArgumentHelp("MAIL FROM: an address, or <>.", valueName: "address")) var from: String?
    @OptionGroup var resolver: ResolverOption
    @OptionGroup var options: ListOptions

    func validate() throws {
        guard ip != nil || (helo == nil && from == nil) else {
            throw ValidationError("--helo and --from are checked against the client's address: add --ip.")
        }
        if let ip, IPAddress(ip) == nil { throw ValidationError("--ip: \"\(ip)\" is not an IP address.") }
        if let from, ReversePath(from) == nil { throw ValidationError("--from: \"\(from)\" is not an address or <>.") }
    }

    func run() async throws {
        let session = MessageCheck.Session(
            client: ip.flatMap { IPAddress($0) }, helo: helo, sender: from.flatMap { ReversePath($0) })
        let check = try await MessageCheck.run(
            file, session: session, dns: resolver.dns, config: options.config.config)
        try StandardOutput.write(options.json ? check.json() : check.text)
        guard check.passes else { throw ExitCode(check.isTemporary ? 75 : 1) }
    }
}

struct CheckARCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "arc",
        abstract: "Validate a message's ARC chain, custodian by custodian.",
        discussion: """
            Exit code 0 when the chain passes, 1 when it fails or there is none, 75 when it fails because the DNS \
            does not answer for now.
              martlet check arc mail.eml
            """)
    @Argument(help: ArgumentHelp("The message; - reads standard input.", valueName: "file")) var file: String
    @OptionGroup var resolver: ResolverOption
    @OptionGroup var options: ListOptions

    func run() async throws {
        let check = try await MessageCheck.run(file, dns: resolver.dns, config: options.config.config)
        try StandardOutput.write(options.json ? check.arcJSON() : check.arcText)
        guard check.arcPasses else { throw ExitCode(check.arc.isTemporary ? 75 : 1) }
    }
}
