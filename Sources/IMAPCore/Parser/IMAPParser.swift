/// Turns the octets of one command frame into an `IMAPCommand`.
package struct IMAPParser: Sendable {
    package var limits: IMAPLimits
    /// Set once the client has enabled UTF8=ACCEPT: mailbox names are then UTF-8 and quoted strings may be.
    package var nameEncoding: IMAPNameEncoding
    package var leniency: IMAPLeniency

    package init(
        limits: IMAPLimits = IMAPLimits(), nameEncoding: IMAPNameEncoding = .modifiedUTF7,
        leniency: IMAPLeniency = .default
    ) {
        self.limits = limits
        self.nameEncoding = nameEncoding
        self.leniency = leniency
    }

    /// - Parameter frame: a whole command, literals in place (`{5}` CRLF and the octets), with or without its last CRLF.
    package func parse(_ frame: [UInt8]) throws(IMAPParseError) -> IMAPCommand {
        throw IMAPParseError(.unknownCommand, at: 0, "not there yet")
    }

    /// Parses APPEND up to its message.
    ///
    /// - Parameters:
    ///   - prefix: everything before the `{` of the message's literal.
    ///   - size: octets announced.
    package func parseAppend(prefix: [UInt8], size: Int) throws(IMAPParseError) -> IMAPCommand {
        throw IMAPParseError(.unknownCommand, at: 0, "not there yet")
    }

    // RFC 2177 §3
    /// Whether the line that ends IDLE was sent, in any case.
    package static func isDone(_ line: [UInt8]) -> Bool {
        let expected = Array("DONE".utf8)
        return line.count == expected.count && zip(line, expected).allSatisfy { $0 & 0xDF == $1 }
    }
}

/// Deviations from the grammar that known clients need.
package struct IMAPLeniency: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Spaces before the end of the line. Nokia and old Outlook builds, seen until 2015.
    package static let trailingSpace = Self(rawValue: 1)
    /// 8-bit octets in quoted strings of LOGIN and SEARCH without UTF8 enabled, if they are UTF-8. Apple Mail, 2020.
    package static let utf8InStrings = Self(rawValue: 2)
    /// A STORE or APPEND flag list with a space inside its parentheses. Perl Mail::IMAPClient, 2012.
    package static let paddedLists = Self(rawValue: 4)
    /// `FETCH 1 BODY [HEADER]`-free: two spaces between arguments. Hand-written scripts.
    package static let doubleSpace = Self(rawValue: 8)

    package static let `default`: Self = [.trailingSpace, .utf8InStrings, .paddedLists]
}
