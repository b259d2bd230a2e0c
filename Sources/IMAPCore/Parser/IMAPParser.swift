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
    /// - Throws: `IMAPParseError`, with the tag when it was readable.
    package func parse(_ frame: [UInt8]) throws(IMAPParseError) -> IMAPCommand {
        var cursor = CommandCursor(frame, parser: self)
        let tag = try cursor.tag()
        do throws(IMAPParseError) {
            try cursor.space()
            if cursor.startsAppend { return try appendOfURLs(frame) }
            let body = try cursor.commandBody()
            try cursor.finish()
            return IMAPCommand(tag: tag, body: body)
        } catch {
            throw Self.adding(tag, to: error)
        }
    }

    /// APPEND or REPLACE of what is on this server already, which needs no streamed literal. RFC 4469 §3
    private func appendOfURLs(_ frame: [UInt8]) throws(IMAPParseError) -> IMAPCommand {
        var cursor = CommandCursor(frame, parser: self)
        var append = AppendParser(self)
        let (command, elements) = try append.begin(&cursor, literal: nil)
        return IMAPCommand(tag: command.tag, body: .append(command, elements))
    }

    /// The tag of a frame that was refused before it was complete, if it can be read.
    package func tag(of frame: [UInt8]) -> String? {
        var cursor = CommandCursor(frame, parser: self)
        guard let tag = try? cursor.tag(), cursor.at(" ") || cursor.isAtEnd else { return nil }
        return tag
    }

    // RFC 2177 §3
    /// Whether the line that ends IDLE was sent, in any case.
    package static func isDone(_ line: [UInt8]) -> Bool {
        let expected = Array("DONE".utf8)
        return line.count == expected.count && zip(line, expected).allSatisfy { IMAPOctet.upper($0) == $1 }
    }

    static func adding(_ tag: String, to error: IMAPParseError) -> IMAPParseError {
        var tagged = error
        tagged.tag = tag
        return tagged
    }
}

/// Deviations from the grammar that known clients need.
package struct IMAPLeniency: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Spaces before the end of the line: sessions typed by hand and scripts that join words with a space.
    package static let trailingSpace = Self(rawValue: 1)
    /// 8-bit octets in quoted strings of LOGIN, SEARCH and ID without UTF8 enabled, if they are UTF-8:
    /// people have such passwords and search words, and few clients know RFC 6855.
    package static let utf8InStrings = Self(rawValue: 2)
    /// Spaces inside the parentheses of a list: scripts that build flag lists by joining words.
    package static let paddedLists = Self(rawValue: 4)
    /// Several spaces between arguments; off unless asked for.
    package static let doubleSpace = Self(rawValue: 8)
    /// A separator at the end of a mailbox's name: Thunderbird writes the names of folders that hold folders so, where it was
    /// told once that a mailbox can't hold both.
    package static let trailingSeparator = Self(rawValue: 16)

    package static let `default`: Self = [.trailingSpace, .utf8InStrings, .paddedLists, .trailingSeparator]
}
