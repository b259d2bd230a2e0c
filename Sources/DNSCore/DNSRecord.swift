package import MailSyntax

/// One record's data.
package enum DNSRecord: Sendable, Hashable {
    case address(IPAddress)
    case mailExchange(MailExchange)
    /// The strings of one TXT record joined without a separator.
    case text([UInt8])
    case pointer(String)
    case canonicalName(String)
    case nameServer(String)
    case service(ServiceLocation)
    case tlsAssociation(TLSAssociation)
    case authorization(CertificateAuthorization)
}

/// An MX record. // RFC 1035 §3.3.9
package struct MailExchange: Sendable, Hashable {
    package var preference: UInt16
    /// In presentation form without the final dot; empty for the root.
    package var host: String

    package init(preference: UInt16, host: String) {
        self.preference = preference
        self.host = host
    }

    /// The record that says "this domain accepts no mail".
    package var isNull: Bool { host.isEmpty }  // RFC 7505 §3
}

/// An SRV record. // RFC 2782
package struct ServiceLocation: Sendable, Hashable {
    package var priority: UInt16
    package var weight: UInt16
    package var port: UInt16
    /// In presentation form without the final dot; empty when the service is decidedly not available.
    package var target: String

    package init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// A TLSA record. // RFC 6698 §2.1
package struct TLSAssociation: Sendable, Hashable {
    package var usage: UInt8
    package var selector: UInt8
    package var matching: UInt8
    package var data: [UInt8]

    package init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.data = data
    }
}

/// A CAA record: who may issue certificates. // RFC 8659 §4
package struct CertificateAuthorization: Sendable, Hashable {
    package var flags: UInt8
    /// In lower case: `issue`, `issuewild`, `iodef` or another.
    package var tag: String
    /// Octets outside of UTF-8 are shown as U+FFFD.
    package var value: String

    package init(flags: UInt8 = 0, tag: String, value: String) {
        self.flags = flags
        self.tag = tag
        self.value = value
    }
}
