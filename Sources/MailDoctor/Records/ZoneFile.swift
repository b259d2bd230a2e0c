import MailSyntax

/// Records as text that name servers read.
package enum ZoneFile {
    /// A part of a zone file, with a comment on each record.
    package static func render(_ wanted: WantedRecords) -> String {
        let plan = wanted.plan
        var text = "; DNS records of \(plan.domain) for the mail server \(plan.hostname)\n"
        if plan.kind == .sendOnly { text += "; The domain only sends from here: its MX stays as it is\n" }
        text += "$TTL 3600\n"
        for record in wanted.all {
            text += "\n; \(record.purpose)\(record.isRequired ? "" : " (optional)")\n"
            // A name server refuses a zone that holds names of another.
            let mark = record.name == plan.domain.ascii || record.name.hasSuffix(".\(plan.domain)") ? "" : "; "
            text += "\(mark)\(record.line)\n"
        }
        let obsolete = wanted.obsolete
        if !obsolete.isEmpty {
            text += "\n; Records of DKIM keys that have retired, which may be removed where they still are:\n"
            text += obsolete.map { "; \($0.name). TXT\n" }.joined()
        }
        let uncovered = plan.kind == .hosted ? wanted.guessedNames.filter { !wanted.isCovered($0) } : []
        if !uncovered.isEmpty {
            text += "\n; Names that people guess in mail programs (optional); the certificate has to be for them too:\n"
            text += uncovered.map { "; \($0.line)\n" }.joined()
        }
        if plan.addresses.isEmpty {
            text += "\n; No address is known: give the public ones with --address\n"
        }
        text += "\n; The reverse name (PTR) of each address is set by who gave you the address, not in this zone."
        text += " Many servers refuse mail without it:\n"
        for address in plan.addresses where address.isReachable {
            text += "; \(address.reverseName). IN PTR \(plan.heloName).\n"
        }
        if !plan.addresses.contains(where: \.isReachable) { text += "; … IN PTR \(plan.heloName).\n" }
        return text
    }

    /// A TXT record's text as quoted strings of at most 255 octets each. RFC 1035 §3.3, RFC 6376 §3.6.2.2.
    package static func quoted(_ text: String) -> String {
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
}

extension IPAddress {
    /// False for loopback, private, shared, link-local and multicast addresses, which nobody outside can send to.
    /// RFC 6890 §2.2
    package var isReachable: Bool {
        let blocked = isV6 ? Self.unreachableV6 : Self.unreachableV4
        return !isUnspecified && !blocked.contains { $0.contains(self) }
    }

    private static let unreachableV4 = [
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3",
    ].compactMap { IPNetwork($0) }

    private static let unreachableV6 = ["::1/128", "fc00::/7", "fe80::/10", "ff00::/8"].compactMap { IPNetwork($0) }
}
