import MailSyntax

/// One field of a header.
package struct HeaderField: Sendable {
    /// As spelled in the message; empty for a line that is not a field.
    package let name: String
    /// What follows the colon, folded as it stands, without the final line end.
    package let rawValue: ArraySlice<UInt8>
    /// Octets in the block, final line end included.
    package let range: Range<Int>

    /// The value with folding undone and blanks at both ends dropped.
    package var unfolded: [UInt8] { unfold(rawValue) }

    /// The value as text: unfolded, encoded words decoded.
    package var text: String { EncodedWord.decode(unfolded) }

    /// RFC 5322 §1.2.2: names are compared without regard to case.
    package func isNamed(_ other: String) -> Bool { equalsIgnoringCase(name, other) }
}

/// A header: the octets up to and including the blank line, and where its fields are.
package struct HeaderBlock: Sendable {
    package let bytes: [UInt8]
    package let fields: [HeaderField]

    /// Never fails; reading stops at the first blank line, and what follows it is dropped.
    package init(parsing bytes: [UInt8]) {
        var fields: [HeaderField] = []
        var end = bytes.count
        bytes.withUnsafeBufferPointer { buffer in
            var cursor = FieldCursor(end: buffer.count)
            while let bounds = cursor.next(buffer) {
                let name = String(decoding: buffer[bounds.name], as: UTF8.self)
                fields.append(HeaderField(name: name, rawValue: bytes[bounds.value], range: bounds.whole))
            }
            end = cursor.position
            if end < buffer.count, buffer[end] == 13 { end += 1 }
            if end < buffer.count, buffer[end] == 10 { end += 1 }
        }
        self.bytes = end == bytes.count ? bytes : Array(bytes[..<end])
        self.fields = fields
    }

    /// The topmost field of that name, in any case.
    package func first(_ name: String) -> HeaderField? { fields.first { $0.isNamed(name) } }

    /// All fields of that name, from the top down.
    package func all(_ name: String) -> [HeaderField] { fields.filter { $0.isNamed(name) } }

    /// Unfolded values of all fields of that name.
    package func values(_ name: String) -> [[UInt8]] { all(name).map(\.unfolded) }
}

func equalsIgnoringCase(_ a: String, _ b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    return zip(a.utf8, b.utf8).allSatisfy { x, y in
        x == y || (x | 0x20 == y | 0x20 && (97...122).contains(x | 0x20))
    }
}
