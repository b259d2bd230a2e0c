import Glibc
import MailConfig
import Sendmail

/// `martlet sendmail`, and the program under the names `sendmail`, `mailq` and `newaliases`.
package enum SendmailProgram {
    private static let names: Set<String> = ["sendmail", "mailq", "newaliases"]

    /// The name and the arguments where the program was called as one of these; nil otherwise.
    package static func call(_ arguments: [String]) -> (name: String, arguments: [String])? {
        let program = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
        if names.contains(program) { return (program, Array(arguments.dropFirst())) }
        guard arguments.count > 1, names.contains(arguments[1]) else { return nil }
        return (arguments[1], Array(arguments.dropFirst(2)))
    }

    /// Runs it; returns the exit code.
    package static func run(name: String, arguments: [String]) async -> Int32 {
        do {
            if arguments == ["--help"] || arguments == ["-h"] {
                try StandardOutput.write(help)
                return 0
            }
            let options = try SendmailOptions(name: name, arguments: arguments)
            return try await perform(options)
        } catch let misuse as SendmailOptions.Misuse {
            return complain(misuse.text, SendmailFailure.Status.usage.rawValue)
        } catch let failure as SendmailFailure {
            return complain(failure.text, failure.status.rawValue)
        } catch {
            let translated = AdminError(translating: error)
            return complain(translated.description, translated.status.rawValue)
        }
    }

    private static func perform(_ options: SendmailOptions) async throws -> Int32 {
        switch options.mode {
        case .newAliases: return 0
        case .listQueue:
            guard
                case .queue(let list) = try await CommandContext(configFile: options.config).perform(
                    .queueList(QueueFilter()))
            else {
                return 0
            }
            try StandardOutput.write(MailqText.render(list))
            return 0
        case .flushQueue:
            _ = try await CommandContext(configFile: options.config).perform(.queueFlush)
            return 0
        case .send, .smtp, .verify: break
        }
        ProcessLimits.ignoreBrokenPipes()
        let command = SendmailCommand(options: options, directory: try directory(options.config))
        switch options.mode {
        case .smtp: try command.speakSMTP()
        case .verify:
            let (lines, allGood) = try command.verify()
            try StandardOutput.write(lines.map { "\($0)\n" }.joined())
            return allGood ? 0 : SendmailFailure.Status.noUser.rawValue
        default: try command.send()
        }
        return 0
    }

    /// Where the server's socket and maildrop are. Users who may not read the manifest find them at their usual place.
    private static func directory(_ config: String?) throws -> String {
        do {
            let manifest = try ManifestFile.load(try ManifestFile.locate(config)).manifest
            guard manifest.sendmail.enabled else {
                throw SendmailFailure(.unavailable, "the manifest has sendmail.enabled: false")
            }
            return manifest.sendmailDirectory
        } catch let failure as SendmailFailure {
            throw failure
        } catch {
            let usual = ManifestFile.environment["MARTLET_SENDMAIL"] ?? "/var/lib/martlet/sendmail"
            guard config == nil, FileBytes.exists(usual) else { throw error }
            return usual
        }
    }

    private static func complain(_ text: String, _ status: Int32) -> Int32 {
        StandardError.write(text.split(separator: "\n").map { "sendmail: \($0)\n" }.joined())
        return status
    }

    private static let help = """
        USAGE: martlet sendmail [-t] [-i] [-f sender] [-F name] [-N dsn] [-R full|hdrs] [-V envid] [recipient ...]
               martlet sendmail -bs | -bv recipient ... | -bp | -q

        Takes a message on standard input, as the sendmail of other mail servers does. Works under the names sendmail,
        mailq and newaliases too. Exit codes are those of sysexits.h: 64 wrong usage, 65 malformed, 67 no such recipient,
        69 refused, 75 try again, 77 not permitted.

          -t            recipients stand in To, Cc and Bcc
          -i, -oi       a line with a dot alone does not end the message
          -f, -r        the envelope sender; <> is the null sender
          -F            the full name in From, where the message has none
          -bs           speak SMTP on standard input and output
          -bv           say whether recipients would be taken
          -bp           list the queue (mailq);  -q  try it now
          --config      the manifest (-C)
          -B -G -O -X -o* -v and others of old are taken and do nothing

        """
}
