package import DNSCore
import MailAuth
package import MailSyntax

/// A record that belongs into the DNS, with what it is for.
package struct WantedRecord: Sendable, Hashable {
    package enum Data: Sendable, Hashable {
        case address(IPAddress)
        case mailExchange(MailExchange)
        case text(String)
        case service(ServiceLocation)
        case association(TLSAssociation)
        case canonicalName(String)
        /// Who may issue certificates: the tag `issue` with this value.
        case issuer(String)
    }

    /// The owner, without the final dot.
    package var name: String
    package var data: Data
    package var purpose: String
    /// False for what can be left out.
    package var isRequired: Bool

    init(_ name: String, _ data: Data, _ purpose: String, isRequired: Bool = true) {
        self.name = name
        self.data = data
        self.purpose = purpose
        self.isRequired = isRequired
    }

    package var type: String {
        switch data {
        case .address(let address): address.isV6 ? "AAAA" : "A"
        case .mailExchange: "MX"
        case .text: "TXT"
        case .service: "SRV"
        case .association: "TLSA"
        case .canonicalName: "CNAME"
        case .issuer: "CAA"
        }
    }

    /// The data as zone files write it. // RFC 1035 §5.1
    package var presentation: String {
        switch data {
        case .address(let address): address.description
        case .mailExchange(let exchange): "\(exchange.preference) \(exchange.host)."
        case .text(let text): ZoneFile.quoted(text)
        case .service(let service): "\(service.priority) \(service.weight) \(service.port) \(service.target)."
        case .association(let association): association.text
        case .canonicalName(let name): "\(name)."
        case .issuer(let authority): "0 issue \"\(authority)\""  // RFC 8659 §4.1.1
        }
    }

    /// The record as a line of a zone file.
    package var line: String { "\(name). IN \(type) \(presentation)" }
}
