import AdminService
import ArgumentParser
import MailFetch

struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Mail that is fetched from accounts of other servers.",
        discussion: """
            The server looks there again and again, or waits for news, and delivers each message once.
            """,
        subcommands: [FetchList.self, FetchAdd.self, FetchRemove.self, FetchRunCommand.self, FetchPause.self])
}

struct FetchList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what is fetched, how it fares, and what is wrong.")
    @OptionGroup var options: ListOptions
    func run() async throws { try await options.perform(.fetch(.list)) }
}

struct FetchAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Fetch mail of another account from now on.",
        discussion: """
            Without --keep a message is removed there once it is here. The file of the password is read by the server's user.

              martlet fetch add provider --account anna@example.org --pop3 pop.provider.example --user anna \
            --password-file /etc/martlet/provider.password
              martlet fetch add work --account anna@example.org --imap imap.work.example --user anna@work.example \
            --password-file /etc/martlet/work.password --keep --idle --mailbox Work
            """)
    @Argument(help: "What to call it.") var name: String
    @Option(help: ArgumentHelp("Whose mail it becomes.", valueName: "address")) var account: String
    @Option(help: ArgumentHelp("Where it goes.", valueName: "name")) var mailbox = "INBOX"
    @Option(help: ArgumentHelp("Fetch over IMAP from this host, or host:port.", valueName: "host")) var imap: String?
    @Option(help: ArgumentHelp("Fetch over POP3 from this host, or host:port.", valueName: "host")) var pop3: String?
    @Option(help: "tls, starttls or none.") var tls = "tls"
    @Flag(help: "Take any certificate, and send the password without TLS too.") var insecure = false
    @Option(help: ArgumentHelp("Authorities (PEM) instead of the system's.", valueName: "file")) var ca: String?
    @Option(help: ArgumentHelp("Who logs in there.", valueName: "name")) var user: String
    @Option(help: ArgumentHelp("The password: the first line of a file.", valueName: "file")) var passwordFile: String?
    @Option(help: ArgumentHelp("Log in with the OAuth2 token of this route instead.", valueName: "route"))
    var oauth2: String?
    @Option(help: ArgumentHelp("The mailbox there (IMAP).", valueName: "name")) var folder = "INBOX"
    @Flag(help: "Leave messages there.") var keep = false
    @Option(help: ArgumentHelp("How often, such as 5m.", valueName: "time")) var every = "5m"
    @Flag(help: "Wait for news on an open connection (IMAP).") var idle = false
    @Flag(help: "Only what comes from now on; what is there stays there.") var onlyNew = false
    @OptionGroup var config: ConfigOption

    func validate() throws {
        guard (imap != nil) != (pop3 != nil) else { throw ValidationError("Give --imap or --pop3.") }
        guard RemoteHost.Security(rawValue: tls) != nil else {
            throw ValidationError("--tls is tls, starttls or none.")
        }
    }

    func run() async throws {
        let (host, port) = try Self.endpoint(imap ?? pop3 ?? "")
        let definition = FetchJobDefinition(
            name: name, account: account, mailbox: mailbox, way: imap == nil ? "pop3" : "imap", host: host, port: port,
            security: tls, insecure: insecure, authorities: ca.map(CommandFile.absolute), user: user,
            passwordFile: passwordFile.map(CommandFile.absolute), oauth2Route: oauth2, folder: folder, keep: keep,
            every: try BanDuration.parse(every), idle: idle, onlyNew: onlyNew)
        try await config.perform(.fetch(.add(definition)))
    }

    /// `host`, `host:port`, `[2001:db8::1]:port`.
    private static func endpoint(_ text: String) throws -> (String, Int?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            return (String(text[..<end].dropFirst()), rest.hasPrefix(":") ? try port(rest.dropFirst()) : nil)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), try port(parts[1])) : (text, nil)
    }

    private static func port(_ text: Substring) throws -> Int {
        guard let port = Int(text) else { throw ValidationError("\(text) is not a port.") }
        return port
    }
}

struct FetchRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Fetch it no more. What came stays.")
    @Argument(help: "The job's name.") var name: String
    @OptionGroup var config: ConfigOption
    func run() async throws { try await config.perform(.fetch(.remove(name: name))) }
}

struct FetchRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Look for mail now.")
    @Argument(help: "The job's name.") var name: String
    @Flag(help: "Fetch everything once more, also what came before.") var again = false
    @Flag(help: "Take what is there for fetched.") var skip = false
    @OptionGroup var config: ConfigOption

    func validate() throws {
        guard !(again && skip) else { throw ValidationError("Give --again or --skip.") }
    }

    func run() async throws { try await config.perform(.fetch(.run(name: name, again: again, skipping: skip))) }
}

struct FetchPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Fetch nothing for a while, or go on with --off.")
    @Argument(help: "The job's name.") var name: String
    @Flag(help: "Go on.") var off = false
    @OptionGroup var config: ConfigOption
    func run() async throws { try await config.perform(.fetch(.pause(name: name, paused: !off))) }
}
