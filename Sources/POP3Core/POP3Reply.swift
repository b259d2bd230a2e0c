/// Replies as octets.
package enum POP3Reply {
    /// The line that ends a multi-line reply.
    package static let end = Array(".\r\n".utf8)

    static func ok(_ text: String) -> [UInt8] {
        Array("+OK \(text)\r\n".utf8)
    }

    static func error(_ text: String, _ code: Code? = nil) -> [UInt8] {
        if let code { return Array("-ERR [\(code.rawValue)] \(text)\r\n".utf8) }
        return Array("-ERR \(text)\r\n".utf8)
    }

    static func lines(_ text: String, _ lines: [String]) -> [UInt8] {
        ok(text) + lines.flatMap { Array("\($0)\r\n".utf8) } + end
    }

    /// The codes in brackets. No other text begins with a bracket.
    // RFC 2449 §8, RFC 3206 §4 and §5
    enum Code: String {
        case inUse = "IN-USE"
        case loginDelay = "LOGIN-DELAY"
        case auth = "AUTH"
        case temporary = "SYS/TEMP"
        case permanent = "SYS/PERM"
    }
}
