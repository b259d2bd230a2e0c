import Glibc

/// Where a command takes a password from. Never from its arguments: everybody on the machine can read those.
package enum PasswordSource: Sendable, Equatable {
    case file(String)
    case standardInput
    case generate
    /// Asks at the terminal, twice; an error when there is none.
    case prompt

    /// The password, and whether it was made up here and must be shown.
    package func read() throws -> (password: String, isGenerated: Bool) {
        switch self {
        case .file(let path): (try Self.firstLine(of: path), false)
        case .standardInput: (try Self.firstLine(from: STDIN_FILENO, named: "standard input"), false)
        case .generate: (PasswordGenerator.make(), true)
        case .prompt: (try Self.ask(), false)
        }
    }

    private static func firstLine(of path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AdminError(.noInput, SystemError("read \(path)").description) }
        defer { close(descriptor) }
        return try firstLine(from: descriptor, named: path)
    }

    private static func firstLine(from descriptor: Int32, named name: String) throws -> String {
        try checked(try text(from: descriptor, named: name), from: name)
    }

    private static func text(from descriptor: Int32, named name: String) throws -> String {
        let line = try FileBytes.firstLine(from: descriptor, named: name, limit: 64 * 1024)
        guard let text = String(validating: line, as: UTF8.self) else {
            throw AdminError(.data, "the password in \(name) is not UTF-8 text")
        }
        return text
    }

    private static func checked(_ password: String, from source: String) throws -> String {
        guard !password.isEmpty else {
            throw AdminError(.data, "there is no password in \(source)", remedy: "put it on the first line")
        }
        guard password.utf8.count <= 1024, !password.utf8.contains(0) else {
            throw AdminError(.data, "the password in \(source) is too long or holds a zero octet")
        }
        return password
    }

    private static func ask() throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw AdminError(
                .usage,
                "no password was given",
                remedy: "use --password-file FILE, --password-stdin or --generate"
            )
        }
        let first = try hiddenLine("Password: ")
        let second = try hiddenLine("Again: ")
        guard first == second else { throw AdminError(.data, "the two passwords differ") }
        return try checked(first, from: "what was typed")
    }

    private static func hiddenLine(_ prompt: String) throws -> String {
        StandardError.write(prompt)
        var old = termios()
        tcgetattr(STDIN_FILENO, &old)
        var quiet = old
        quiet.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &old)
            StandardError.write("\n")
        }
        return try text(from: STDIN_FILENO, named: "what was typed")
    }
}

/// Makes passwords that can be read out over the telephone: four groups of five, 98 bits.
package enum PasswordGenerator {
    /// Without letters that look like others.
    private static let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")

    package static func make() -> String {
        var source = SystemRandomNumberGenerator()
        return make(using: &source)
    }

    static func make(using source: inout some RandomNumberGenerator) -> String {
        (0..<4).map { _ in
            String((0..<5).map { _ in alphabet[Int.random(in: alphabet.indices, using: &source)] })
        }.joined(separator: "-")
    }
}
