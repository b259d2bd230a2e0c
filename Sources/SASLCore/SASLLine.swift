import MailSyntax

/// A client's line during authentication in SMTP, IMAP and POP3, where messages travel as base64.
package enum SASLLine: Sendable, Equatable {
    /// The decoded message; may be empty.
    case response([UInt8])
    /// The client gave up with `*`.
    case cancel
    /// Not base64, or longer than `SASLLimits.line`.
    case malformed

    /// Reads a continuation line, given without its line end.
    package init(continuation line: some Collection<UInt8>) {
        // RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2
        if line.count == 1, line.first == UInt8(ascii: "*") {
            self = .cancel
        } else {
            self = Self.decode(line)
        }
    }

    /// Reads the initial response on the command line, where `=` stands for an empty one.
    package init(initialResponse argument: some Collection<UInt8>) {
        // RFC 4954 §4, RFC 5034 §4, RFC 4959 §3
        if argument.count == 1, argument.first == UInt8(ascii: "=") {
            self = .response([])
        } else {
            self = argument.isEmpty ? .malformed : Self.decode(argument)
        }
    }

    /// The base64 text of a challenge or response, without `+ `, `334 ` or a line end.
    package static func encode(_ message: some Collection<UInt8>) -> String {
        Base64.encode(message)
    }

    private static func decode(_ line: some Collection<UInt8>) -> SASLLine {
        guard line.count <= SASLLimits.line, let bytes = Base64.decode(line) else { return .malformed }
        return .response(bytes)
    }
}
