import MailSyntax

/// A subject without what replies and forwards put around it. RFC 5256 §2.1
package struct BaseSubject: Sendable, Equatable {
    /// UTF-8; may be empty.
    package let text: String
    /// Something was removed that marks a reply or a forward. RFC 5256 §3 (REFERENCES)
    package let isReplyOrForward: Bool

    /// - Parameter subject: the field's value, unfolded, encoded words not decoded.
    package init(_ subject: some Collection<UInt8>) {
        var reader = Reader(Self.normalized(EncodedWord.decode(subject)))
        reader.reduce()
        text = String(decoding: reader.bytes[reader.range], as: UTF8.self)
        isReplyOrForward = reader.isReplyOrForward
    }

    // RFC 5256 §2.1 (1): tabs and line ends are blanks, several blanks are one.
    private static func normalized(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        for byte in text.utf8 {
            let isBlank = byte == 32 || byte == 9 || byte == 13 || byte == 10
            if !isBlank { out.append(byte) } else if out.last != 32 { out.append(32) }
        }
        return out
    }

    private struct Reader {
        let bytes: [UInt8]
        /// What is left of the subject.
        var range: Range<Int>
        var isReplyOrForward = false

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            range = bytes.indices
        }

        // RFC 5256 §2.1 (2) to (6). Every step but the last makes the range shorter.
        mutating func reduce() {
            repeat {
                removeTrailers()
                while removeLeader() || removeBlob() {}
            } while removeForward()
        }

        // RFC 5256 §2.1 (2), §5 (subj-trailer)
        private mutating func removeTrailers() {
            while !range.isEmpty {
                if bytes[range.upperBound - 1] == 32 {
                    range = range.lowerBound..<(range.upperBound - 1)
                } else if hasSuffix("(fwd)") {
                    range = range.lowerBound..<(range.upperBound - 5)
                    isReplyOrForward = true
                } else {
                    return
                }
            }
        }

        // RFC 5256 §2.1 (3), §5 (subj-leader)
        private mutating func removeLeader() -> Bool {
            guard !range.isEmpty else { return false }
            if bytes[range.lowerBound] == 32 {
                range = (range.lowerBound + 1)..<range.upperBound
                return true
            }
            var position = range.lowerBound
            while let next = blob(at: position) { position = next }
            guard let end = replyMark(at: position) else { return false }
            range = end..<range.upperBound
            isReplyOrForward = true
            return true
        }

        // RFC 5256 §2.1 (4)
        private mutating func removeBlob() -> Bool {
            guard let end = blob(at: range.lowerBound), end < range.upperBound else { return false }
            range = end..<range.upperBound
            return true
        }

        // RFC 5256 §2.1 (6), §5 (subj-fwd)
        private mutating func removeForward() -> Bool {
            guard range.count >= 6, matches("[fwd:", at: range.lowerBound),
                bytes[range.upperBound - 1] == UInt8(ascii: "]")
            else { return false }
            range = (range.lowerBound + 5)..<(range.upperBound - 1)
            isReplyOrForward = true
            return true
        }

        /// The place after `[…]` and blanks; nil when there is none. RFC 5256 §5 (subj-blob)
        private func blob(at start: Int) -> Int? {
            guard start < range.upperBound, bytes[start] == UInt8(ascii: "[") else { return nil }
            var index = start + 1
            while index < range.upperBound, bytes[index] != UInt8(ascii: "]") {
                if bytes[index] == UInt8(ascii: "[") { return nil }
                index += 1
            }
            guard index < range.upperBound else { return nil }
            return blanks(after: index + 1)
        }

        /// The place after `Re:`, `Fw:` or `Fwd:` with or without a blob in it. RFC 5256 §5 (subj-refwd)
        private func replyMark(at start: Int) -> Int? {
            var index: Int
            if matches("re", at: start) {
                index = start + 2
            } else if matches("fwd", at: start) {
                index = start + 3
            } else if matches("fw", at: start) {
                index = start + 2
            } else {
                return nil
            }
            index = blanks(after: index)
            if let end = blob(at: index) { index = end }
            guard index < range.upperBound, bytes[index] == UInt8(ascii: ":") else { return nil }
            return index + 1
        }

        private func blanks(after start: Int) -> Int {
            var index = start
            while index < range.upperBound, bytes[index] == 32 { index += 1 }
            return index
        }

        private func hasSuffix(_ word: StaticString) -> Bool {
            range.count >= word.utf8CodeUnitCount && matches(word, at: range.upperBound - word.utf8CodeUnitCount)
        }

        /// `word` is lower-case.
        private func matches(_ word: StaticString, at start: Int) -> Bool {
            guard start >= range.lowerBound, range.upperBound - start >= word.utf8CodeUnitCount else { return false }
            return word.withUTF8Buffer { wanted in
                wanted.indices.allSatisfy { offset in
                    let byte = bytes[start + offset]
                    return (byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte) == wanted[offset]
                }
            }
        }
    }
}
