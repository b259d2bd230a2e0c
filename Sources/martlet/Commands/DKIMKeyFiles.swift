import AdminService
import ArgumentParser

// Keys that come from other programs, and that go to them.
extension DKIMCommand {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take over a key from OpenDKIM or another program.",
            discussion: """
                FILE is a private key in PEM form (PKCS #1 or PKCS #8, RSA or Ed25519), such as mail.private of
                opendkim-genkey; mail.txt beside it says which domain and selector it is for. It signs at once. The
                domain has to be one of this server: martlet domain add.

                  martlet dkim import /etc/opendkim/keys/example.org/mail.private
                  martlet dkim import old.pem --domain example.org --selector mail
                """)
        @Argument(help: "The private key.") var file: String
        @Option(help: "The domain that it signs for; without it the one that FILE's .txt names.") var domain: String?
        @Option(help: "The key's name in the DNS; without it the one that FILE's .txt names.") var selector: String?
        @OptionGroup var config: ConfigOption

        func run() async throws {
            let key = try DKIMKeyFile.read(file, domain: domain, selector: selector)
            try await config.perform(
                .dkimImport(domain: key.domain, selector: key.selector, privateKey: key.pem))
            for remark in key.remarks { StandardError.write("martlet: \(remark)\n") }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a private key, or write it to a file.",
            discussion: """
                The key comes in PEM form (PKCS #8), which OpenDKIM, rspamd and others read.

                  martlet dkim export example.org rsa1 --output rsa1.private
                  martlet dkim export example.org rsa1 --public
                """)
        @Argument(help: "A domain of this server.") var domain: String
        @Argument(help: "The key's name in the DNS.") var selector: String
        @Flag(help: "Only the TXT record that publishes the key.") var `public` = false
        @Option(help: "A new file for the private key, which only its owner may read.") var output: String?
        @OptionGroup var options: ListOptions

        func run() async throws {
            let context = try CommandContext(configFile: options.config.config)
            let request: AdminRequest =
                `public`
                ? .dkimRecord(domain: domain, selector: selector) : .dkimExport(domain: domain, selector: selector)
            let response = try await context.perform(request)
            switch response {
            case .keys(let list) where !options.json: try StandardOutput.write(list.keys.map(\.zoneLine).joined())
            case .key(let key) where output != nil: try DKIMExport.write(key, to: output ?? "")
            case .key(let key) where !options.json: try StandardOutput.write(key.privateKey)
            default: try StandardOutput.write(response.output(json: options.json))
            }
        }
    }
}
