/// A lookup table, as the manifest names it. What its text means is read where it is looked up.
package struct TableSource: Sendable, Hashable {
    package enum Format: String, Sendable, CaseIterable {
        /// Postfix's text format: a key, blanks, a value. Compiled forms (`hash:`, `lmdb:` …) are read from it too.
        case text
        /// POSIX regular expressions.
        case regexp
        /// Perl's.
        case pcre
        /// Networks.
        case cidr
        /// One value for every key.
        case `static`
        /// A query of an SQLite database, described by a file in Postfix's format.
        case sqlite
        /// Every answer of several tables, joined by commas.
        case unionmap
        /// Each table is asked for what the one before it answered.
        case pipemap
    }

    package enum Content: Sendable, Hashable {
        /// An absolute path.
        case file(String)
        /// Keys and values written in the manifest, of format `text`.
        case entries([Entry])
        /// Rules written in the manifest, of format `regexp`, `pcre` or `cidr`, a line each.
        case rules([Rule])
        /// The value of a `static` table.
        case value(String)
        /// The tables of a `unionmap` or `pipemap`.
        case members([TableSource])
    }

    package struct Entry: Sendable, Hashable {
        package var key: String
        package var value: String
        /// In the manifest; nil from the environment.
        package var line: Int?

        package init(key: String, value: String, line: Int? = nil) {
            self.key = key
            self.value = value
            self.line = line
        }
    }

    package struct Rule: Sendable, Hashable {
        package var text: String
        package var line: Int?

        package init(text: String, line: Int? = nil) {
            self.text = text
            self.line = line
        }
    }

    package var format: Format
    package var content: Content
    /// Where it was named: `martlet.yaml:12`.
    package var origin: String

    package init(format: Format, content: Content, origin: String = "") {
        self.format = format
        self.content = content
        self.origin = origin
    }
}

/// What a table is asked for; each purpose has a list of tables, asked in order.
package enum TablePurpose: String, Sendable, Hashable, CaseIterable {
    case senderCanonical = "sender_canonical"
    case recipientCanonical = "recipient_canonical"
    case canonical
    case virtual
    case generic
    case senderBCC = "sender_bcc"
    case recipientBCC = "recipient_bcc"
    case headerChecks = "header_checks"
    case mimeHeaderChecks = "mime_header_checks"
    case nestedHeaderChecks = "nested_header_checks"
    case sendingHeaderChecks = "sending_header_checks"
    /// Recipient → `transport:nexthop`.
    case transport
    /// Sender → next hop.
    case senderRelay = "sender_relay"
    /// Sender, host name or next hop → `user:password`.
    case credentials
    /// Next hop or domain → TLS level.
    case tlsPolicy = "tls_policy"
    /// Recipients that exist in `relay.domains`.
    case relayRecipients = "relay_recipients"
}

extension Manifest {
    /// The tables that are asked for a purpose, in order.
    package func tables(for purpose: TablePurpose) -> [TableSource] {
        switch purpose {
        case .senderCanonical: rewrite.senderCanonical
        case .recipientCanonical: rewrite.recipientCanonical
        case .canonical: rewrite.canonical
        case .virtual: rewrite.virtual
        case .generic: rewrite.generic
        case .senderBCC: rewrite.senderBCC
        case .recipientBCC: rewrite.recipientBCC
        case .headerChecks: rewrite.headerChecks
        case .mimeHeaderChecks: rewrite.mimeHeaderChecks ?? []
        case .nestedHeaderChecks: rewrite.nestedHeaderChecks ?? []
        case .sendingHeaderChecks: rewrite.sendingHeaderChecks
        case .transport: routing.transport
        case .senderRelay: routing.senderRelay
        case .credentials: routing.credentials
        case .tlsPolicy: routing.tlsPolicy
        case .relayRecipients: relay.recipients
        }
    }
}
