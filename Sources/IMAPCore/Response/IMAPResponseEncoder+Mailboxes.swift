import NIOCore

/// An attribute of a name in LIST.
package enum ListAttribute: Hashable, Sendable {
    case noInferiors
    case noSelect
    case marked
    case unmarked
    // RFC 3348 §3
    case hasChildren
    case hasNoChildren
    // RFC 5258 §3
    case nonExistent
    case subscribed
    case remote
    // RFC 5465 §3.1
    case noAccess
    // RFC 6154 §2
    case specialUse(IMAPSpecialUse)
}

/// One LIST or LSUB response.
package struct ListResponse: Hashable, Sendable {
    package var attributes: [ListAttribute]
    package var mailbox: IMAPMailboxName
    // RFC 5258 §3.5
    /// Whether `("CHILDINFO" ("SUBSCRIBED"))` is added: a child below, not itself shown, is subscribed.
    package var hasSubscribedChild: Bool
    // RFC 5465 §5.4, RFC 9051 §6.3.9.7
    /// What the mailbox was called before.
    package var oldName: IMAPMailboxName?

    package init(
        _ mailbox: IMAPMailboxName, attributes: [ListAttribute], hasSubscribedChild: Bool = false,
        oldName: IMAPMailboxName? = nil
    ) {
        self.mailbox = mailbox
        self.attributes = attributes
        self.hasSubscribedChild = hasSubscribedChild
        self.oldName = oldName
    }
}

/// One resource of a QUOTA response.
package struct QuotaResource: Hashable, Sendable {
    /// `STORAGE` counts units of 1024 octets.
    package var name: String
    package var usage: UInt64
    package var limit: UInt64

    package init(name: String, usage: UInt64, limit: UInt64) {
        self.name = name
        self.usage = usage
        self.limit = limit
    }
}

extension IMAPResponseEncoder {
    package mutating func list(_ response: ListResponse) {
        mailboxLine("* LIST (", response)
        if response.hasSubscribedChild {
            buffer.writeStaticString(" (\"CHILDINFO\" (\"SUBSCRIBED\"))")
        } else if let old = response.oldName {
            buffer.writeStaticString(" (\"OLDNAME\" (")
            write(old)
            buffer.writeStaticString("))")
        }
        buffer.writeCRLF()
    }

    package mutating func lsub(_ response: ListResponse) {
        mailboxLine("* LSUB (", response)
        buffer.writeCRLF()
    }

    // RFC 3501 §6.3.8
    /// The answer to `LIST "" ""`: the separator and the root of `reference`.
    package mutating func listSeparator() {
        buffer.writeStaticString("* LIST (\\Noselect) \"/\" \"\"\r\n")
    }

    private mutating func mailboxLine(_ start: StaticString, _ response: ListResponse) {
        buffer.writeStaticString(start)
        var isFirst = true
        for attribute in response.attributes {
            if !isFirst { buffer.writeOctet(" ") }
            isFirst = false
            write(attribute)
        }
        buffer.writeStaticString(") \"/\" ")
        write(response.mailbox)
    }

    private mutating func write(_ attribute: ListAttribute) {
        switch attribute {
        case .noInferiors: buffer.writeStaticString("\\Noinferiors")
        case .noSelect: buffer.writeStaticString("\\Noselect")
        case .marked: buffer.writeStaticString("\\Marked")
        case .unmarked: buffer.writeStaticString("\\Unmarked")
        case .hasChildren: buffer.writeStaticString("\\HasChildren")
        case .hasNoChildren: buffer.writeStaticString("\\HasNoChildren")
        case .nonExistent: buffer.writeStaticString("\\NonExistent")
        case .subscribed: buffer.writeStaticString("\\Subscribed")
        case .noAccess: buffer.writeStaticString("\\NoAccess")
        case .remote: buffer.writeStaticString("\\Remote")
        case .specialUse(let use): buffer.writeString(use.rawValue)
        }
    }

    mutating func write(_ mailbox: IMAPMailboxName) {
        buffer.writeAString(mailbox.wire(nameEncoding), utf8InQuoted: nameEncoding == .utf8)
    }

    // RFC 3501 §7.2.4
    /// - Parameter id: the value of MAILBOXID, which alone is none.
    package mutating func status(
        _ mailbox: IMAPMailboxName, _ items: [(item: StatusItem, value: UInt64)], mailboxID id: String = ""
    ) {
        buffer.writeStaticString("* STATUS ")
        write(mailbox)
        buffer.writeStaticString(" (")
        var isFirst = true
        for (item, value) in items {
            if !isFirst { buffer.writeOctet(" ") }
            isFirst = false
            buffer.writeString(item.rawValue)
            buffer.writeOctet(" ")
            if item == .mailboxID {
                // RFC 8474 §4.3
                buffer.writeOctet("(")
                buffer.writeAtom(id)
                buffer.writeOctet(")")
            } else {
                buffer.writeDecimal(value)
            }
        }
        buffer.writeStaticString(")\r\n")
    }

    // RFC 2342 §5
    /// One personal namespace with an empty prefix, that of other users, and no shared one.
    package mutating func namespaces(otherUsers prefix: String) {
        buffer.writeStaticString("* NAMESPACE ((\"\" \"/\")) ((")
        buffer.writeIMAPString(prefix)
        buffer.writeStaticString(" \"/\")) NIL\r\n")
    }

    // RFC 9208 §5.1
    package mutating func quota(root: String, _ resources: [QuotaResource]) {
        buffer.writeStaticString("* QUOTA ")
        buffer.writeAString(root)
        buffer.writeStaticString(" (")
        var isFirst = true
        for resource in resources {
            if !isFirst { buffer.writeOctet(" ") }
            isFirst = false
            buffer.writeAtom(resource.name)
            buffer.writeOctet(" ")
            buffer.writeDecimal(resource.usage)
            buffer.writeOctet(" ")
            buffer.writeDecimal(resource.limit)
        }
        buffer.writeStaticString(")\r\n")
    }

    // RFC 9208 §5.2
    package mutating func quotaRoot(_ mailbox: IMAPMailboxName, roots: [String]) {
        buffer.writeStaticString("* QUOTAROOT ")
        write(mailbox)
        for root in roots {
            buffer.writeOctet(" ")
            buffer.writeAString(root)
        }
        buffer.writeCRLF()
    }
}
