/// Why a piece of mail syntax could not be read.
package struct MailParseError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        case badAddress
        case badDomain
        case badDate
        case badEncoding
        case badIndex
        case tooLong
        case truncated
    }

    package let code: Code
    /// Octet at which reading stopped.
    package let offset: Int
    package let hint: StaticStringHint

    package init(_ code: Code, offset: Int = 0, hint: StaticString = "") {
        self.code = code
        self.offset = offset
        self.hint = StaticStringHint(hint)
    }

    package var description: String { "\(code.rawValue) at octet \(offset): \(hint.text)" }

    /// A hint that can only come from our own source text, so that no peer data is in an error.
    package struct StaticStringHint: Hashable, Sendable {
        package let text: String

        init(_ text: StaticString) { self.text = text.description }
    }
}
