package import DNSCore

/// What a host's secure TLSA records ask of its certificate.
package struct DANERecords: Sendable, Hashable {
    /// The TLSA base domain, in lower case without the final dot: the name that is sent as SNI, and the first of the names
    /// that a certificate may have. // RFC 7672 §2.2.3
    package var base: String
    /// Where the records stand, such as `_25._tcp.mx.example.org`.
    package var owner: String
    /// Those that can be used; at least one.
    package var records: [TLSAssociation]

    package init(base: String, owner: String, records: [TLSAssociation]) {
        self.base = base
        self.owner = owner
        self.records = records
    }

    /// The records that SMTP can use, those with the weaker digest left out where a stronger one stands beside them.
    package static func usable(_ records: [TLSAssociation]) -> [TLSAssociation] {
        let usable = records.filter(\.isUsable)
        // RFC 7671 §9: of the digests for one usage and selector only the strongest counts; whole data always does.
        return usable.filter { record in
            record.matching != TLSAssociation.sha256
                || !usable.contains {
                    $0.usage == record.usage && $0.selector == record.selector && $0.matching == TLSAssociation.sha512
                }
        }
    }
}

extension TLSAssociation {
    // RFC 7218 §2.1
    package static let trustAnchor: UInt8 = 2
    package static let endEntity: UInt8 = 3
    // RFC 7218 §2.3
    package static let whole: UInt8 = 0
    package static let sha256: UInt8 = 1
    package static let sha512: UInt8 = 2

    /// The record is of the public key, not of the whole certificate. // RFC 6698 §2.1.2
    package var isOfKey: Bool { selector == 1 }

    /// Whether SMTP can do something with the record; those of public authorities add nothing. // RFC 7672 §3.1.3
    package var isUsable: Bool {
        guard usage == Self.trustAnchor || usage == Self.endEntity, selector <= 1 else { return false }
        // RFC 6698 §4.1: data that can't be of the type makes a record unusable.
        switch matching {
        case Self.whole: return !data.isEmpty
        case Self.sha256: return data.count == 32
        case Self.sha512: return data.count == 64
        default: return false
        }
    }

    /// As in a zone file, with the data in full: `3 1 1 ab12…`. // RFC 6698 §2.2
    package var text: String { "\(usage) \(selector) \(matching) \(hexadecimal(data[...]))" }

    /// For a person: of long data the beginning.
    package var summary: String {
        "\(usage) \(selector) \(matching) \(hexadecimal(data.prefix(8)))\(data.count > 8 ? "…" : "")"
    }

    private func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
