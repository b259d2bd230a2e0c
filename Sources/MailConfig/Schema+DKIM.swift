import MailSyntax

extension Schema {
    static let dkim: [Setting] = [
        Setting(
            "dkim.rsa_selector", \.dkim.rsaSelector, .selector, .live,
            "The selector of RSA keys made from now on: the key is published at `selector._domainkey.domain`."
        ),
        Setting(
            "dkim.ed25519_selector", \.dkim.ed25519Selector, .selector, .live,
            "The selector of Ed25519 keys made from now on."
        ),
        Setting(
            "dkim.rsa_bits", \.dkim.rsaBits, .int(1024...4096, example: 2048), unit: "bits", .live,
            "The size of RSA keys made from now on. RFC 8301 §3.2 asks for 1024 at least, better 2048."
        ),
        Setting(
            "dkim.expire", \.dkim.expire,
            ValueType<Duration>.duration(.seconds(3600)...(.seconds(365 * 86400)), example: "14d").orUnlimited, .live,
            "How long a signature is valid (`x=`)."
        ),
        Setting(
            "dkim.retire_after", \.dkim.retireAfter,
            ValueType<Duration>.duration(.seconds(3600)...(.seconds(365 * 86400)), example: "14d").optional, .live,
            default: "7 days, or the longest life of a message in the queue where that is longer",
            "How long the record of a key that a rotation has replaced stays wanted, for mail that was signed with it and "
                + "is still under way. At least `queue.lifetime` and `queue.bounce_lifetime`."
        ),
        Setting(
            "dkim.rotate_every", \.dkim.rotateEvery,
            ValueType<Duration>.duration(.seconds(86400)...(.seconds(3650 * 86400)), example: "180d").orNever, .live,
            "How old a key becomes before the next one is made by itself. It signs as soon as its record is in the DNS; "
                + "until then the log and `martlet dns check` ask for it. `martlet dkim rotate` does the same by hand."
        ),
        Setting(
            "dkim.canonicalization", \.dkim.canonicalization, .word, .live,
            "How much change on the way a signature bears, of the header and of the body."
        ),
        Setting(
            "dkim.oversigned_headers", \.dkim.oversignedHeaders, ValueType<[String]>.fieldNames.optional, .live,
            default: "From, Subject, Date, To, Cc, Reply-To, Message-ID, In-Reply-To, References, MIME-Version, "
                + "Content-Type, Content-Transfer-Encoding",
            "Header fields that are signed once more than the message has them: whoever adds another makes the signature "
                + "invalid. A relay on your way out that adds such a field does so too."
        ),
        Setting(
            "dkim.signed_headers", \.dkim.signedHeaders, ValueType<[String]>.fieldNames.optional, .live,
            default: "Sender, Content-*, Resent-*, List-*, Autocrypt, Auto-Submitted and TLS-Report-*; "
                + "`docs/dkim.md` lists them",
            "Header fields that are signed as often as the message has them. `From` is signed in any case."
        ),
        Setting(
            "dkim.subdomains", \.dkim.subdomains, .word, .live,
            "What signs a `From` below a domain with keys, where the domain in `From` has none itself. `parent`: those keys, "
                + "in the name of the domain above (`d=example.org` for `news.example.org`). `own`: those keys with "
                + "`d=news.example.org`; their records have to be published there too."
        ),
        Setting(
            "dkim.key_table", \.dkim.keyTable, ValueType<Manifest.DKIM.Table>.dkimTable.optional, .live,
            "OpenDKIM's KeyTable: `NAME DOMAIN:SELECTOR:KEYFILE` a line. `refile:PATH` for patterns. It is read again when "
                + "it or a key changes."
        ),
        Setting(
            "dkim.signing_table", \.dkim.signingTable, ValueType<Manifest.DKIM.Table>.dkimTable.optional, .live,
            "OpenDKIM's SigningTable: `SENDER NAME` a line, `refile:PATH` for patterns such as `*@example.org`. A `From` that "
                + "it has is signed with the key of that name, any other with the keys of its domain."
        ),
        Setting(
            "dkim.multiple_signatures", \.dkim.multipleSignatures, .bool, .live,
            "Every line of `dkim.signing_table` that fits signs, not the first one alone (OpenDKIM's MultipleSignatures)."
        ),
    ]
}

extension ValueType where Value == [String] {
    /// Names of header fields that may be signed.
    static var fieldNames: ValueType { .list(of: .fieldName, named: "list of header fields", example: "Subject") }
}

extension ValueType where Value == String {
    /// The name of a header field that survives transport.
    static var fieldName: ValueType {
        .scalar("header field", example: "Subject") { text throws(ValueProblem) in
            // RFC 5322 §3.6.8, and no `;`, which ends the list in a signature. // RFC 6376 §3.5
            let isName =
                !text.isEmpty && text.utf8.count <= 76
                && text.utf8.allSatisfy { (33...126).contains($0) && $0 != 0x3A && $0 != 0x3B }
            guard isName else {
                throw ValueProblem(
                    message: "is `\(text)`, not the name of a header field", remedy: "write one such as `Subject`")
            }
            // RFC 6376 §5.4.1
            guard !["return-path", "received", "bcc", "dkim-signature"].contains(text.lowercased()) else {
                throw ValueProblem(
                    message: "has `\(text)`, which changes or is removed on the way",
                    remedy: "remove it: the signature would not be valid where the message arrives")
            }
            return text
        } render: {
            $0
        }
    }
}

extension ValueType where Value == Manifest.DKIM.Table {
    /// `/path`, `file:/path` or `refile:/path`.
    static var dkimTable: ValueType {
        let path = ValueType<String>.path
        return ValueType(
            name: "path, or `refile:` and a path",
            read: { node, reading in
                guard let text = ValueType<String>.scalarText(node, example: "refile:/etc/martlet/table", &reading)
                else { return nil }
                let hasPatterns = text.hasPrefix("refile:")
                let known = ["refile:", "file:"].first { text.hasPrefix($0) } ?? ""
                let rest = text.dropFirst(known.count)
                let type = rest.prefix { $0 != "/" && $0 != ":" }
                if known.isEmpty, rest.dropFirst(type.count).first == ":" {
                    reading.reportValue(
                        node, "is of the type `\(type):`, which is not read",
                        remedy: "write the table to a file and name it as `refile:PATH` or `PATH`")
                    return nil
                }
                guard !rest.isEmpty, !rest.hasPrefix("~"), !rest.unicodeScalars.contains("\0") else {
                    reading.reportValue(
                        node, "is `\(text)`, not a path",
                        remedy: "write the whole path from `/`, or one that starts in the manifest's folder")
                    return nil
                }
                return Manifest.DKIM.Table(path: reading.resolve(String(rest)), hasPatterns: hasPatterns)
            },
            render: { table in
                let text = path.render(table.path).map(\.inline) ?? table.path
                return .scalar(table.hasPatterns ? "refile:" + text : text)
            }
        )
    }
}
