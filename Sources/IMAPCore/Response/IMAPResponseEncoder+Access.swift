import NIOCore

extension IMAPResponseEncoder {
    // RFC 4314 §3.6
    package mutating func acl(_ mailbox: IMAPMailboxName, _ entries: [(identifier: String, rights: String)]) {
        buffer.writeStaticString("* ACL ")
        write(mailbox)
        for (identifier, rights) in entries {
            buffer.writeOctet(" ")
            buffer.writeAString(Array(identifier.utf8), utf8InQuoted: nameEncoding == .utf8)
            buffer.writeOctet(" ")
            buffer.writeAString(rights)
        }
        buffer.writeCRLF()
    }

    // RFC 4314 §3.7
    /// - Parameter optional: rights that can be given; those in one string only together.
    package mutating func listRights(
        _ mailbox: IMAPMailboxName, identifier: String, required: String, optional: [String]
    ) {
        buffer.writeStaticString("* LISTRIGHTS ")
        write(mailbox)
        buffer.writeOctet(" ")
        buffer.writeAString(Array(identifier.utf8), utf8InQuoted: nameEncoding == .utf8)
        for rights in [required] + optional {
            buffer.writeOctet(" ")
            buffer.writeAString(rights)
        }
        buffer.writeCRLF()
    }

    // RFC 4314 §3.8
    package mutating func myRights(_ mailbox: IMAPMailboxName, _ rights: String) {
        buffer.writeStaticString("* MYRIGHTS ")
        write(mailbox)
        buffer.writeOctet(" ")
        buffer.writeAString(rights)
        buffer.writeCRLF()
    }

    // RFC 5464 §4.4.1
    /// - Parameters:
    ///   - mailbox: nil for the server's.
    ///   - values: not empty; nil where there is none.
    /// Entries that have changed, without their values; nil for those of the server. RFC 5464 §4.4.2
    package mutating func metadata(changed entries: [String], of mailbox: IMAPMailboxName?) {
        buffer.writeStaticString("* METADATA ")
        if let mailbox { write(mailbox) } else { buffer.writeStaticString("\"\"") }
        for entry in entries {
            buffer.writeOctet(" ")
            buffer.writeAString(entry)
        }
        buffer.writeCRLF()
    }

    package mutating func metadata(
        _ mailbox: IMAPMailboxName?, _ values: [(entry: MetadataEntry, value: [UInt8]?)]
    ) {
        buffer.writeStaticString("* METADATA ")
        if let mailbox { write(mailbox) } else { buffer.writeStaticString("\"\"") }
        var separator: StaticString = " ("
        for (entry, value) in values {
            buffer.writeStaticString(separator)
            separator = " "
            buffer.writeAString(entry.name)
            buffer.writeOctet(" ")
            if let value, value.contains(0) {
                // RFC 5464 §5 (value), RFC 3516 §7: NUL goes in a literal8 alone
                buffer.writeOctet("~")
                buffer.writeLiteralHeader(value.count)
                buffer.writeBytes(value)
            } else {
                buffer.writeNString(value)
            }
        }
        buffer.writeStaticString(")\r\n")
    }
}
