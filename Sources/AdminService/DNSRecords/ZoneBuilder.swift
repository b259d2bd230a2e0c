package import Directory
package import MailSyntax

/// Makes the records that a domain needs in the DNS. Pure: addresses, keys and listeners come in, text comes out.
package struct ZoneBuilder: Sendable {
    package var domain: DomainName
    package var kind: DomainKind
    /// The server's own name.
    package var hostname: DomainName
    /// Where the server is reached from outside.
    package var addresses: [IPAddress]
    package var listeners: [ListenerStatus]
    package var keys: [DKIMKeySummary]

    package init(
        domain: DomainName,
        kind: DomainKind = .hosted,
        hostname: DomainName,
        addresses: [IPAddress],
        listeners: [ListenerStatus],
        keys: [DKIMKeySummary]
    ) {
        self.domain = domain
        self.kind = kind
        self.hostname = hostname
        self.addresses = addresses
        self.listeners = listeners
        self.keys = keys
    }

    package func build() -> ZoneText {
        var records = hostRecords()
        switch kind {
        case .hosted: records += mailRecords() + keyRecords() + [dmarcRecord()] + serviceRecords()
        case .sendOnly: records += [senderRecord()] + keyRecords()
        }
        return ZoneText(records: records, text: render(records))
    }

    // MARK: Records

    private func hostRecords() -> [ZoneRecord] {
        let elsewhere =
            hostname == domain || hostname.isSubdomain(of: domain) ? "" : "; goes into the zone that holds it"
        var records = addresses.map { address in
            ZoneRecord(
                name: "\(hostname).",
                type: address.isV6 ? "AAAA" : "A",
                data: address.description,
                comment: "where the server is" + elsewhere + (address.isReachable ? "" : Self.privateRemark),
                required: true
            )
        }
        if hostname != domain {
            records.append(
                ZoneRecord(
                    name: "\(hostname).",
                    type: "TXT",
                    data: Self.quoted("v=spf1 a -all"),
                    comment: "SPF for the server's own name, which reports of failed delivery come from" + elsewhere,
                    required: true
                )
            )
        }
        return records
    }

    private func mailRecords() -> [ZoneRecord] {
        let usual = listeners.isEmpty || listeners.contains { $0.kind == "mx" && $0.port == 25 }
        let remark = usual ? "" : "; others connect to port 25 only, where this server does not listen"
        return [
            ZoneRecord(
                name: "\(domain).",
                type: "MX",
                data: "10 \(hostname).",
                comment: "mail for the domain comes here" + remark,
                required: true
            ),
            ZoneRecord(
                name: "\(domain).",
                type: "TXT",
                data: Self.quoted("v=spf1 mx ~all"),
                comment: "SPF: mail from the domain leaves from the hosts of its MX (add others that send for you)",
                required: true
            ),
        ]
    }

    /// A domain whose mailboxes are elsewhere has its MX and mostly an SPF record already, and may have but one.
    /// RFC 7208 §3.2
    private func senderRecord() -> ZoneRecord {
        ZoneRecord(
            name: "\(domain).",
            type: "TXT",
            data: Self.quoted("v=spf1 a:\(hostname) ~all"),
            comment: "SPF: mail from the domain leaves from this server too; where the domain has such a record, put "
                + "a:\(hostname) into it (and what a smarthost asks for)",
            required: true
        )
    }

    private func keyRecords() -> [ZoneRecord] {
        keys.filter { $0.domain == domain.ascii }.map { key in
            ZoneRecord(
                name: key.recordName,
                type: "TXT",
                data: Self.quoted(key.recordText),
                comment: "DKIM: the public key that signatures are checked with (\(key.algorithm))",
                required: true
            )
        }
    }

    private func dmarcRecord() -> ZoneRecord {
        ZoneRecord(
            name: "_dmarc.\(domain).",
            type: "TXT",
            data: Self.quoted("v=DMARC1; p=quarantine; rua=mailto:postmaster@\(domain)"),
            comment: "DMARC: what others do with mail that neither SPF nor DKIM vouches for, and where they report",
            required: true
        )
    }

    private func serviceRecords() -> [ZoneRecord] {
        let services: [(kind: String, label: String, comment: String)] = [
            ("submission", "_submission", "clients find where to send, with STARTTLS"),
            ("submissions", "_submissions", "clients find where to send, with TLS"),
            ("imap", "_imap", "clients find their mailboxes, with STARTTLS"),
            ("imaps", "_imaps", "clients find their mailboxes, with TLS"),
            ("pop3", "_pop3", "clients find their mail by POP3, with STLS"),
            ("pop3s", "_pop3s", "clients find their mail by POP3, with TLS"),
        ]
        // RFC 6186 §3.1, RFC 8314 §5.1: clear text with an upgrade comes after TLS from the start.
        let late: Set = ["submission", "imap", "pop3"]
        return services.compactMap { service in
            guard let listener = listeners.first(where: { $0.kind == service.kind }) else { return nil }
            return ZoneRecord(
                name: "\(service.label)._tcp.\(domain).",
                type: "SRV",
                data: "\(late.contains(service.kind) ? 10 : 0) 1 \(listener.port) \(hostname).",
                comment: service.comment,
                required: false
            )
        }
    }

    private static let privateRemark = "; not an address of the internet: give the public one with --address"

    // MARK: Text

    /// A TXT record's text as quoted strings of at most 255 octets each. RFC 1035 §3.3, RFC 6376 §3.6.2.2.
    static func quoted(_ text: String) -> String {
        var pieces: [String] = []
        var piece: [UInt8] = []
        for byte in text.utf8 {
            if piece.count == 255 {
                pieces.append(presentation(piece))
                piece = []
            }
            piece.append(byte)
        }
        pieces.append(presentation(piece))
        return pieces.count == 1 ? pieces.joined() : "( " + pieces.joined(separator: " ") + " )"
    }

    private static func presentation(_ bytes: [UInt8]) -> String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7E: text += String(UnicodeScalar(byte))
            default: text += "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + String(byte)
            }
        }
        return text + "\""
    }

    private func isInZone(_ record: ZoneRecord) -> Bool {
        record.name == "\(domain)." || record.name.hasSuffix(".\(domain).")
    }

    private func render(_ records: [ZoneRecord]) -> String {
        var text = "; DNS records of \(domain) for the mail server \(hostname)\n"
        if kind == .sendOnly { text += "; The domain only sends from here: its MX stays as it is\n" }
        text += "$TTL 3600\n"
        for record in records {
            text += "\n; \(record.comment)\(record.required ? "" : " (optional)")\n"
            // A name server refuses a zone that holds names of another.
            let mark = isInZone(record) ? "" : "; "
            text += "\(mark)\(record.name) IN \(record.type) \(record.data)\n"
        }
        if addresses.isEmpty {
            text += "\n; No address is known: give the public ones with --address\n"
        }
        text += "\n; The reverse name (PTR) of each address is set by who gave you the address, not in this zone."
        text += " Many servers refuse mail without it:\n"
        for address in addresses where address.isReachable {
            text += "; \(address.reverseName). IN PTR \(hostname).\n"
        }
        if !addresses.contains(where: \.isReachable) { text += "; … IN PTR \(hostname).\n" }
        return text
    }
}

extension IPAddress {
    /// False for loopback, private, shared, link-local and multicast addresses, which nobody outside can send to.
    /// RFC 6890 §2.2
    var isReachable: Bool {
        let blocked = isV6 ? Self.unreachableV6 : Self.unreachableV4
        return !isUnspecified && !blocked.contains { $0.contains(self) }
    }

    private static let unreachableV4 = [
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3",
    ].compactMap { IPNetwork($0) }

    private static let unreachableV6 = ["::1/128", "fc00::/7", "fe80::/10", "ff00::/8"].compactMap { IPNetwork($0) }
}
