import MailSyntax

// MARK: - Rewriting

extension Schema {
    static let rewriting: [Setting] = [
        Setting(
            "rewrite.origin", \.rewrite.origin, ValueType<DomainName>.domain.optional, .live,
            default: "`server.hostname`", "Put behind addresses and table results that have no domain."
        ),
        Setting(
            "rewrite.header_clients", \.rewrite.headerClients, .word, .live,
            "Whose header fields are rewritten: those of our own clients (logins, trusted networks, devices, `sendmail`), "
                + "everybody's, or nobody's."
        ),
        table("sender_canonical", \.rewrite.senderCanonical, "New forms of sender addresses, before `canonical`."),
        table("recipient_canonical", \.rewrite.recipientCanonical, "New forms of recipients, before `canonical`."),
        table("canonical", \.rewrite.canonical, "New forms of addresses, in envelope and header, until none changes."),
        Setting(
            "rewrite.canonical_classes", \.rewrite.canonicalClasses, .rewriteClasses, .live,
            "Where `canonical` applies."
        ),
        Setting(
            "rewrite.masquerade_domains", \.rewrite.masquerade.domains,
            .list(of: .masqueradeDomain, named: "list of domains", example: "example.org"), .live,
            "Domains whose sub-domains are cut off in addresses. From left to right the first that matches holds; "
                + "`!sub.example.org` keeps it and the domains below it."
        ),
        Setting(
            "rewrite.masquerade_exceptions", \.rewrite.masquerade.exceptions,
            .list(of: .localPart, named: "list of local parts", example: "root"), .live,
            "Local parts that are not masqueraded."
        ),
        Setting(
            "rewrite.masquerade_classes", \.rewrite.masquerade.classes, .rewriteClasses, .live,
            "Where masquerading applies."
        ),
        Setting(
            "rewrite.always_bcc", \.rewrite.alwaysBCC, ValueType<EmailAddress>.emailAddress.optional, .live,
            "An address that gets a copy of every message."
        ),
        table("sender_bcc", \.rewrite.senderBCC, "An address that gets a copy of what a sender sends."),
        table("recipient_bcc", \.rewrite.recipientBCC, "An address that gets a copy of what a recipient is sent."),
        table(
            "virtual", \.rewrite.virtual,
            "What mail for an address becomes: one address or several, anywhere. A domain as a key (with any value) makes "
                + "it hosted here."),
        table("header_checks", \.rewrite.headerChecks, "What happens to header fields of mail that comes in."),
        Setting(
            "rewrite.mime_header_checks", \.rewrite.mimeHeaderChecks, ValueType<[TableSource]>.tables.optional, .live,
            "The same for the headers of a message's parts, and for Content-Type and the other fields of MIME wherever they "
                + "stand. Without it `header_checks` is asked; `[]` asks nothing."
        ),
        Setting(
            "rewrite.nested_header_checks", \.rewrite.nestedHeaderChecks, ValueType<[TableSource]>.tables.optional,
            .live,
            "The same for the other fields of attached messages. Without it `header_checks` is asked; `[]` asks nothing."
        ),
        table(
            "generic", \.rewrite.generic,
            "New forms of addresses, in envelope and header, of mail that leaves; mail kept here has the old."),
        table(
            "sending_header_checks", \.rewrite.sendingHeaderChecks, "What happens to header fields of mail that leaves."
        ),
        Setting(
            "rewrite.propagate_extensions", \.rewrite.propagateExtensions, .words(TablePurpose.self), .live,
            "The tables whose results get back the `+extension` that an address was found without."
        ),
        Setting(
            "rewrite.srs", \.rewrite.srs, ValueType<Manifest.SRS>.srs.optional, .live,
            "The Sender Rewriting Scheme for mail that an alias sends on: `domain`, whose mail comes here; `secret_file` or "
                + "`secret_env`, the first line of which makes addresses while the others still verify; `validity` (`21d`)."
        ),
    ]

    private static func table(
        _ name: String, _ place: any WritableKeyPath<Manifest, [TableSource]> & Sendable, _ doc: String
    ) -> Setting {
        Setting("rewrite.\(name)", place, .tables, .live, doc)
    }
}

extension ValueType where Value == Manifest.Masquerade.Domain {
    static var masqueradeDomain: ValueType {
        .scalar("domain or `!domain`", example: "example.org") { text throws(ValueProblem) in
            let isException = text.hasPrefix("!")
            guard let domain = DomainName(isException ? text.dropFirst() : text[...]) else {
                throw ValueProblem(
                    message: "is `\(text)`, not a domain", remedy: "write `example.org` or `!example.org`")
            }
            return .init(domain: domain, isException: isException)
        } render: {
            ($0.isException ? "!" : "") + $0.domain.ascii
        }
    }
}

/// What is read of `rewrite.srs`, before it is whole.
private struct SRSReading: Sendable, Equatable {
    var domain: DomainName?
    var secret: SecretSource?
    var validity: Duration = .seconds(21 * 86400)
}

extension ValueType where Value == Manifest.SRS {
    static var srs: ValueType {
        let reading = ValueType<SRSReading>.section(
            named: "section", example: "domain: example.org, secret_file: srs.secret", start: .init(),
            exclusive: [["secret_file", "secret_env"]],
            fields: [.init("domain", \.domain, ValueType<DomainName>.domain.optional, required: true)]
                + SectionField.secret("secret", \.secret) + [
                    .init("validity", \.validity, .duration(.seconds(86400)...(.seconds(365 * 86400)), example: "21d"))
                ])
        return ValueType(
            name: reading.name, shape: .section,
            read: { node, state in
                guard let read = reading.read(node, &state), let domain = read.domain else { return nil }
                guard let secret = read.secret else {
                    state.reportValue(node, "has no secret", remedy: "add `secret_file: srs.secret`")
                    return nil
                }
                return Manifest.SRS(domain: domain, secret: secret, validity: read.validity)
            },
            render: { reading.render(.init(domain: $0.domain, secret: $0.secret, validity: $0.validity)) }
        )
    }
}
