/// Why a command was refused before it was carried out.
package struct IMAPParseError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// No tag could be read: answer `* BAD`.
        case badTag
        case unknownCommand
        case syntax
        /// A number is zero where it must not be, or too large.
        case numberRange
        /// An octet that may not stand there: NUL, CR, LF, 8-bit.
        case forbiddenOctet
        /// More than `IMAPLimits` allows.
        case limit
        /// Not modified UTF-7 (or UTF-8), or control characters in it.
        case mailboxName
        case date
        /// A literal where the framer never lets one through (sizes disagree).
        case literal
        /// `~{…}` where no message stands.
        case binaryLiteral
        /// A message of APPEND is larger than `IMAPLimits.appendSize`.
        case messageTooLarge
        /// Something optional this server does not know, such as a search key or a fetch item.
        case unknownItem
    }

    package let code: Code
    /// From the first octet of the command.
    package let offset: Int
    /// Says what was expected; safe to send.
    package let hint: StaticString
    /// When it was readable.
    package internal(set) var tag: String?

    init(_ code: Code, at offset: Int, _ hint: StaticString, tag: String? = nil) {
        self.code = code
        self.offset = offset
        self.hint = hint
        self.tag = tag
    }

    /// The completion to answer with: a well-formed command with an impossible name is NO, anything else BAD.
    package var condition: IMAPStatus.Condition {
        switch code {
        case .mailboxName, .binaryLiteral, .messageTooLarge: .no
        default: .bad
        }
    }

    /// The response code that belongs to it, if one does.
    package var responseCode: IMAPResponseCode? {
        switch code {
        case .mailboxName: .cannot
        case .binaryLiteral: .unknownCTE
        case .limit: .limit
        case .messageTooLarge: .tooBig
        default: .clientBug
        }
    }

    package var description: String { "\(hint) (at octet \(offset))" }

    package static func == (left: Self, right: Self) -> Bool {
        left.code == right.code && left.offset == right.offset && left.tag == right.tag
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(offset)
        hasher.combine(tag)
    }
}
