/// The little the framer knows of commands.
enum CommandWord {
    private static let changing: [[UInt8]] = [
        "STARTTLS", "AUTHENTICATE", "UNAUTHENTICATE", "LOGIN", "IDLE", "LOGOUT", "COMPRESS",
    ].map { Array($0.utf8) }
    private static let url = Array("URL".utf8)

    static func changesFraming(_ command: [UInt8]) -> Bool {
        guard let word = word(in: command, from: afterTag(command)) else { return false }
        return changing.contains(command[word].map(IMAPOctet.upper))
    }

    /// Whether the literal whose `{` stands at `brace` is message text of an APPEND or REPLACE, not one of its arguments.
    static func announcesMessage(_ command: [UInt8], brace: Int) -> Bool {
        guard let mailbox = mailboxOfAppend(in: command), brace > mailbox else { return false }
        // A mailbox may be called URL.
        return brace - mailbox <= 4 || !announcesURL(command[..<brace])
    }

    /// Whether the text before a literal's `{` says that it is the argument of URL. RFC 4469 §5
    static func announcesURL(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.last == UInt8(ascii: " "), text.dropLast().suffix(3).map(IMAPOctet.upper) == url else {
            return false
        }
        let before = text.dropLast(4).last
        return before == UInt8(ascii: " ") || before == UInt8(ascii: "(")
    }

    /// Where the mailbox name begins; nil for other commands.
    private static func mailboxOfAppend(in command: [UInt8]) -> Int? {
        guard var word = word(in: command, from: afterTag(command)) else { return nil }
        var name = command[word].map(IMAPOctet.upper)
        if name.elementsEqual("APPEND".utf8) { return word.upperBound + 1 }
        if name.elementsEqual("UID".utf8) {
            guard let next = self.word(in: command, from: word.upperBound + 1) else { return nil }
            word = next
            name = command[word].map(IMAPOctet.upper)
        }
        // RFC 8508 §5: the message to replace stands before the mailbox
        guard name.elementsEqual("REPLACE".utf8),
            let number = self.word(in: command, from: word.upperBound + 1),
            number.upperBound < command.count, command[number.upperBound] == UInt8(ascii: " ")
        else { return nil }
        return number.upperBound + 1
    }

    private static func afterTag(_ command: [UInt8]) -> Int {
        command.prefix(256).firstIndex(of: UInt8(ascii: " ")).map { $0 + 1 } ?? command.count
    }

    private static func word(in command: [UInt8], from start: Int) -> Range<Int>? {
        guard start < command.count else { return nil }
        let word = command[start...].prefix(16).prefix { $0 != UInt8(ascii: " ") && $0 != 0x0D }
        return word.isEmpty ? nil : start..<word.endIndex
    }
}
