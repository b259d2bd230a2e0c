import AdminService
import ArgumentParser

/// Which manifest; in every command.
struct ConfigOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The manifest; otherwise $MARTLET_CONFIG, /etc/martlet/martlet.yaml, ./martlet.yaml or "
                + "~/.local/share/martlet/martlet.yaml.",
            valueName: "file"))
    var config: String?

    /// Performs a request and prints what came of it.
    func perform(_ request: AdminRequest, json: Bool = false) async throws {
        let response = try await CommandContext(configFile: config).perform(request)
        try StandardOutput.write(response.output(json: json))
        try response.raiseProblems()
    }
}

extension AdminResponse {
    /// Says what is wrong with a part of what was printed, and ends the command with the code of a wrong manifest.
    func raiseProblems() throws {
        for problem in problems { StandardError.write(problem) }
        if !problems.isEmpty { throw ExitCode(AdminService.ExitStatus.config.rawValue) }
    }
}

/// In every command that lists.
struct ListOptions: ParsableArguments {
    @OptionGroup var config: ConfigOption

    @Flag(help: "Print JSON.")
    var json = false

    func perform(_ request: AdminRequest) async throws {
        try await config.perform(request, json: json)
    }
}

/// Where a password comes from: never from an argument, which everybody on the machine can read.
struct PasswordOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Take the password from the first line of a file.", valueName: "file"))
    var passwordFile: String?

    @Flag(name: .long, help: "Take the password from the first line of standard input.")
    var passwordStdin = false

    @Flag(name: .long, help: "Make up a password and print it.")
    var generate = false

    func validate() throws {
        guard [passwordFile != nil, passwordStdin, generate].filter({ $0 }).count <= 1 else {
            throw ValidationError("Give one of --password-file, --password-stdin and --generate.")
        }
    }

    var source: PasswordSource {
        if let passwordFile { return .file(passwordFile) }
        if passwordStdin { return .standardInput }
        return generate ? .generate : .prompt
    }

    /// Reads the password, performs the request made with it, and shows a password that was made up.
    func perform(_ config: ConfigOption, _ makeRequest: (String) -> AdminRequest) async throws {
        let (password, isGenerated) = try source.read()
        try await config.perform(makeRequest(password))
        if isGenerated { try StandardOutput.write("password: \(password)\n") }
    }
}
