import MailSyntax

/// The grammar of RFC 5321 §4.1.1 and of the extensions that are offered.
package struct SMTPCommandParser: Sendable {
    package var workarounds: SMTPWorkarounds = .all
    /// DSN parameters are known only where the extension is offered.
    package var offersDSN = false
    /// So is REQUIRETLS.
    package var offersRequireTLS = false
    /// So are HOLDFOR and HOLDUNTIL.
    package var offersFutureRelease = false
    /// The parameter AUTH of MAIL is known only where the extension is offered.
    package var offersAuthentication = false

    /// LHLO instead of HELO and EHLO. // RFC 2033 §4.1
    package var isLMTP = false

    package init() {}

    /// - Parameter line: without its CRLF.
    package func parse(_ line: [UInt8]) throws(SMTPSyntaxError) -> SMTPCommand {
        // Trailing white space is dropped. // RFC 5321 §4.1.1
        var trimmed = line[...]
        while let last = trimmed.last, last == 0x20 || last == 0x09 { trimmed.removeLast() }
        let end = trimmed.firstIndex(of: 0x20) ?? trimmed.endIndex
        let verb = Self.keyword(trimmed[..<end])
        let argument = trimmed[end...].drop { $0 == 0x20 }
        switch verb {
        case "HELO" where !isLMTP: return .helo(try hello(argument))
        case "EHLO" where !isLMTP: return .ehlo(try hello(argument))
        case "LHLO" where isLMTP: return .ehlo(try hello(argument))
        case "MAIL": return .mail(try mail(argument))
        case "RCPT": return .rcpt(try rcpt(argument))
        case "BDAT": return try bdat(argument)
        case "AUTH": return try auth(argument)
        case "NOOP": return .noop  // RFC 5321 §4.1.1.9: an argument is ignored
        case "HELP": return .help
        case "VRFY": return .vrfy(try text(argument))
        case "EXPN": return .expn(try text(argument))
        case "XCLIENT": return .xclient(try SMTPXClient(argument))
        case "DATA": return try bare(.data, argument)
        case "STARTTLS": return try bare(.startTLS, argument)
        case "RSET": return try bare(.rset, argument)
        case "QUIT": return try bare(.quit, argument)
        default: throw Self.isOtherProtocol(verb, line) ? .otherProtocol : .unknownCommand
        }
    }

    // Web browsers and scanners on port 25: cross-protocol attacks reach a mail server through them.
    private static func isOtherProtocol(_ verb: String, _ line: [UInt8]) -> Bool {
        switch verb {
        case "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE", "HOST:", "PRI", "PROXY":
            true
        default:
            line.first == 0x16 || verb.hasPrefix("USER-AGENT:") || verb.hasPrefix("CONTENT-")
        }
    }

    private func bare(
        _ command: SMTPCommand,
        _ argument: ArraySlice<UInt8>
    ) throws(SMTPSyntaxError) -> SMTPCommand {
        // RFC 5321 §4.1.1.4 and its neighbours: no parameters
        guard argument.isEmpty else { throw .arguments(.badArguments("\(command.verb) takes no arguments")) }
        return command
    }

    // RFC 5321 §4.1.1.1 asks for a domain or literal; clients give all sorts of names, so any printable word is taken.
    private func hello(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> String {
        let isWord = argument.allSatisfy { $0 > 32 && $0 != 127 }
        guard !argument.isEmpty, argument.count <= 255, isWord,
            let name = String(validating: argument, as: UTF8.self)
        else { throw .arguments(.badArguments("Syntax: \(isLMTP ? "LHLO" : "EHLO") hostname")) }
        return name
    }

    private func text(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> String {
        guard !argument.isEmpty else { throw .arguments(.badArguments("An argument is required")) }
        return String(decoding: argument, as: UTF8.self)
    }

    // RFC 3030 §2
    private func bdat(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> SMTPCommand {
        let words = argument.split(separator: 0x20)
        let isLast = words.count == 2 && Self.keyword(words[1]) == "LAST"
        guard let first = words.first, words.count == 1 || isLast, let size = Self.number(first, digits: 18) else {
            throw .arguments(.badArguments("Syntax: BDAT size [LAST]"))
        }
        return .bdat(size: size, isLast: isLast)
    }

    // RFC 4954 §4
    private func auth(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> SMTPCommand {
        let words = argument.split(separator: 0x20)
        guard let mechanism = words.first, words.count <= 2 else {
            throw .arguments(.badArguments("Syntax: AUTH mechanism [initial-response]"))
        }
        return .auth(
            mechanism: Self.keyword(mechanism),
            initialResponse: words.count == 2 ? Array(words[1]) : nil
        )
    }

    /// In capitals, ASCII alone: Unicode's rules make "\u{17F}TARTTLS" a STARTTLS that the framer hasn't paused at.
    static func keyword(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
    }

    static func number(_ digits: ArraySlice<UInt8>, digits maximum: Int) -> Int? {
        guard !digits.isEmpty, digits.count <= maximum else { return nil }
        var value = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + Int(digit - 48)  // At most 18 digits: no overflow.
        }
        return value
    }
}
