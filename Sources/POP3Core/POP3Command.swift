/// What a client asks for.
package enum POP3Command: Sendable, Equatable {
    case capabilities
    case user([UInt8])
    case pass([UInt8])
    /// The mechanism's name and the initial response as it stands on the line.
    case auth(mechanism: String, initialResponse: [UInt8]?)
    /// `AUTH` alone, by which Outlook Express and its successors ask for the mechanisms.
    case authList
    case startTLS
    case stat
    case list(Int?)
    case uidList(Int?)
    case retrieve(Int)
    case top(Int, lines: Int)
    case delete(Int)
    case reset
    case noop
    /// Speak this language; nil: say which there are.
    case language([UInt8]?)
    /// Messages may come with UTF-8 in their headers.
    case utf8
    case quit
}

/// Why a line is not a command.
package enum POP3CommandError: Error, Sendable, Equatable {
    case unknown
    case missingArgument
    case unexpectedArgument
    case badNumber
    case badArgument

    /// The text of the reply.
    package var text: String {
        switch self {
        case .unknown: "unknown command"
        case .missingArgument: "argument missing"
        case .unexpectedArgument: "too many arguments"
        case .badNumber: "not a number"
        case .badArgument: "bad argument"
        }
    }
}

extension POP3Command {
    /// Reads a line, given without its line end. Keywords have no case.
    // RFC 1939 §3
    package init(parsing line: [UInt8]) throws(POP3CommandError) {
        let space = UInt8(ascii: " ")
        let verbEnd = line.firstIndex(of: space) ?? line.endIndex
        guard (3...4).contains(verbEnd) else { throw .unknown }
        // ASCII alone: Unicode's rules make a PASS of "pa\u{DF}".
        let verb = String(
            decoding: line[..<verbEnd].map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
        let rest = verbEnd < line.endIndex ? line[(verbEnd + 1)...] : []
        switch verb {
        case "USER":
            self = .user(try Self.text(Self.trimmed(rest)))
        case "PASS":
            // RFC 1939 §7: PASS has one argument, so spaces are part of it
            self = .pass(try Self.text(rest))
        default:
            let arguments = rest.split(separator: space).map { Array($0) }
            self = try Self.fixed(verb, arguments)
        }
    }

    private static func fixed(_ verb: String, _ arguments: [[UInt8]]) throws(POP3CommandError) -> POP3Command {
        switch verb {
        case "CAPA": return try without(arguments, .capabilities)
        case "STLS": return try without(arguments, .startTLS)
        case "STAT": return try without(arguments, .stat)
        case "RSET": return try without(arguments, .reset)
        case "NOOP": return try without(arguments, .noop)
        case "QUIT": return try without(arguments, .quit)
        // RFC 6856 §2.1: no parameters
        case "UTF8": return try without(arguments, .utf8)
        case "LIST": return .list(try optionalNumber(arguments))
        case "UIDL": return .uidList(try optionalNumber(arguments))
        case "RETR": return .retrieve(try onlyNumber(arguments))
        case "DELE": return .delete(try onlyNumber(arguments))
        case "TOP": return try top(arguments)
        case "AUTH": return try auth(arguments)
        case "LANG":
            guard arguments.count <= 1 else { throw .unexpectedArgument }
            return .language(arguments.first)
        default: throw .unknown
        }
    }

    private static func without(
        _ arguments: [[UInt8]], _ command: POP3Command
    ) throws(POP3CommandError) -> POP3Command {
        guard arguments.isEmpty else { throw .unexpectedArgument }
        return command
    }

    private static func optionalNumber(_ arguments: [[UInt8]]) throws(POP3CommandError) -> Int? {
        arguments.isEmpty ? nil : try onlyNumber(arguments)
    }

    private static func onlyNumber(_ arguments: [[UInt8]]) throws(POP3CommandError) -> Int {
        guard let first = arguments.first else { throw .missingArgument }
        guard arguments.count == 1 else { throw .unexpectedArgument }
        return try number(first)
    }

    private static func top(_ arguments: [[UInt8]]) throws(POP3CommandError) -> POP3Command {
        guard arguments.count >= 2 else { throw .missingArgument }
        guard arguments.count == 2 else { throw .unexpectedArgument }
        return .top(try number(arguments[0]), lines: try number(arguments[1]))
    }

    private static func auth(_ arguments: [[UInt8]]) throws(POP3CommandError) -> POP3Command {
        guard let first = arguments.first else { return .authList }
        guard arguments.count <= 2 else { throw .unexpectedArgument }
        // RFC 4422 §3.1: mechanism names are 1 to 20 letters, digits, hyphens and underscores
        guard first.count <= 20, first.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .badArgument }
        let response = arguments.count == 2 ? arguments[1] : nil
        return .auth(mechanism: String(decoding: first, as: UTF8.self).uppercased(), initialResponse: response)
    }

    private static func number(_ digits: [UInt8]) throws(POP3CommandError) -> Int {
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { throw .badNumber }
            // Nothing is that large; capping keeps a long number what it is: one that no message has.
            value = min(value * 10 + Int(digit - UInt8(ascii: "0")), 1_000_000_000_000)
        }
        return value
    }

    private static func text(_ argument: ArraySlice<UInt8>) throws(POP3CommandError) -> [UInt8] {
        guard !argument.isEmpty else { throw .missingArgument }
        guard !argument.contains(0), !argument.contains(UInt8(ascii: "\r")) else { throw .badArgument }
        return Array(argument)
    }

    private static func trimmed(_ argument: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var argument = argument.drop { $0 == UInt8(ascii: " ") }
        while argument.last == UInt8(ascii: " ") { argument.removeLast() }
        return argument
    }
}

extension POP3Command: CustomStringConvertible, CustomDebugStringConvertible {
    /// The command's keyword; never its arguments, among which are passwords.
    package var description: String {
        switch self {
        case .capabilities: "CAPA"
        case .user: "USER"
        case .pass: "PASS"
        case .auth, .authList: "AUTH"
        case .startTLS: "STLS"
        case .stat: "STAT"
        case .list: "LIST"
        case .uidList: "UIDL"
        case .retrieve: "RETR"
        case .top: "TOP"
        case .delete: "DELE"
        case .reset: "RSET"
        case .noop: "NOOP"
        case .language: "LANG"
        case .utf8: "UTF8"
        case .quit: "QUIT"
        }
    }

    package var debugDescription: String { description }
}
